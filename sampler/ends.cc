#include "sampler/ends.h"

#include <algorithm>

namespace logitd {
namespace {

bool Contains(const TokenIds& sorted, uint32_t id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

}  // namespace

FinishReason CheckEnds(const Plan& plan, const History& history) {
  if (history.generated() == 0) return FinishReason::kNone;
  const uint32_t before = history.generated() - 1;
  if (before >= plan.min_tokens) {
    const uint32_t token = history.last();
    if (Contains(plan.eos_ids, token)) return FinishReason::kEos;
    if (Contains(plan.stop_ids, token)) return FinishReason::kStopId;
    for (const TokenIds& sequence : plan.params.stop_sequences) {
      if (history.OutputEndsWith(sequence)) {
        return FinishReason::kStopSequence;
      }
    }
  }
  if (plan.max_tokens && history.generated() >= *plan.max_tokens) {
    return FinishReason::kMaxTokens;
  }
  return FinishReason::kNone;
}

}  // namespace logitd
