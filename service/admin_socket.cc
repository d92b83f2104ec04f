#include "service/admin_socket.h"

#include <grpcpp/security/server_credentials.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "service/log.h"

namespace logitd {
namespace {

// The caller names the setting, which is not the one that sockets name.
absl::Status Unprefixed(const absl::Status& status) {
  absl::string_view text = status.message();
  absl::ConsumePrefix(&text, "--listen: ");
  return absl::Status(status.code(), text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminSocket>> AdminSocket::Start(
    const std::string& path, const AddArguments& add_arguments,
    const MakeServices& make_services, AcceptLoop::OnShed on_shed,
    ConnectionWatch* watch) {
  constexpr mode_t kMode = 0600;
  absl::StatusOr<ListeningSocket> socket =
      ListeningSocket::Open(absl::StrCat("unix:", path), kMode);
  if (!socket.ok()) return Unprefixed(socket.status());
  std::unique_ptr<AdminSocket> admin(new AdminSocket);
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  for (const uid_t uid : {uid_t{0}, geteuid()}) {
    if (admin->users_.count(uid) > 0) continue;
    User& user = admin->users_[uid];
    user.services = make_services(absl::StrCat("uid:", uid, " admin socket"));
    grpc::ServerBuilder builder;
    add_arguments(&builder);
    for (const auto& service : user.services) {
      builder.RegisterService(service.get());
    }
    user.acceptor = builder.experimental().AddExternalConnectionAcceptor(
        Type::FROM_FD, grpc::InsecureServerCredentials());
    user.server = builder.BuildAndStart();
    if (user.server == nullptr) {
      return absl::InternalError("gRPC did not start");
    }
  }
  std::vector<ListeningSocket> sockets;
  sockets.push_back(*std::move(socket));
  AdminSocket* const self = admin.get();
  admin->accept_loop_ = std::make_unique<AcceptLoop>(
      std::move(sockets),
      [self](int listener_fd, int fd) { self->OnConnection(listener_fd, fd); },
      std::move(on_shed), watch, Peers::kAdmin);
  return admin;
}

void AdminSocket::OnConnection(int listener_fd, int fd) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  const bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  const auto user = known ? users_.find(peer.uid) : users_.end();
  if (user == users_.end()) {
    Log(LogLevel::kWarning, "admin socket: a connection was refused",
        {{"uid", known ? absl::StrCat(peer.uid) : "unknown"}});
    close(fd);
    return;
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
      connection;
  connection.listener_fd = listener_fd;
  connection.fd = fd;
  user->second.acceptor->HandleNewConnection(&connection);
}

void AdminSocket::Stop(std::chrono::system_clock::time_point deadline) {
  accept_loop_.reset();
  for (auto& [uid, user] : users_) {
    if (user.server != nullptr) user.server->Shutdown(deadline);
  }
  for (auto& [uid, user] : users_) {
    if (user.server != nullptr) user.server->Wait();
    user.server.reset();
    user.acceptor.reset();
  }
  users_.clear();
}

AdminSocket::~AdminSocket() { Stop(std::chrono::system_clock::now()); }

}  // namespace logitd
