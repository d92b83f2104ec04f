// The temperature stage: the map from logits to weights.
//
// Specification: sampler/README.md, "Temperature".
#ifndef LOGITD_SAMPLER_TEMPERATURE_H_
#define LOGITD_SAMPLER_TEMPERATURE_H_

#include "sampler/candidates.h"
#include "sampler/step_values.h"

namespace logitd {

// Plain or dynamic temperature, then the curve of quadratic sampling. One pass
// over the candidates when dynamic, else none.
void Temper(const StepValues& values, Candidates* candidates);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_TEMPERATURE_H_
