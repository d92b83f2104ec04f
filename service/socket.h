// Sockets to listen on: "unix:<path>" or "<host>:<port>".
//
// A Unix socket gets mode 0660 unless said otherwise. A file left by a server
// that is gone is replaced; one that a server answers on is not, nor is
// anything else of that name. Errors are one line that says what to do; nothing
// is left behind. Knows no gRPC. Not thread-safe.
//
// Descriptors run out for the whole process, so each listener leaves some to
// those that are trusted more: TCP to the Unix socket, that to the admin
// socket, and all of them to the admin pages and to files.
#ifndef LOGITD_SERVICE_SOCKET_H_
#define LOGITD_SERVICE_SOCKET_H_

#include <sys/resource.h>
#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace logitd {

// The fewest that a process may be allowed to have open.
inline constexpr rlim_t kDescriptorsMin = 64;
// What the admin pages have open at most, of a process that may have `limit`
// descriptors. Their server accepts by itself, and would spin if it could not.
rlim_t HttpConnectionsFor(rlim_t limit);

// How many descriptors this process may have open.
rlim_t DescriptorLimit();

enum class Peers { kTcp, kUnix, kAdmin };  // the more trusted the later

// Connections of these peers get descriptors below this one. The kernel gives
// the lowest that is free, so a number tells how many are taken.
rlim_t DescriptorsFor(Peers peers, rlim_t limit);

class ListeningSocket {
 public:
  // `mode` is that of a Unix socket's file.
  // INVALID_ARGUMENT, ALREADY_EXISTS (another server is there), NOT_FOUND (the
  // directory is missing), PERMISSION_DENIED or UNAVAILABLE (also: the process
  // may open too few files).
  static absl::StatusOr<ListeningSocket> Open(const std::string& address,
                                              mode_t mode = 0660);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  // Closes; removes the file of a Unix socket if it is still its own.
  ~ListeningSocket();

  int fd() const { return fd_; }
  // Of a TCP socket with the port that it has got.
  const std::string& address() const { return address_; }
  bool is_tcp() const { return path_.empty(); }

 private:
  ListeningSocket() = default;
  absl::Status OpenUnix(const std::string& path, mode_t mode);
  absl::Status OpenTcp(const std::string& address);

  int fd_ = -1;
  std::string address_;
  std::string path_;  // of a Unix socket
  dev_t device_ = 0;  // of its file
  ino_t inode_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SOCKET_H_
