// Speculative verification of one draft token: accepted or replaced so that the
// token's law is the target's whatever the drafter said.
//
// Source: Leviathan et al., arXiv 2211.17192; Chen et al., arXiv 2302.01318.
// Specification: sampler/README.md, "Drafts". Thread-safe on different
// workspaces; does not allocate once warm.
#ifndef LOGITD_SAMPLER_DRAFT_H_
#define LOGITD_SAMPLER_DRAFT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "sampler/kernels/kernels.h"
#include "sampler/noise.h"
#include "sampler/workspace.h"

namespace logitd {

// A draft and the distribution q that it was drawn from, in the caller's bytes
// of any alignment, which are only read.
struct Draft {
  uint32_t token = 0;
  // FLOAT32 of the ids 0, 1, 2, ..., those beyond the vocabulary not looked at;
  // or of `ids`, all others having 0.
  // nullptr: the draft alone has all (one-hot).
  const void* probabilities = nullptr;
  const void* ids = nullptr;  // uint32, rising
  uint32_t count = 0;         // of probabilities
};

// INVALID_ARGUMENT: the token is >= vocab_size, a probability is not in [0, 1],
// ids do not rise or are >= vocab_size, or the draft itself has 0. That they
// add up to 1 is the caller's to see to. O(count).
absl::Status CheckDraft(const Draft& draft, uint32_t vocab_size);

// The token: the draft, or one of what the drafter gave too little. `row` is
// weighed, `mass` its mass, at least one weight above 0.
uint32_t Verified(const kernels::KernelTable& kernels, const Draft& draft,
                  const kernels::RowView& row, double mass,
                  const NoisePoint& at, Workspace* workspace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_DRAFT_H_
