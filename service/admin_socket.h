// AdminSocket: the Unix socket through which profiles may be changed.
//
// The file has mode 0600; the accept loop asks the kernel who connects
// (SO_PEERCRED) and drops all but the server's own user and root. gRPC 1.51
// tells a handler nothing about the peer of a Unix socket, so each of the two
// users has a gRPC server of his own, whose services know him. Thread-safe.
#ifndef LOGITD_SERVICE_ADMIN_SOCKET_H_
#define LOGITD_SERVICE_ADMIN_SOCKET_H_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "service/accept_loop.h"

namespace logitd {

class AdminSocket {
 public:
  // What a user's server serves. Asked once for each user, at start.
  using MakeServices =
      std::function<std::vector<std::unique_ptr<grpc::Service>>(
          const std::string& who)>;
  // Arguments that every server has.
  using AddArguments = std::function<void(grpc::ServerBuilder*)>;

  // Listens at `path`. Errors: as ListeningSocket::Open, naming no setting.
  static absl::StatusOr<std::unique_ptr<AdminSocket>> Start(
      const std::string& path, const AddArguments& add_arguments,
      const MakeServices& make_services, AcceptLoop::OnShed on_shed,
      ConnectionWatch* watch);
  ~AdminSocket();

  // Stops accepting and ends what still runs by `deadline`.
  void Stop(std::chrono::system_clock::time_point deadline);

 private:
  struct User {
    std::vector<std::unique_ptr<grpc::Service>> services;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
    std::unique_ptr<grpc::Server> server;
  };

  AdminSocket() = default;
  void OnConnection(int listener_fd, int fd);

  std::map<uid_t, User> users_;  // constant after Start
  std::unique_ptr<AcceptLoop> accept_loop_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_ADMIN_SOCKET_H_
