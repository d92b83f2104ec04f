// Matchers for absl::Status and absl::StatusOr in tests of the service.
#ifndef LOGITD_TESTS_SUPPORT_SERVICE_MATCHERS_H_
#define LOGITD_TESTS_SUPPORT_SERVICE_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace logitd::testing {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <class T>
const absl::Status& StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return arg.ok();
}

// StatusIs(absl::StatusCode::kNotFound, "session_id"): the code, and a piece of
// the message.
MATCHER_P2(StatusIs, code, piece, "") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         std::string(status.message()).find(piece) != std::string::npos;
}

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_SUPPORT_SERVICE_MATCHERS_H_
