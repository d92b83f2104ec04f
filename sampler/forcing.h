// The forcing stages: the end of a thinking budget, and forced tokens.
//
// Which token is forced is a function of plan and history alone. Pure,
// thread-safe, O(1), do not allocate. Specification: sampler/README.md,
// "Stages".
#ifndef LOGITD_SAMPLER_FORCING_H_
#define LOGITD_SAMPLER_FORCING_H_

#include <cstdint>

#include "sampler/history.h"
#include "sampler/plan.h"

namespace logitd {

// By which stage a token is forced.
enum class ForcedBy { kNone, kThinkingBudget, kForcedTokens };
// The name of its knob.
const char* KnobOf(ForcedBy stage);

struct ForcedToken {
  ForcedBy by = ForcedBy::kNone;
  uint32_t token = 0;  // means nothing with kNone
};

// What the next token must be.
ForcedToken NextForced(const Plan& plan, const History& history);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_FORCING_H_
