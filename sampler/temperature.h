// The temperature stage: the map from logits to weights.
//
// Specification: sampler/README.md, "Temperature".
#ifndef LOGITD_SAMPLER_TEMPERATURE_H_
#define LOGITD_SAMPLER_TEMPERATURE_H_

#include <cstdint>

#include "sampler/candidates.h"
#include "sampler/step_values.h"

namespace logitd {

// Plain or dynamic temperature, then the curve of quadratic sampling. `listed`
// is the n of dynamic temperature. False when the temperature came out as 0,
// and nothing was done. One pass over the candidates when dynamic, else none.
bool Temper(const StepValues& values, uint64_t listed, Candidates* candidates);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_TEMPERATURE_H_
