// Cases for the sampler: a row, parameters, a history and a point of noise, all
// decided by one number, and what runs them.
//
// Agreement tests and the digest share them, so they use no libm, no std
// distribution, no GoogleTest and no file: the same bits on every machine. A
// Case is a value. Thread-safe but for CaseRunner, which is confined to one
// thread. Making a case costs O(V).
#ifndef LOGITD_TESTS_SAMPLER_CASES_H_
#define LOGITD_TESTS_SAMPLER_CASES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sampler/ends.h"
#include "sampler/history.h"
#include "sampler/kernels/kernels.h"
#include "sampler/params.h"
#include "sampler/sampler.h"
#include "sampler/workspace.h"
#include "tests/support/fenced.h"
#include "tests/support/rows.h"

namespace logitd::tests {

// Which knob a case is about; the others are off.
enum class Focus {
  kTemperature,
  kTopK,
  kTopP,
  kTopPDecay,
  kMinP,
  kRepetition,
  kFrequency,
  kPresence,
  kPromptRepetition,
  kDry,
  kLengthPenalty,
  kLogitBias,
  kAllowedIds,
  kBannedIds,
  kMask,
  kMinTokens,
  kBadWords,
  kSuppressedIds,  // begin_suppressed_ids too
  kNoRepeatNgram,
  kForcedTokens,
  kThinkingBudget,
  kGuidance,   // with knobs that follow it
  kNonFinite,  // NaN and +inf in the row, and beyond the vocabulary
  kDynamicTemperature,
  kSmoothing,
  kTopNSigma,
  kTypical,
  kEpsilon,
  kEta,
  kTopA,
  kTailFree,
  kTopH,
  kPLess,
  kXtc,
  kMirostat,
  kAdaptiveP,
  kTruncations,  // temperature and all truncations together
  kEverything,
  kSteps,      // everything, in an order of its own
  kSchedules,  // everything, as functions of the position
};
inline constexpr int kFocusCount = 40;
const char* Name(Focus focus);

// A draft and what the drafter gave: by id, by `ids`, or, when empty, one-hot.
struct DraftCase {
  uint32_t token = 0;
  std::vector<float> q;
  std::vector<uint32_t> ids;
};

struct Case {
  Params params;
  uint32_t vocab_size = 0;
  std::vector<float> logits;      // at least vocab_size
  std::vector<float> guidance;    // as many, or none
  Dtype dtype = Dtype::kFloat32;  // bf16, fp16: logits are rounded already
  size_t misalignment = 0;        // bytes behind the row
  bool has_mask = false;
  std::vector<uint8_t> mask;
  TokenIds prompt;
  TokenIds output;
  bool prompt_known = true;
  NoisePoint at;  // position: prompt and output
  Feedback feedback;
  Report report;
  std::optional<uint32_t> given;
  std::optional<DraftCase> draft;
  std::string name;  // focus, seed, shape, size: to find it again
};

// A case on a row of its own making.
Case MakeCase(Focus focus, uint32_t vocab_size, uint64_t seed);
// The same on a given row.
Case MakeCase(Focus focus, std::vector<float> logits, uint64_t seed,
              const std::string& row_name);

// A small vocabulary, picked by the seed.
uint32_t SmallVocabulary(uint64_t seed);

struct Ran {
  absl::Status status;
  Outcome outcome;
  FinishReason end = FinishReason::kNone;  // what the token meant, appended
};

// The case's history, following its plan. The plan must be valid.
History MakeHistory(const Case& c, const Plan& plan);
using HistoryMaker = History (*)(const Case& c, const Plan& plan);

// Runs cases on one kernel table, reusing its memory.
class CaseRunner {
 public:
  explicit CaseRunner(const kernels::KernelTable& kernels)
      : sampler_(kernels) {}

  const kernels::KernelTable& kernels() const { return sampler_.kernels(); }
  // The error of Compile or of Sample, or the outcome.
  const Ran& Run(const Case& c, HistoryMaker make_history = MakeHistory,
                 StageObserver* observer = nullptr);

 private:
  Row Store(const Case& c);

  Sampler sampler_;
  Workspace workspace_;
  // The logits in the case's dtype, in *bytes.
  static const void* StoreLogits(const Case& c,
                                 const std::vector<float>& logits,
                                 Fenced* bytes);

  const Draft* StoreDraft(const Case& c);

  Fenced bytes_, guidance_bytes_, mask_bytes_, q_bytes_, ids_bytes_;
  Draft draft_;
  Ran ran_;
};

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_CASES_H_
