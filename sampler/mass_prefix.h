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

#include <bit>
#include <cstdint>
#include <optional>

#include "sampler/kernels/kernels.h"
#include "sampler/mass_crossing.h"
#include "sampler/workspace.h"

namespace logitd {

// The next double; x >= 0 and finite.
inline double NextAbove(double x) {
  return std::bit_cast<double>(std::bit_cast<uint64_t>(x) + 1);
}

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

// The shortest prefix of `candidates` whose surprisals w * (log_mass - d) add
// up to more than this share of those of all; nothing if no prefix's do.
// `mass` is the candidates'. Restricts weights as RestrictToMass does; takes
// the place of the workspace's second row. Two reads, three where the aim
// missed.
std::optional<MassPrefix> RestrictToSurprisal(
    const kernels::KernelTable& kernels, const kernels::Scale& scale,
    kernels::Cut candidates, double mass, float log_mass, double share,
    kernels::RowView* row, Workspace* workspace);

// The cut of RestrictToMass, for those who have no use for the weights: what
// then stands in their place is undefined, and mostly one read is saved.
kernels::Cut PrefixOfMass(const kernels::KernelTable& kernels,
                          const kernels::Scale& scale, kernels::Cut candidates,
                          double target, double mass, kernels::RowView* row,
                          Workspace* workspace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_MASS_PREFIX_H_
