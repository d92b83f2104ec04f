// ValidateParams: what is wrong with parameters, sequences and clamps of a
// profile or phase. Each appends to *violations. `path` is what stands before
// the field: "phases[1].force_params.". Ids must be below vocab_size. Pure;
// thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_VALIDATE_PARAMS_H_
#define LOGITD_SERVICE_PROFILES_VALIDATE_PARAMS_H_

#include <cstdint>
#include <string>

#include "google/protobuf/message.h"
#include "logitd/v1/params.pb.h"
#include "service/limits.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

template <class T>
using Repeated = google::protobuf::RepeatedPtrField<T>;

// Unknown fields at any depth.
void ValidateKnown(const std::string& path,
                   const google::protobuf::Message& message,
                   Violations* violations);

// At most one violation of each knob.
void ValidateParams(const std::string& path, const v1::SamplingParams& params,
                    const Limits& limits, uint32_t vocab_size,
                    Violations* violations);

// `path` is the whole path of the list.
void ValidateSequences(const std::string& path,
                       const Repeated<v1::TokenSequence>& sequences,
                       const Limits& limits, uint32_t vocab_size,
                       Violations* violations);

// Each by itself; whether they meet is resolve_clamps.h's.
void ValidateClamps(const std::string& path, const Repeated<v1::Clamp>& clamps,
                    Violations* violations);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_VALIDATE_PARAMS_H_
