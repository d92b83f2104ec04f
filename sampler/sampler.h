// The door: one row of logits in, one token and its numbers out.
//
// Sample() reads like the specification (sampler/README.md): check, guidance,
// bans, bias, penalties, then greedy or the shaping of the distribution, and
// the draw. It moves no state: the caller appends the token to the history.
// Pure on its arguments, thread-safe as long as each thread has its own
// Workspace; does not block, print, abort or, once warm, allocate. Cost: a few
// passes over the row.
#ifndef LOGITD_SAMPLER_SAMPLER_H_
#define LOGITD_SAMPLER_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "sampler/draft.h"
#include "sampler/dtype.h"
#include "sampler/explain.h"
#include "sampler/feedback.h"
#include "sampler/forcing.h"
#include "sampler/history.h"
#include "sampler/kernels/kernels.h"
#include "sampler/noise.h"
#include "sampler/plan.h"
#include "sampler/workspace.h"

namespace logitd {

// A row as received; the bytes are the caller's and are only read.
struct Row {
  const void* logits = nullptr;  // any alignment
  uint32_t width = 0;            // logits; at least the plan's vocab_size
  Dtype dtype = Dtype::kFloat32;
  const uint8_t* mask = nullptr;  // bit per id, 1 = allowed; nullptr: none
  size_t mask_bytes = 0;
  // The unconditional row, stored as the other is; with guidance only.
  const void* guidance = nullptr;
};

// Which numbers to report. None changes the token.
struct Report {
  bool final_logprob = true;
  bool raw_logprob = false;
  bool tempered_logprob = false;
  bool kept_mass = false;
  bool entropy = false;
  uint32_t top_n_final = 0;  // at most kTopMax
  uint32_t top_n_raw = 0;    // at most kTopMax
  bool row_digest = false;
  bool kept_ids = false;
  uint32_t kept_ids_max = 0xFFFFFFFFu;  // a longer list is left out as a whole
};
inline constexpr uint32_t kTopMax = 1024;

inline constexpr double kNotReported = std::numeric_limits<double>::quiet_NaN();
inline constexpr uint32_t kNoToken = 0xFFFFFFFFu;
// How the message of a row with NaN or +inf begins.
inline constexpr char kNonFiniteError[] = "logits: NaN or +inf at index ";
inline constexpr char kNonFiniteGuidanceError[] =
    "guidance_row: NaN or +inf at index ";

// What else is asked of a row.
struct RowOptions {
  std::optional<uint32_t> given;      // replaces the drawn token in the numbers
  const Draft* draft = nullptr;       // verified in place of a draw; no `given`
  StageObserver* observer = nullptr;  // told of every stage; changes nothing
};

struct TopToken {
  uint32_t id;
  double logprob;
};

// What became of a row. Reused from row to row: its vectors keep their memory.
struct Outcome {
  uint32_t token = kNoToken;        // drawn, or the given one
  uint32_t drawn_token = kNoToken;  // drawn
  uint32_t kept = 0;
  uint32_t rank = 0;    // of the given token; 0 when it is banned or none given
  bool greedy = false;  // no draw: greedy, or forced
  ForcedBy forced = ForcedBy::kNone;  // that had a token for this row
  bool forced_overruled = false;      // which was hard-banned, so not taken
  bool is_forced() const {
    return forced != ForcedBy::kNone && !forced_overruled;
  }
  bool soft_bans_lifted = false;
  uint32_t non_finite_banned = 0;  // of both rows
  double final_logprob = kNotReported;
  double raw_logprob = kNotReported;
  double tempered_logprob = kNotReported;
  double kept_mass = kNotReported;
  double raw_entropy = kNotReported;
  double final_entropy = kNotReported;
  Feedback feedback;  // what it becomes if the token is accepted
  uint64_t row_digest = 0;
  std::vector<TopToken> top_final;
  std::vector<TopToken> top_raw;
  std::vector<uint32_t> kept_ids;  // rising; empty: left out, or not asked for
};

class Sampler {
 public:
  // `kernels` must outlive the sampler; tables do.
  explicit Sampler(const kernels::KernelTable& kernels) : kernels_(kernels) {}

  const kernels::KernelTable& kernels() const { return kernels_; }

  // One token for `row`. `history` must follow `plan`; `feedback` is what the
  // last accepted token left; `at` holds stream key, position and attempt.
  // INVALID_ARGUMENT: the row is shorter than vocab_size, holds NaN or +inf
  // (unless the plan bans them), the mask is longer than the row, the given id
  // is >= vocab_size, or the plan has guidance and the row none, or the other
  // way round; the draft is wrong, or the plan has mirostat or adaptive_p with
  // it. ABORTED: the row was seen to change while it was read.
  // FAILED_PRECONDITION: nothing is left to choose from; the message names
  // the bans. *outcome is undefined on error.
  absl::Status Sample(const Plan& plan, const History& history,
                      const Feedback& feedback, const NoisePoint& at,
                      const Row& row, const Report& report,
                      const RowOptions& options, Workspace* workspace,
                      Outcome* outcome) const;

 private:
  const kernels::KernelTable& kernels_;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_SAMPLER_H_
