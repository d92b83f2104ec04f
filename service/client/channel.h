// Opens gRPC channels the way logitd's clients need them: no limit on received
// messages, keepalive that the server allows, and an error that says why.
// Knows no service but health. Threads: a channel may be used by any number of
// threads. Cost: blocks until the connection stands, is refused, or time is up.

#ifndef LOGITD_SERVICE_CLIENT_CHANNEL_H_
#define LOGITD_SERVICE_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace logitd::client {

// A call's deadline, `timeout` from now; infinite is none.
std::chrono::system_clock::time_point DeadlineAfter(absl::Duration timeout);

// Paths of PEM files; the files are read once, when connecting.
struct TlsOptions {
  std::string ca;    // whose certificates to trust; empty: no TLS
  std::string cert;  // the client's own chain, for mutual TLS; with key
  std::string key;
  // The name that the server's certificate must have. Empty: the target's.
  std::string server_name;
  // Sent with each call, as `authorization: Bearer ...`. Only with `ca`.
  std::string bearer_token;
};

struct ConnectOptions {
  // How long to try.
  absl::Duration timeout = absl::Seconds(5);
  // A server that is not there yet: false answers at the first refusal, true
  // tries again until the time is up.
  bool wait_for_server = false;
  TlsOptions tls;
};

// Connects to "unix:/path" or "host:port". INVALID_ARGUMENT: the TLS options or
// their files. No connection: UNAVAILABLE with the reason. A connection that
// breaks later is made again by the next call; a stream that breaks is not.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectChannel(
    const std::string& target, const ConnectOptions& options);

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_CHANNEL_H_
