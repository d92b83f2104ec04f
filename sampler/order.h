// The order of stages that parameters ask for: their own steps, or that of
// their dialect.
//
// Pure, thread-safe. Specification: sampler/README.md, "Stages".
#ifndef LOGITD_SAMPLER_ORDER_H_
#define LOGITD_SAMPLER_ORDER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "sampler/params.h"
#include "sampler/stage.h"
#include "sampler/step_values.h"

namespace logitd {

// INVALID_ARGUMENT for a step that is named twice, or one that is missing
// though its knob is set.
absl::Status CheckSteps(const Params& params, uint32_t vocab_size);

// True if the stage does something.
bool IsOn(Stage stage, const Params& params, const StepValues& values);

// The stages that do something under these values, and the temperature. Behind
// a greedy one only those that change logits do.
std::vector<Stage> OrderOf(const Params& params, const StepValues& values);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_ORDER_H_
