// First pivots for a search by mass or count: a guess of where the crossing
// lies, made of a sample of the row's blocks, so that one full pass nearly
// always leaves a short list. Only a guess: what is found with it is exact
// whatever it says.
#ifndef LOGITD_SAMPLER_AIM_H_
#define LOGITD_SAMPLER_AIM_H_

#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

// Four pivots, rising: the inner two should have the target between them, the
// outer two nearly always have.
struct Aim {
  float pivots[kernels::kPivots];
  bool fits_list;  // what is between two neighbours, very likely
};

// For a row that was weighed with `scale`, whose mass is `mass` and whose
// candidates are at least `least`. Uses the workspace's id list. Visits a
// sixteenth of the blocks (32 to 128, but no more than a quarter) and heavy
// ones, five times or so; of rows with fewer than 64 blocks of weight none.
Aim AimAtMass(const kernels::KernelTable& kernels, const kernels::RowView& row,
              const kernels::Scale& scale, float least, double target,
              double mass, Workspace* workspace);

// For a share of the surprisals w * (log_mass - d) of such a row, which need
// not be made: writes those of the blocks that it visits to `terms`, which has
// the row's l. Where it visits none the outer pivots are the row's ends.
Aim AimAtSurprisal(const kernels::KernelTable& kernels,
                   const kernels::RowView& row, const kernels::Scale& scale,
                   float least, double mass, float log_mass, double share,
                   const kernels::RowView& terms, Workspace* workspace);

// For a count, of a row that need not be weighed, less than that of all that
// are not banned; `most` is its largest logit.
Aim AimAtCount(const kernels::KernelTable& kernels, const kernels::RowView& row,
               float most, double target, Workspace* workspace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_AIM_H_
