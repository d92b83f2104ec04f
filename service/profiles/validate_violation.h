// Violation: one thing that is wrong with a profile or its parts, and statuses
// made of many. The field is a path such as "phases[1].force_params.top_p"; the
// description reads on after "<field>: ". Pure; thread-safe; no gRPC.
#ifndef LOGITD_SERVICE_PROFILES_VALIDATE_VIOLATION_H_
#define LOGITD_SERVICE_PROFILES_VALIDATE_VIOLATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace logitd {

struct Violation {
  std::string field;
  std::string description;
  // INVALID_ARGUMENT, RESOURCE_EXHAUSTED: a limit, or UNIMPLEMENTED.
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;

  bool operator==(const Violation& other) const {
    return field == other.field && description == other.description;
  }
};
using Violations = std::vector<Violation>;

// Told of one profile or request at most: nobody reads more, and a hostile
// message has room for millions.
inline constexpr size_t kViolationsMax = 100;

inline bool IsFull(const Violations& violations) {
  return violations.size() >= kViolationsMax;
}

// Of "<field>: <why>", the field put after `path`.
inline Violation ViolationOf(absl::string_view path,
                             const absl::Status& status) {
  const absl::string_view message = status.message();
  const size_t colon = message.find(": ");
  const size_t end = colon == absl::string_view::npos ? 0 : colon;
  return {absl::StrCat(path, message.substr(0, end)),
          std::string(message.substr(end == 0 ? 0 : end + 2)), status.code()};
}

inline absl::Status ToStatus(const Violation& violation) {
  return absl::Status(violation.code, absl::StrCat(violation.field, ": ",
                                                   violation.description));
}

// The payload of a status with many: a serialized google.rpc.BadRequest.
inline constexpr char kBadRequestUrl[] =
    "type.googleapis.com/google.rpc.BadRequest";

// OK when there are none. The first that is INVALID_ARGUMENT, else that is
// RESOURCE_EXHAUSTED, else that is UNIMPLEMENTED, with all of them as the
// payload kBadRequestUrl.
absl::Status ToStatus(const Violations& violations);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_VALIDATE_VIOLATION_H_
