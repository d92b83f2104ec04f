// The filter of ListProfiles: comparisons joined by AND.
//
//   labels.team="search" AND labels."app.kubernetes.io/name"="x" AND model="m"
//
// Values, and keys that are more than letters, digits, "_" and "-", are in
// double quotes, with \" and \\ inside. A profile matches `model` when it names
// that model or none. Immutable; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_CATALOG_FILTER_H_
#define LOGITD_SERVICE_PROFILES_CATALOG_FILTER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/profiles.pb.h"

namespace logitd {

class ProfileFilter {
 public:
  // Empty text: everything. INVALID_ARGUMENT on `filter`, naming the column.
  static absl::StatusOr<ProfileFilter> Parse(absl::string_view text);

  bool Matches(const v1::Profile& profile) const;

 private:
  friend class FilterReader;
  std::vector<std::pair<std::string, std::string>> labels_;
  std::vector<std::string> models_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_CATALOG_FILTER_H_
