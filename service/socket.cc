#include "service/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

constexpr int kBacklog = 512;
// A store's, a directory's that is read again.
constexpr int kFilesMax = 4;

std::string ErrorText(int error) { return std::strerror(error); }

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

template <class Address>
const sockaddr* Generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Removes the file of a server that is gone. OK if `path` is then free.
absl::Status RemoveStale(const std::string& path) {
  struct stat file = {};
  if (lstat(path.c_str(), &file) != 0) return absl::OkStatus();
  if (!S_ISSOCK(file.st_mode)) {
    return absl::AlreadyExistsError(
        absl::StrCat(path,
                     " exists and is no socket; remove it or choose "
                     "another path"));
  }
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return absl::UnavailableError(ErrorText(errno));
  const sockaddr_un address = UnixAddress(path);
  const int connected = connect(probe, Generic(address), sizeof(address));
  const int error = errno;
  close(probe);
  if (connected == 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("another server answers at ", path,
                     "; stop it or choose another path"));
  }
  if (error != ECONNREFUSED || unlink(path.c_str()) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot take over ", path, ": ",
                     ErrorText(error != ECONNREFUSED ? error : errno)));
  }
  return absl::OkStatus();
}

// Locks a folder, so that two servers that start at once do not both find the
// other's socket stale.
absl::StatusOr<int> LockFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    return absl::NotFoundError(absl::StrCat("the directory ", folder,
                                            " does not exist; make it first"));
  }
  if (fd < 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "cannot open the directory ", folder, ": ", ErrorText(errno)));
  }
  // Another start holds it for an instant. Without it we go on: the lock only
  // makes a rare race rarer.
  for (int i = 0; i < 100 && flock(fd, LOCK_EX | LOCK_NB) != 0; ++i) {
    if (errno != EWOULDBLOCK) break;
    poll(nullptr, 0, 10);
  }
  return fd;
}

absl::Status BindError(const std::string& where, int error) {
  const std::string text =
      absl::StrCat("cannot listen on ", where, ": ", ErrorText(error));
  if (error == EACCES || error == EPERM || error == EROFS) {
    return absl::PermissionDeniedError(text);
  }
  if (error == EADDRINUSE) return absl::AlreadyExistsError(text);
  return absl::UnavailableError(text);
}

absl::Status CheckDescriptors() {
  const rlim_t limit = DescriptorLimit();
  if (limit >= kDescriptorsMin) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the process may have only ", limit, " files open; allow ",
                   kDescriptorsMin, " or more (ulimit -n, LimitNOFILE=)"));
}

std::string TcpAddress(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  char host[NI_MAXHOST] = "";
  char port[NI_MAXSERV] = "";
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  getnameinfo(Generic(address), size, host, sizeof(host), port, sizeof(port),
              NI_NUMERICHOST | NI_NUMERICSERV);
  return address.ss_family == AF_INET6 ? absl::StrCat("[", host, "]:", port)
                                       : absl::StrCat(host, ":", port);
}

}  // namespace

rlim_t HttpConnectionsFor(rlim_t limit) {
  return std::clamp<rlim_t>(limit / 12, 15, 67);
}

rlim_t DescriptorLimit() {
  rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

rlim_t DescriptorsFor(Peers peers, rlim_t limit) {
  const rlim_t share = limit / 16;
  rlim_t left = HttpConnectionsFor(limit) + kFilesMax;
  if (peers != Peers::kAdmin) left += share;
  if (peers == Peers::kTcp) left += share;
  return limit > left ? limit - left : 0;
}

absl::StatusOr<ListeningSocket> ListeningSocket::Open(
    const std::string& address, mode_t mode) {
  ListeningSocket made;
  made.address_ = address;
  absl::string_view path = address;
  absl::Status status = CheckDescriptors();
  if (status.ok()) {
    status = absl::ConsumePrefix(&path, "unix:")
                 ? made.OpenUnix(std::string(path), mode)
                 : made.OpenTcp(address);
  }
  if (status.ok()) return made;
  return absl::Status(status.code(),
                      absl::StrCat("--listen: ", status.message()));
}

absl::Status ListeningSocket::OpenUnix(const std::string& path, mode_t mode) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is longer than the ", sizeof(sockaddr_un::sun_path) - 1,
        " bytes that a socket's path may have"));
  }
  std::string folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  LOGITD_ASSIGN_OR_RETURN(const int lock, LockFolder(folder));
  const auto unlock = absl::MakeCleanup([lock] { close(lock); });
  LOGITD_RETURN_IF_ERROR(RemoveStale(path));
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return absl::UnavailableError(ErrorText(errno));
  const sockaddr_un address = UnixAddress(path);
  if (bind(fd_, Generic(address), sizeof(address)) != 0) {
    return BindError(path, errno);
  }
  path_ = path;
  struct stat file = {};
  // Nobody can connect before listen(), so the mode is in time.
  if (chmod(path.c_str(), mode) != 0 || lstat(path.c_str(), &file) != 0 ||
      listen(fd_, kBacklog) != 0) {
    return BindError(path, errno);
  }
  device_ = file.st_dev;
  inode_ = file.st_ino;
  return absl::OkStatus();
}

absl::Status ListeningSocket::OpenTcp(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(address, " is neither unix:<path> nor <host>:<port>"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                address.c_str() + colon + 1, &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(address, ": ", gai_strerror(error)));
  }
  const auto free_found = absl::MakeCleanup([found] { freeaddrinfo(found); });
  fd_ = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return absl::UnavailableError(ErrorText(errno));
  const int yes = 1;
  setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(fd_, found->ai_addr, found->ai_addrlen) != 0 ||
      listen(fd_, kBacklog) != 0) {
    return BindError(address, errno);
  }
  address_ = TcpAddress(fd_);
  return absl::OkStatus();
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      address_(std::move(other.address_)),
      path_(std::exchange(other.path_, "")),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket::~ListeningSocket() {
  if (fd_ < 0) return;
  struct stat file = {};
  if (!path_.empty() && lstat(path_.c_str(), &file) == 0 &&
      file.st_dev == device_ && file.st_ino == inode_) {
    unlink(path_.c_str());
  }
  close(fd_);
}

}  // namespace logitd
