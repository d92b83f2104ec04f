// The parameters that are in no table of sampler/knobs.h: biases, a thinking
// budget, rules, the order of stages.
//
// For convert_params.cc alone, whose errors and limits these are. Pure;
// thread-safe.
#ifndef LOGITD_SERVICE_CONVERT_OWN_SHAPES_H_
#define LOGITD_SERVICE_CONVERT_OWN_SHAPES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/params.pb.h"
#include "sampler/params.h"
#include "sampler/plan.h"
#include "service/limits.h"

namespace logitd {

// True if ReadOwnShape takes the field of that number.
bool HasOwnShape(int number);

// Replaces in *params what the field of `wire` sets. Two fields may be one
// knob.
absl::Status ReadOwnShape(const v1::SamplingParams& wire, int number,
                          const Limits& limits, Params* params);

// Those of the plan that are not at their off value.
void WriteOwnShapes(const Plan& plan, v1::SamplingParams* wire);

// RESOURCE_EXHAUSTED "<field>: <count> <what> are more than --<flag> <most>".
absl::Status CheckCount(absl::string_view field, size_t count, const char* what,
                        const char* flag, uint32_t most);

// The tokens of a sequence, at most as many as a sequence may have.
absl::Status ReadSequence(const std::string& field, const std::string& bytes,
                          TokenIds* tokens);

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONVERT_OWN_SHAPES_H_
