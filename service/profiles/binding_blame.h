// Whose a fault is: the caller's, or that of the profile he named. For binding.
// Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_BINDING_BLAME_H_
#define LOGITD_SERVICE_PROFILES_BINDING_BLAME_H_

#include "absl/status/status.h"
#include "logitd/v1/profiles.pb.h"

namespace logitd {

// "profile: profiles/chat@3, <field>: <why>" of "<field>: <why>".
absl::Status OfProfile(const v1::Profile& profile, const absl::Status& status);

// The same if the field is one of the profile's own; else, and without a
// profile, the status as it is.
absl::Status IfOfProfile(const v1::Profile* profile,
                         const absl::Status& status);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_BINDING_BLAME_H_
