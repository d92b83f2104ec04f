// The stages of a plan that have a place in the order, with their names.
//
// Checks, guidance, forcing, bans and the draw are not among them: they do not
// move. Immutable; thread-safe.
#ifndef LOGITD_SAMPLER_STAGE_H_
#define LOGITD_SAMPLER_STAGE_H_

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace logitd {

// In the order of logitd/1.
enum class Stage : uint8_t {
  kLogitBias,
  kPromptRepetition,
  kRepetition,
  kFrequency,
  kPresence,
  kDry,
  kLength,
  kTemperature,
  kTopNSigma,
  kTopK,
  kTopP,
  kMinP,
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
};

// By number. What `steps` and the fingerprint call them.
inline constexpr const char* kStageNames[] = {
    "logit_bias",  "prompt_repetition",
    "repetition",  "frequency",
    "presence",    "dry",
    "length",      "temperature",
    "top_n_sigma", "top_k",
    "top_p",       "min_p",
    "typical",     "epsilon",
    "eta",         "top_a",
    "tail_free",   "top_h",
    "p_less",      "xtc",
    "mirostat",    "adaptive_p",
};
inline constexpr size_t kOrderedStageCount = std::size(kStageNames);

inline constexpr const char* NameOf(Stage stage) {
  return kStageNames[static_cast<size_t>(stage)];
}

// True for those that change single logits, each by itself.
inline constexpr bool ChangesLogits(Stage stage) {
  return stage < Stage::kTemperature;
}

}  // namespace logitd

#endif  // LOGITD_SAMPLER_STAGE_H_
