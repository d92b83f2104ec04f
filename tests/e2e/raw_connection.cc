#include "tests/e2e/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "gtest/gtest.h"

namespace logitd::testing {
namespace {

template <class Address>
void Connect(int fd, const Address& address) {
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const bool begun =
      connect(fd, generic, sizeof(address)) == 0 || errno == EINPROGRESS;
  EXPECT_TRUE(begun) << std::strerror(errno);
}

}  // namespace

RawConnection::RawConnection(const std::string& unix_path)
    : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, unix_path.data(), unix_path.size());
  Connect(fd_, address);
}

RawConnection::RawConnection(int port)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Connect(fd_, address);
}

RawConnection::~RawConnection() { close(fd_); }

bool RawConnection::Send(const std::string& text) {
  return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

bool RawConnection::IsClosed() {
  char piece[512];
  ssize_t count = 0;
  while ((count = recv(fd_, piece, sizeof(piece), MSG_DONTWAIT)) > 0) {
    received_.append(piece, static_cast<size_t>(count));
  }
  return count == 0 || errno != EAGAIN;
}

}  // namespace logitd::testing
