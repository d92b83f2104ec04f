#include "service/accept_loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "service/log.h"

namespace logitd {
namespace {

constexpr int kPauseMs = 10;
constexpr std::chrono::seconds kTellEvery(10);

int OpenReserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

AcceptLoop::AcceptLoop(std::vector<ListeningSocket> sockets,
                       OnConnection on_connection, OnShed on_shed,
                       ConnectionWatch* watch, Peers unix_peers)
    : sockets_(std::move(sockets)),
      on_connection_(std::move(on_connection)),
      on_shed_(std::move(on_shed)),
      watch_(*watch),
      unix_peers_(unix_peers) {
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  reserve_ = OpenReserve();
  thread_ = std::thread([this] { Loop(); });
}

AcceptLoop::~AcceptLoop() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
  thread_.join();
  close(wake_);
  if (reserve_ >= 0) close(reserve_);
}

void AcceptLoop::Loop() {
  std::vector<pollfd> polled;
  polled.push_back({wake_, POLLIN, 0});
  for (const ListeningSocket& socket : sockets_) {
    polled.push_back({socket.fd(), POLLIN, 0});
  }
  for (;;) {
    if (poll(polled.data(), polled.size(), -1) < 0) continue;  // a signal
    if (polled[0].revents != 0) return;
    for (size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents != 0) Accept(sockets_[i - 1]);
    }
  }
}

void AcceptLoop::Accept(const ListeningSocket& socket) {
  const int fd =
      accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0 && !MayKeep(socket, fd)) {
    close(fd);
    TellOfRefusal(socket);
    return;
  }
  if (fd >= 0) {
    const int yes = 1;
    if (socket.is_tcp()) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    }
    watch_.Add(fd);
    on_connection_(socket.fd(), fd);
    return;
  }
  switch (errno) {
    case EMFILE:
    case ENFILE:
      Shed(socket);
      return;
    case ENOBUFS:
    case ENOMEM:
      poll(nullptr, 0, kPauseMs);
      return;
    default:  // the client is gone, or another thread was faster
      return;
  }
}

Peers AcceptLoop::PeersOf(const ListeningSocket& socket) const {
  return socket.is_tcp() ? Peers::kTcp : unix_peers_;
}

bool AcceptLoop::MayKeep(const ListeningSocket& socket, int fd) const {
  // The limit is asked each time: prlimit may change it.
  return static_cast<rlim_t>(fd) <
         DescriptorsFor(PeersOf(socket), DescriptorLimit());
}

void AcceptLoop::Shed(const ListeningSocket& socket) {
  if (reserve_ >= 0) {
    close(reserve_);
    const int fd = accept4(socket.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    reserve_ = OpenReserve();
    if (fd >= 0) TellOfRefusal(socket);
    return;
  }
  poll(nullptr, 0, kPauseMs);
  reserve_ = OpenReserve();
}

void AcceptLoop::TellOfRefusal(const ListeningSocket& socket) {
  on_shed_(PeersOf(socket));
  const auto now = std::chrono::steady_clock::now();
  if (told_ && now - *told_ < kTellEvery) return;
  told_ = now;
  Log(LogLevel::kWarning, "out of descriptors: connections are refused");
}

}  // namespace logitd
