// Single fields of a profile by path, as `profiles update --set` and --unset
// name them: knobs, labels and the description. Knows no server. Threads: free
// functions. Cost: reading a short file, per field.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_ASSIGN_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_ASSIGN_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/profiles.pb.h"

namespace logitd::logitctl {

// "default_params.temperature=0.3", "force_params.top_k=1",
// "labels.team=search", "description=for tests". Anything else is a usage
// error.
absl::Status SetProfileField(absl::string_view assignment,
                             v1::Profile* profile);

// The same without "=...": the field is gone, if it was there.
absl::Status UnsetProfileField(absl::string_view field, v1::Profile* profile);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_ASSIGN_H_
