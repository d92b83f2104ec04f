// The stages that change single logits: bans, bias and penalties, in the order
// of the specification.
//
// Each works on the workspace's row and refreshes the maxima of the blocks it
// touched, but for ChangeLogits. A logit of -inf is banned and nothing revives
// it. Thread-safe on different workspaces; O(ids touched), O(V) for masks;
// allocate only while a list grows for the first time. Specification:
// sampler/README.md, "Stages".
#ifndef LOGITD_SAMPLER_STAGES_H_
#define LOGITD_SAMPLER_STAGES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "sampler/history.h"
#include "sampler/kernels/kernels.h"
#include "sampler/plan.h"
#include "sampler/workspace.h"

namespace logitd {

// Bans by mask (may be nullptr), allowed_ids and banned_ids.
// FAILED_PRECONDITION naming the bans when nothing is left.
absl::Status HardBans(const kernels::KernelTable& kernels, const Plan& plan,
                      const uint8_t* mask, size_t mask_bytes,
                      Workspace* workspace);

// True if the row, the mask, allowed_ids or banned_ids ban this id. Call before
// HardBans.
bool IsHardBanned(const Plan& plan, const uint8_t* mask, size_t mask_bytes,
                  uint32_t id, Workspace* workspace);

// Bans what min_tokens delays, bad words, suppressed ids and repeated n-grams.
// When nothing is left all are lifted and *lifted is true, or
// FAILED_PRECONDITION naming them when the plan says so.
absl::Status SoftBans(const kernels::KernelTable& kernels, const Plan& plan,
                      const History& history, Workspace* workspace,
                      bool* lifted);

// A stage of Stage::kLogitBias to kLength, which must be on. The blocks it
// touched are still to be refreshed.
void ChangeLogits(Stage stage, const Plan& plan, const StepValues& values,
                  const History& history, Workspace* workspace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_STAGES_H_
