// AcceptLoop: accepts connections and hands their descriptors over.
//
// gRPC's own listener dies for good when the process is out of descriptors
// once. This one holds a descriptor in reserve: then it gives that up, accepts,
// closes the connection at once and takes the reserve back. It also closes a
// connection whose descriptor it must leave to others (DescriptorsFor). One
// thread of its own; knows no gRPC. Owns the sockets.
#ifndef LOGITD_SERVICE_ACCEPT_LOOP_H_
#define LOGITD_SERVICE_ACCEPT_LOOP_H_

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "service/connection_watch.h"
#include "service/socket.h"

namespace logitd {

class AcceptLoop {
 public:
  // Takes the connection's descriptor over. Called on the loop's thread.
  using OnConnection = std::function<void(int listener_fd, int fd)>;
  // A connection of these peers was closed for lack of descriptors. Called on
  // the loop's thread.
  using OnShed = std::function<void(Peers peers)>;

  // `unix_peers`: who connects to the Unix sockets. `watch` is told of each
  // connection and outlives the loop.
  AcceptLoop(std::vector<ListeningSocket> sockets, OnConnection on_connection,
             OnShed on_shed, ConnectionWatch* watch,
             Peers unix_peers = Peers::kUnix);
  ~AcceptLoop();  // stops accepting, then closes the sockets

 private:
  void Loop();
  void Accept(const ListeningSocket& socket);
  Peers PeersOf(const ListeningSocket& socket) const;
  bool MayKeep(const ListeningSocket& socket, int fd) const;
  void Shed(const ListeningSocket& socket);
  void TellOfRefusal(const ListeningSocket& socket);

  const std::vector<ListeningSocket> sockets_;
  const OnConnection on_connection_;
  const OnShed on_shed_;
  ConnectionWatch& watch_;
  const Peers unix_peers_;
  int wake_ = -1;  // an eventfd
  // Confined to the thread.
  int reserve_ = -1;
  // When a refusal was logged.
  std::optional<std::chrono::steady_clock::time_point> told_;
  std::thread thread_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_ACCEPT_LOOP_H_
