// Validate: all that is wrong with a profile, in the words a request would get.
//
// Every field is looked at and every violation found, not only the first, up
// to kViolationsMax; of a profile over its size only the head. What a profile
// may hold is told in proto/logitd/v1/profiles.proto and params.proto.
// Output-only fields are not looked at. Pure; thread-safe; allocates. Cost:
// some times the size of the profile.
#ifndef LOGITD_SERVICE_PROFILES_VALIDATE_H_
#define LOGITD_SERVICE_PROFILES_VALIDATE_H_

#include <cstddef>

#include "logitd/v1/profiles.pb.h"
#include "service/limits.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

inline constexpr size_t kDescriptionBytesMax = 1024;
inline constexpr int kLabelsMax = 32;
inline constexpr size_t kLabelBytesMax = 63;
inline constexpr int kModelsMax = 64;
inline constexpr size_t kModelBytesMax = 128;

// Empty: the profile may be stored. ToStatus makes one status of it.
Violations Validate(const v1::Profile& profile, const Limits& limits);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_VALIDATE_H_
