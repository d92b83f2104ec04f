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

// The winning id. The row has block_mass and w of its active blocks, and at
// least one weight above 0.
uint32_t Race(const kernels::RowView& row, const NoisePoint& at);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_RACE_H_
