// Errors on the wire: absl::Status to google.rpc.Status and grpc::Status.
//
// Every message reads "<field path>: <why>"; the details carry the same as a
// google.rpc.BadRequest field violation. Pure; thread-safe; allocates.
#ifndef LOGITD_SERVICE_STATUS_H_
#define LOGITD_SERVICE_STATUS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace logitd {

// The payload that says when to try again: a serialized google.rpc.RetryInfo,
// which becomes a detail.
inline constexpr char kRetryInfoUrl[] =
    "type.googleapis.com/google.rpc.RetryInfo";
void SetRetryDelay(absl::Duration delay, absl::Status* status);

void WriteStatus(const absl::Status& status, google::rpc::Status* wire);

// The end of a call. What does not fit into a client's metadata is cut: the
// message at 1,000 bytes, violations behind the first 2,300 with "and N more".
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace logitd

#endif  // LOGITD_SERVICE_STATUS_H_
