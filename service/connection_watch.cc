#include "service/connection_watch.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "service/log.h"

namespace logitd {
namespace {

// 0: not a descriptor.
ino_t InodeOf(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 ? facts.st_ino : 0;
}

int WaitingBytes(int fd) {
  int bytes = 0;
  return ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

// gRPC writes again only when there is: a peer that takes anything makes some.
bool HasRoom(int fd) {
  pollfd polled = {fd, POLLOUT, 0};
  return poll(&polled, 1, 0) == 1;
}

// Both ends see the connection's end. Through a copy, which stays the same
// socket while it is looked at. False: try again.
bool Cut(int fd, ino_t inode) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return errno == EBADF;
  if (InodeOf(copy) == inode) shutdown(copy, SHUT_RDWR);
  close(copy);
  return true;
}

}  // namespace

ConnectionWatch::ConnectionWatch(std::chrono::milliseconds patience,
                                 std::chrono::milliseconds every)
    : patience_(patience), every_(every), thread_([this] { Watch(); }) {}

ConnectionWatch::~ConnectionWatch() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ConnectionWatch::Add(int fd) {
  const ino_t inode = InodeOf(fd);
  const std::lock_guard lock(mu_);
  if (connections_.empty()) wake_.notify_all();
  connections_.push_back({fd, inode, 0, Clock::now()});
}

void ConnectionWatch::CutAllAt(Clock::time_point when) {
  {
    const std::lock_guard lock(mu_);
    cut_all_ = when;
  }
  wake_.notify_all();
}

size_t ConnectionWatch::size() const {
  const std::lock_guard lock(mu_);
  return connections_.size();
}

bool ConnectionWatch::Look(Connection* connection, Clock::time_point now,
                           bool cut) const {
  if (InodeOf(connection->fd) != connection->inode) return false;
  if (cut) return !Cut(connection->fd, connection->inode);
  const int waiting = WaitingBytes(connection->fd);
  if (waiting == 0 || waiting != connection->waiting ||
      HasRoom(connection->fd)) {
    connection->waiting = waiting;
    connection->moved = now;
    return true;
  }
  if (now - connection->moved < patience_) return true;
  Log(LogLevel::kWarning, "a peer takes nothing: its connection is cut",
      {{"waiting_bytes", std::to_string(waiting)}});
  return !Cut(connection->fd, connection->inode);
}

void ConnectionWatch::Watch() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    if (connections_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto now = Clock::now();
    const bool cut = cut_all_ && now >= *cut_all_;
    const auto is_over = [&](Connection& connection) {
      return !Look(&connection, now, cut);
    };
    connections_.erase(
        std::remove_if(connections_.begin(), connections_.end(), is_over),
        connections_.end());
    const auto next = now + every_;
    wake_.wait_until(lock, cut_all_ && !cut ? std::min(*cut_all_, next) : next);
  }
}

}  // namespace logitd
