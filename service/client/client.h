// The C++ client of logitd: connects, opens streams, makes the unary calls.
// Thin: the messages are those of proto/logitd/v1, unchanged (messages.h helps
// to build and read them); no status is hidden and no call is tried twice.
// Does not know the server's code or the sampler.
// Threads: a Client is a value; calls on one may run in any number of threads.
// Cost: every call blocks until its answer or its timeout (DEADLINE_EXCEEDED).

#ifndef LOGITD_SERVICE_CLIENT_CLIENT_H_
#define LOGITD_SERVICE_CLIENT_CLIENT_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "logitd/v1/sampling.grpc.pb.h"
#include "service/client/channel.h"
#include "service/client/stream.h"

namespace logitd::client {

// How long a unary call may take when nothing else is said.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(10);

class Client {
 public:
  // "unix:/path" or "host:port"; UNAVAILABLE with the reason when nobody is
  // there. The server's own Greeting comes with a stream's first reply.
  [[nodiscard]] static absl::StatusOr<Client> Connect(
      const std::string& target, const ConnectOptions& options = {});

  // Opens the main road. The stream outlives the Client.
  std::unique_ptr<Stream> Sample(
      absl::Duration timeout = absl::InfiniteDuration()) const;

  // 1..n tokens of one row. An error of the row is the status.
  [[nodiscard]] absl::StatusOr<v1::SampleOnceResponse> SampleOnce(
      const v1::SampleOnceRequest& request,
      absl::Duration timeout = kCallTimeout) const;

  // What becomes of one row, and why; what other parameters would do. An error
  // of the row is the status.
  [[nodiscard]] absl::StatusOr<v1::ExplainResponse> Explain(
      const v1::ExplainRequest& request,
      absl::Duration timeout = kCallTimeout) const;

  // Whether tokens follow from rows. An error of a row is the status.
  [[nodiscard]] absl::StatusOr<v1::VerifyResponse> Verify(
      const v1::VerifyRequest& request,
      absl::Duration timeout = kCallTimeout) const;

  // What the server is, may and can do.
  [[nodiscard]] absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(
      absl::Duration timeout = kCallTimeout) const;

  // grpc.health.v1: the state of a service ("" is the whole server) as its
  // name, such as "SERVING". Unknown service: NOT_FOUND.
  [[nodiscard]] absl::StatusOr<std::string> CheckHealth(
      const std::string& service = "",
      absl::Duration timeout = kCallTimeout) const;

  // The calls of ProfileService, as they are generated. Outlives the Client.
  std::unique_ptr<v1::ProfileService::Stub> Profiles() const;

 private:
  explicit Client(std::shared_ptr<grpc::Channel> channel);

  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<v1::SamplingService::Stub> stub_;
};

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_CLIENT_H_
