// Whether a value is in the range of a knob. Pure; thread-safe.
#ifndef LOGITD_SAMPLER_KNOB_CHECK_H_
#define LOGITD_SAMPLER_KNOB_CHECK_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sampler/knobs.h"
#include "sampler/params.h"

namespace logitd {

// The fewest digits that are read back as the same number.
std::string Digits(double value);

// True if the knob of this field number may be a function of the position.
bool CanBeScheduled(int field);

// INVALID_ARGUMENT: "<field>: <value> is outside <range>".
absl::Status CheckReal(absl::string_view field, const RealKnob& knob,
                       double value);
absl::Status CheckCount(absl::string_view field, const CountKnob& knob,
                        uint32_t value);

// INVALID_ARGUMENT for schedules that are no functions of the position or
// leave their knob's range, RESOURCE_EXHAUSTED for one of too many points.
absl::Status CheckSchedules(const Params& params);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_KNOB_CHECK_H_
