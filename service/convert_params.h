// The translator's part for parameters: SamplingParams to Params and back.
//
// Knobs are translated by the tables of sampler/knobs.h and by field number: a
// field of SamplingParams that is set and in no table is UNIMPLEMENTED. Errors
// read "<field>: <why>", the field relative to the message translated. Pure;
// thread-safe. Lists are checked against their limits before they are copied.
// A library of its own (logitd_params): the profiles use it without a server.
#ifndef LOGITD_SERVICE_CONVERT_PARAMS_H_
#define LOGITD_SERVICE_CONVERT_PARAMS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/params.pb.h"
#include "logitd/v1/session.pb.h"
#include "sampler/params.h"
#include "sampler/plan.h"
#include "service/limits.h"

namespace logitd {

// Replaces in *params what `wire` sets. INVALID_ARGUMENT: an unknown field at
// any depth, an unknown enum value, token bytes not a multiple of 4.
// RESOURCE_EXHAUSTED: a list over its limit.
absl::Status ReadParams(const v1::SamplingParams& wire, const Limits& limits,
                        Params* params);

// Sets and clears knobs of what a session's caller asked for. Errors are
// relative to UpdateSession; a name both set and cleared is refused. On error
// *params may be half changed.
absl::Status ApplyUpdate(const v1::UpdateSession& wire, const Limits& limits,
                         v1::SamplingParams* params);

// The knobs of the plan that are not at their off value.
void WriteParams(const Plan& plan, v1::SamplingParams* wire);

// `bytes` as little-endian uint32.
absl::StatusOr<TokenIds> ReadIds(absl::string_view field,
                                 const std::string& bytes);
std::string WriteIds(const TokenIds& ids);

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONVERT_PARAMS_H_
