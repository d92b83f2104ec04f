// Messages as JSON for people: indented, field names as in the contract.
// Threads: free functions. Cost: O(message).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_PROTO_JSON_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_PROTO_JSON_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/statusor.h"

namespace logitd::logitctl {

// Ends with a line feed. `with_defaults`: also what is not set and has no
// presence.
absl::StatusOr<std::string> ProtoJson(const google::protobuf::Message& message,
                                      bool with_defaults = false);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_PROTO_JSON_H_
