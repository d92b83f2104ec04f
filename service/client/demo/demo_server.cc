#include "service/client/demo/demo_server.h"

#include <grpc/grpc.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "service/client/demo/model_service.h"

namespace logitd::demo {
namespace {

constexpr char kUnix[] = "unix:";
constexpr int kPingIntervalMinMs = 5'000;
constexpr mode_t kSocketMask = 0117;  // Sockets are 0660.

// Whether a process accepts connections at this socket.
bool Answers(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool answers =
      fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address),
                         sizeof(address)) == 0;
  if (fd >= 0) {
    close(fd);
  }
  return answers;
}

std::unique_ptr<grpc::Server> Listen(const std::string& listen,
                                     ModelService* service) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kPingIntervalMinMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Else it takes up to 10 s to end.
  builder.SetSyncServerOption(grpc::ServerBuilder::CQ_TIMEOUT_MSEC, 1000);
  builder.RegisterService(service);
  const mode_t old_mask = umask(kSocketMask);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  umask(old_mask);
  return port == 0 ? nullptr : std::move(server);
}

}  // namespace

std::string DefaultListen() {
  const char* const folder = std::getenv("RUNTIME_DIRECTORY");
  return absl::StrCat(kUnix, folder == nullptr ? "/run/logitd" : folder,
                      "/demo-model.sock");
}

absl::Status CheckSocketPath(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path folder = fs::absolute(path, ignored).parent_path();
  if (!fs::is_directory(folder, ignored)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no folder ", folder.string(), " for the socket: make it, or choose ",
        "another with --listen unix:PATH"));
  }
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the path of a socket has at most ",
                     sizeof(address.sun_path) - 1, " bytes: ", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (fs::exists(path, ignored) && !fs::is_socket(path, ignored)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " exists and is not a socket"));
  }
  if (Answers(address)) {
    return absl::FailedPreconditionError(
        absl::StrCat("another process serves ", path));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot write in ", folder.string(), ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status Run(const ServerOptions& options) {
  if (absl::StartsWith(options.listen, kUnix)) {
    const std::string path = options.listen.substr(std::strlen(kUnix));
    if (absl::Status status = CheckSocketPath(path); !status.ok()) {
      return status;
    }
  }
  auto model = TrigramModel::Load(options.model_file);
  if (!model.ok()) {
    return model.status();
  }
  const std::size_t words = (*model)->words().size();
  // Before any thread starts, so that only sigwait takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  // gRPC 1.51's last shutdown may wait 10 s for a poller of its own, so there
  // is none: the process ends without it.
  grpc_init();
  ModelService service(*std::move(model), options.cached_rows);
  const auto server = Listen(options.listen, &service);
  if (server == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot listen at ", options.listen));
  }
  std::fprintf(stderr, "logitd-demo-model: %zu words, serving at %s\n", words,
               options.listen.c_str());
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return absl::OkStatus();
}

}  // namespace logitd::demo
