// First pivots for a search by mass or count: a guess of where the crossing
// lies, made of a sample of the row's blocks, so that one full pass nearly
// always leaves a short list. Only a guess: what is found with it is exact
// whatever it says.
#ifndef LOGITD_SAMPLER_AIM_H_
#define LOGITD_SAMPLER_AIM_H_

#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

// Four pivots, rising, for a row that was weighed with `scale`, whose mass is
// `mass` and whose candidates are at least `least`: the inner two should have
// the target between them, the outer two nearly always have. True if the
// workspace's id list, which it uses, is likely to hold what lies between two
// neighbours. Visits a sixteenth of the blocks (32 to 128) and heavy ones, five
// times or so.
bool AimAtMass(const kernels::KernelTable& kernels, const kernels::RowView& row,
               const kernels::Scale& scale, float least, double target,
               double mass, Workspace* workspace, float* pivots);

// The same pivots for a count, of a row that need not be weighed, less than
// that of all that are not banned; `most` is its largest logit.
void AimAtCount(const kernels::KernelTable& kernels,
                const kernels::RowView& row, float most, double target,
                Workspace* workspace, float* pivots);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_AIM_H_
