// Ends: whether the last token of a history finishes its generation.
//
// Pure, thread-safe, O(stop tokens), does not allocate. Specification:
// sampler/README.md, "Ends".
#ifndef LOGITD_SAMPLER_ENDS_H_
#define LOGITD_SAMPLER_ENDS_H_

#include "sampler/history.h"
#include "sampler/plan.h"

namespace logitd {

// Numbered as in the contract.
enum class FinishReason {
  kNone = 0,
  kEos = 1,
  kStopId = 2,
  kStopSequence = 3,
  kMaxTokens = 4,
};

// What the last token of `history` means: a function of the history alone, so
// that a session opened again elsewhere is finished when this one was.
FinishReason CheckEnds(const Plan& plan, const History& history);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_ENDS_H_
