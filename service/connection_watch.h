// ConnectionWatch: cuts connections on which nothing moves.
//
// gRPC asks a silent peer whether it is alive, but not one whose socket is
// full: the question would have to pass what the peer does not read. A process
// that is stopped, or hangs, keeps its streams that way for ever, and the
// server from ending. So the kernel is asked, again and again, how much each
// peer has still to take: where that is the same for so long, not a byte was
// taken. One thread of its own. Owns no descriptor: gRPC may close one at any
// time, and its number may then be somebody else's, which is noticed.
// Thread-safe.
#ifndef LOGITD_SERVICE_CONNECTION_WATCH_H_
#define LOGITD_SERVICE_CONNECTION_WATCH_H_

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace logitd {

class ConnectionWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // `patience`: how long a peer may take nothing of what is for it; `every`:
  // how often to look.
  explicit ConnectionWatch(
      std::chrono::milliseconds patience,
      std::chrono::milliseconds every = std::chrono::seconds(1));
  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // A connected socket, of which the caller may dispose as he likes.
  void Add(int fd);
  // Cuts all there are then, and all that come later.
  void CutAllAt(Clock::time_point when);

  // Those that are watched. Closed ones are noticed when they are looked at.
  size_t size() const;

 private:
  struct Connection {
    int fd;
    ino_t inode;  // what says that fd is still the same socket
    int waiting;  // bytes that the peer has not taken, when last looked at
    Clock::time_point moved;
  };

  void Watch();
  // False: it is gone, or was cut.
  bool Look(Connection* connection, Clock::time_point now, bool cut) const;

  const std::chrono::milliseconds patience_;
  const std::chrono::milliseconds every_;
  mutable std::mutex mu_;  // guards what follows, up to thread_
  std::condition_variable wake_;
  std::vector<Connection> connections_;
  std::optional<Clock::time_point> cut_all_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONNECTION_WATCH_H_
