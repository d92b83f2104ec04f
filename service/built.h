// Built: which parts of the contract this build has. What it lacks stands in
// one list in built.cc, and answers UNIMPLEMENTED with its field path; all else
// is a capability.
// Pure; thread-safe.
#ifndef LOGITD_SERVICE_BUILT_H_
#define LOGITD_SERVICE_BUILT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace logitd {

// UNIMPLEMENTED "<field>: not built yet" for the first field of the message
// that is set and not built. Looks at the message itself, not inside its
// fields. O(fields of its type that are not built).
absl::Status CheckBuilt(const google::protobuf::Message& message);

// "Message.field", "Enum.VALUE" and "Service.Method" of all that a request can
// use, sorted.
std::vector<std::string> Capabilities();
// The same, of what answers UNIMPLEMENTED.
std::vector<std::string> NotBuilt();

}  // namespace logitd

#endif  // LOGITD_SERVICE_BUILT_H_
