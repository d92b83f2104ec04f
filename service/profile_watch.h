// The WatchProfiles call: a reactor that writes what a Watcher has, one event
// at a time, and holds no thread while there is none. gRPC deletes it.
#ifndef LOGITD_SERVICE_PROFILE_WATCH_H_
#define LOGITD_SERVICE_PROFILE_WATCH_H_

#include "absl/status/status.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "logitd/v1/profiles.pb.h"
#include "service/profiles/catalog.h"

namespace logitd {

// Ends at once with `status` if that is an error. The catalog outlives it.
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartProfileWatch(
    const absl::Status& status, const v1::WatchProfilesRequest& request,
    Catalog* catalog);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILE_WATCH_H_
