// Turns what the wire says about errors into absl::Status. Hides nothing: code
// and message stay, google.rpc details become readable lines of the message,
// and the details themselves travel as the payload kDetailsUrl. Threads: free
// functions without state. Cost: allocates, on errors only.

#ifndef LOGITD_SERVICE_CLIENT_STATUS_H_
#define LOGITD_SERVICE_CLIENT_STATUS_H_

#include <grpcpp/support/status.h>

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"

namespace logitd::client {

// Payload that holds the serialized google.rpc.Status, when the server sent
// one.
inline constexpr char kDetailsUrl[] = "type.googleapis.com/google.rpc.Status";

// How a call or a stream ended.
absl::Status ToStatus(const grpc::Status& status);

// An error inside a reply: of a request, of one of its elements, of an entry.
// OK when the message is absent or its code is 0.
absl::Status ToStatus(const google::rpc::Status& status);

// How long to wait before the same request is sent again; nothing when the
// server did not say that it may be.
std::optional<absl::Duration> RetryDelay(const google::rpc::Status& status);

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_STATUS_H_
