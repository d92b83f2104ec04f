// The stages that change single logits: bans, bias and penalties, in the order
// of the specification.
//
// Each works on the workspace's row and refreshes the maxima of the blocks it
// touched. A logit of -inf is banned and nothing revives it. Thread-safe on
// different workspaces; O(ids touched), O(V) for masks; allocate only while a
// list grows for the first time. Specification: sampler/README.md, "Stages".
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

// Bans what min_tokens delays. When nothing is left they are lifted and
// *lifted is true, or FAILED_PRECONDITION when the plan says so.
absl::Status SoftBans(const kernels::KernelTable& kernels, const Plan& plan,
                      uint32_t generated, Workspace* workspace, bool* lifted);

// l + bias, for each biased id.
void AddBias(const kernels::KernelTable& kernels, const Plan& plan,
             Workspace* workspace);

// Repetition, then frequency, then presence penalty.
void Penalise(const kernels::KernelTable& kernels, const Plan& plan,
              const History& history, Workspace* workspace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_STAGES_H_
