// First pivots for a search by mass: a guess of where the crossing lies, made
// of a sample of the row's blocks, so that one full pass nearly always leaves a
// short list. Only a guess: what is found with it is exact whatever it says.
#ifndef LOGITD_SAMPLER_AIM_H_
#define LOGITD_SAMPLER_AIM_H_

#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

// Four pivots for mass_ge of a row that was weighed with `scale`, whose mass is
// `mass` and whose candidates are at least `least`: two that should have the
// target between them, and two that nearly always have. Uses the workspace's id
// list. Visits a sixteenth of the blocks (32 to 128) and heavy ones, five times
// or so.
void AimAtMass(const kernels::KernelTable& kernels, const kernels::RowView& row,
               const kernels::Scale& scale, float least, double target,
               double mass, Workspace* workspace, float* pivots);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_AIM_H_
