// The stages of a plan that have a place in the order.
//
// Checks, bans and the draw are not in it: they do not move. Immutable.
#ifndef LOGITD_SAMPLER_STAGE_H_
#define LOGITD_SAMPLER_STAGE_H_

#include <cstdint>

namespace logitd {

// In the order of logitd/1.
enum class Stage : uint8_t {
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

inline constexpr Stage kStageOrder[] = {
    Stage::kTemperature, Stage::kTopNSigma, Stage::kTopK,      Stage::kTopP,
    Stage::kMinP,        Stage::kTypical,   Stage::kEpsilon,   Stage::kEta,
    Stage::kTopA,        Stage::kTailFree,  Stage::kTopH,      Stage::kPLess,
    Stage::kXtc,         Stage::kMirostat,  Stage::kAdaptiveP,
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_STAGE_H_
