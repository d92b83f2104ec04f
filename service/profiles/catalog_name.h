// Names of profiles as callers write them: `chat`, `profiles/chat`, `chat@7`.
#ifndef LOGITD_SERVICE_PROFILES_CATALOG_NAME_H_
#define LOGITD_SERVICE_PROFILES_CATALOG_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/profiles.pb.h"

namespace logitd {

struct ProfileName {
  std::string name;      // "profiles/chat"
  std::string revision;  // empty: the one in force
};

// INVALID_ARGUMENT on `name`.
absl::StatusOr<ProfileName> ParseProfileName(absl::string_view text);
// One that may not carry a revision.
absl::StatusOr<std::string> ParsePlainName(absl::string_view text);
// "profiles/chat@7".
std::string NameWithRevision(const v1::Profile& profile);

// NOT_FOUND on `name`, "profiles/chat".
absl::Status NoSuchProfile(absl::string_view name);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_CATALOG_NAME_H_
