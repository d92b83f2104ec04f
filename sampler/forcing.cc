#include "sampler/forcing.h"

#include <optional>

namespace logitd {

const char* KnobOf(ForcedBy stage) {
  return stage == ForcedBy::kThinkingBudget ? "thinking_budget"
                                            : "forced_tokens";
}

ForcedToken NextForced(const Plan& plan, const History& history) {
  if (plan.thinking) {
    const std::optional<uint32_t> thought = history.thought();
    const ThinkingPlan& thinking = *plan.thinking;
    if (thought && *thought >= thinking.max_tokens &&
        *thought - thinking.max_tokens < thinking.forced.size()) {
      return {ForcedBy::kThinkingBudget,
              thinking.forced[*thought - thinking.max_tokens]};
    }
  }
  if (history.generated() < plan.forced_tokens.size()) {
    return {ForcedBy::kForcedTokens, plan.forced_tokens[history.generated()]};
  }
  return {};
}

}  // namespace logitd
