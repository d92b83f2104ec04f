// The draw: a hierarchical race between the survivors, equal in law to
// Gumbel-max.
//
// Blocks of 128 ids race with their mass, then the ids of the winning block
// with their weights; noise is keyed by block and by id, so that the winner
// depends on no order and no path. Pure, thread-safe, does not allocate.
// Specification: sampler/README.md, "Race". Source: the exponential race;
// two-level form as in Group-Gumbel, arXiv 2603.15854.
#ifndef LOGITD_SAMPLER_RACE_H_
#define LOGITD_SAMPLER_RACE_H_

#include <cstdint>

#include "sampler/kernels/kernels.h"
#include "sampler/noise.h"

namespace logitd {

// The winning id; kernels::kNone when no weight is above 0. The row has
// block_mass and w of its active blocks. What the noise is for is told only
// where the row is a residual.
uint32_t Race(const kernels::KernelTable& kernels, const kernels::RowView& row,
              const NoisePoint& at, Purpose of_blocks = Purpose::kBlockRace,
              Purpose of_tokens = Purpose::kTokenRace);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_RACE_H_
