#include "service/accept_loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

int Connect(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) !=
      0) {
    close(fd);
    return -1;
  }
  return fd;
}

// True if the other side closes within five seconds.
bool IsClosed(int fd) {
  pollfd polled = {fd, POLLIN, 0};
  char byte = 0;
  return poll(&polled, 1, 5000) == 1 && read(fd, &byte, 1) <= 0;
}

// Answers with one byte and closes.
void Greet(int fd) {
  (void)!write(fd, "!", 1);
  close(fd);
}

bool IsGreeted(int fd) {
  pollfd polled = {fd, POLLIN, 0};
  char byte = 0;
  return poll(&polled, 1, 5000) == 1 && read(fd, &byte, 1) == 1;
}

TEST(AcceptLoop, OutlivesAProcessWithoutDescriptors) {
  testing::TempFolder folder;
  const std::string path = folder.File("s");
  auto socket = ListeningSocket::Open("unix:" + path);
  ASSERT_THAT(socket, testing::IsOk());
  std::vector<ListeningSocket> sockets;
  sockets.push_back(*std::move(socket));
  AcceptLoop loop(std::move(sockets), [](int, int fd) { Greet(fd); });

  const int before = Connect(path);
  ASSERT_TRUE(IsGreeted(before));
  close(before);

  // Two descriptors are left: enough to connect, too few to accept.
  const int first_free = open("/dev/null", O_RDONLY);
  rlimit old = {};
  getrlimit(RLIMIT_NOFILE, &old);
  rlimit low = old;
  low.rlim_cur = static_cast<rlim_t>(first_free + 1);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  close(first_free);
  const int refused = Connect(path);
  const bool closed = refused >= 0 && IsClosed(refused);
  setrlimit(RLIMIT_NOFILE, &old);
  EXPECT_TRUE(closed);
  close(refused);

  const int after = Connect(path);
  EXPECT_TRUE(IsGreeted(after));
  close(after);
}

}  // namespace
}  // namespace logitd
