// The shortest prefix of the rank with a given mass: what top_p keeps.
//
// A search that aims by a sample, lists what one pass over the row finds there
// and adds up plainly; mass() itself decides where a plain sum is too close to
// the target, block by block. Two reads of the row with the last, which leaves
// its weights alone, wherever the crossing lies; more on rows that mislead the
// aim. Exact on all of them.
// Specification: sampler/README.md, "Truncation".
#ifndef LOGITD_SAMPLER_MASS_PREFIX_H_
#define LOGITD_SAMPLER_MASS_PREFIX_H_

#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

struct MassPrefix {
  kernels::Cut cut;
  double mass;
};

// The shortest prefix S of `candidates` with mass(S) >= target, after the row
// was weighed with `candidates`; 0 < target <= mass(candidates), which is
// `mass`. `scale` says where to look first: the one it was weighed with, or one
// of m = the largest logit that its weights fall with. Leaves weights, block
// masses and active blocks of S alone.
// Uses the workspace's id list and block scratch; does not allocate;
// thread-safe on different workspaces.
MassPrefix RestrictToMass(const kernels::KernelTable& kernels,
                          const kernels::Scale& scale, kernels::Cut candidates,
                          double target, double mass, kernels::RowView* row,
                          Workspace* workspace);

// Its cut, for those who have no use for the weights: what then stands in their
// place is undefined, and mostly one read is saved.
kernels::Cut PrefixOfMass(const kernels::KernelTable& kernels,
                          const kernels::Scale& scale, kernels::Cut candidates,
                          double target, double mass, kernels::RowView* row,
                          Workspace* workspace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_MASS_PREFIX_H_
