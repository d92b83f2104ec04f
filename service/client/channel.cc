#include "service/client/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace logitd::client {
namespace {

constexpr int kKeepaliveTimeMs = 10'000;
// A client that waits for nothing sees an answer up to 5 s late.
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kReconnectMinMs = 100;
constexpr int kReconnectMaxMs = 1'000;

absl::Status ReadPem(const std::string& path, std::string* pem) {
  std::ifstream file(path);
  pem->assign(std::istreambuf_iterator<char>(file), {});
  if (!file || pem->empty()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(
    const TlsOptions& tls) {
  if (tls.ca.empty()) {
    if (!tls.cert.empty() || !tls.key.empty() || !tls.bearer_token.empty()) {
      return absl::InvalidArgumentError(
          "TLS needs the certificates to trust; a certificate, key or token "
          "is given without them");
    }
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions options;
  absl::Status status = ReadPem(tls.ca, &options.pem_root_certs);
  if (tls.cert.empty() != tls.key.empty()) {
    status.Update(absl::InvalidArgumentError(
        "a client certificate and its key are given together"));
  }
  if (!tls.cert.empty()) {
    status.Update(ReadPem(tls.cert, &options.pem_cert_chain));
    status.Update(ReadPem(tls.key, &options.pem_private_key));
  }
  if (!status.ok()) {
    return status;
  }
  auto credentials = grpc::SslCredentials(options);
  if (tls.bearer_token.empty()) {
    return credentials;
  }
  return grpc::CompositeChannelCredentials(
      credentials, grpc::AccessTokenCredentials(tls.bearer_token));
}

std::shared_ptr<grpc::Channel> CreateChannel(
    const std::string& target, const std::string& server_name,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  if (!server_name.empty()) {
    arguments.SetSslTargetNameOverride(server_name);
  }
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMinMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

// After a write that filled a socket, gRPC 1.51's last shutdown may wait 10 s
// for a poller of its own: the last shutdown is left to the process's end.
void KeepGrpcUp() {
  static const bool up = [] {
    grpc_init();
    return true;
  }();
  static_cast<void>(up);
}

// A channel tells its state but not the reason: a call's failure does.
std::string WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = grpc::health::v1::Health::NewStub(channel);
  grpc::ClientContext call;
  call.set_deadline(DeadlineAfter(absl::Seconds(1)));
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&call, {}, &response);
  return status.error_code() == grpc::StatusCode::UNAVAILABLE
             ? status.error_message()
             : "no answer";
}

}  // namespace

std::chrono::system_clock::time_point DeadlineAfter(absl::Duration timeout) {
  return absl::ToChronoTime(absl::Now() + timeout);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectChannel(
    const std::string& target, const ConnectOptions& options) {
  const auto deadline = DeadlineAfter(options.timeout);
  KeepGrpcUp();
  const auto credentials = CredentialsOf(options.tls);
  if (!credentials.ok()) {
    return credentials.status();
  }
  std::shared_ptr<grpc::Channel> channel =
      CreateChannel(target, options.tls.server_name, *credentials);
  for (;;) {
    const grpc_connectivity_state state = channel->GetState(true);
    if (state == GRPC_CHANNEL_READY) {
      return channel;
    }
    const bool refused = state == GRPC_CHANNEL_TRANSIENT_FAILURE ||
                         state == GRPC_CHANNEL_SHUTDOWN;
    if ((refused && !options.wait_for_server) ||
        !channel->WaitForStateChange(state, deadline)) {
      return absl::UnavailableError(absl::StrCat(
          "cannot connect to ", target, ": ", WhyNotConnected(channel)));
    }
  }
}

}  // namespace logitd::client
