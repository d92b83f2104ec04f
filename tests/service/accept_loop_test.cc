#include "service/accept_loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

// True if the other side closes.
bool IsClosed(int fd) {
  pollfd polled = {fd, POLLIN, 0};
  char byte = 0;
  return poll(&polled, 1, 60000) == 1 && read(fd, &byte, 1) <= 0;
}

int ConnectTcp(const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(
      static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  return fd;
}

// Answers with one byte and closes.
void Greet(int fd) {
  (void)!write(fd, "!", 1);
  close(fd);
}

bool IsGreeted(int fd) {
  pollfd polled = {fd, POLLIN, 0};
  char byte = 0;
  return poll(&polled, 1, 60000) == 1 && read(fd, &byte, 1) == 1;
}

TEST(AcceptLoop, OutlivesAProcessWithoutDescriptors) {
  testing::TempFolder folder;
  const std::string path = folder.File("s");
  auto socket = ListeningSocket::Open("unix:" + path);
  ASSERT_THAT(socket, testing::IsOk());
  std::vector<ListeningSocket> sockets;
  sockets.push_back(*std::move(socket));
  std::atomic<int> shed = 0;
  ConnectionWatch watch(std::chrono::hours(1));
  AcceptLoop loop(
      std::move(sockets), [](int, int fd) { Greet(fd); },
      [&shed](Peers peers) {
        EXPECT_EQ(peers, Peers::kUnix);
        ++shed;
      },
      &watch);

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
  EXPECT_EQ(shed, 1);
}

// ---- what is left to others

TEST(Descriptors, AreLeftToThoseWhoAreTrustedMore) {
  for (const rlim_t limit : {kDescriptorsMin, rlim_t{1024}, rlim_t{1} << 20,
                             static_cast<rlim_t>(RLIM_INFINITY)}) {
    const rlim_t tcp = DescriptorsFor(Peers::kTcp, limit);
    const rlim_t on_socket = DescriptorsFor(Peers::kUnix, limit);
    const rlim_t admin = DescriptorsFor(Peers::kAdmin, limit);
    EXPECT_GE(tcp, limit / 2);
    EXPECT_GE(on_socket, tcp + 4) << limit;
    EXPECT_GE(admin, on_socket + 4) << limit;
    EXPECT_GT(limit, admin + HttpConnectionsFor(limit)) << limit;
  }
  EXPECT_EQ(DescriptorsFor(Peers::kAdmin, 3), 0u);
}

// While the object lives, the process may have `limit` descriptors, and those
// below `first` are taken.
class TakenBelow {
 public:
  TakenBelow(rlim_t first, rlim_t limit) {
    for (int fd = 0; fd + 1 < static_cast<int>(first);) {
      fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
      taken_.push_back(fd);
    }
    getrlimit(RLIMIT_NOFILE, &old_);
    rlimit low = old_;
    low.rlim_cur = limit;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  ~TakenBelow() {
    setrlimit(RLIMIT_NOFILE, &old_);
    for (const int fd : taken_) close(fd);
  }
  TakenBelow(const TakenBelow&) = delete;
  TakenBelow& operator=(const TakenBelow&) = delete;

 private:
  std::vector<int> taken_;
  rlimit old_ = {};
};

class Doors : public ::testing::Test {
 protected:
  // A loop that greets, at a Unix socket and at a TCP port.
  std::unique_ptr<AcceptLoop> Start(const std::string& name, Peers peers) {
    std::vector<ListeningSocket> sockets;
    for (const std::string& address :
         {"unix:" + folder_.File(name), std::string("127.0.0.1:0")}) {
      auto socket = ListeningSocket::Open(address);
      EXPECT_THAT(socket, testing::IsOk());
      if (socket->is_tcp()) tcp_ = socket->address();
      sockets.push_back(*std::move(socket));
    }
    return std::make_unique<AcceptLoop>(
        std::move(sockets), [](int, int fd) { Greet(fd); },
        [this](Peers of) { ++shed_[static_cast<size_t>(of)]; }, &watch_, peers);
  }
  // Waits until the server has closed its end, and with it the descriptor.
  static bool IsGreetedAndClosed(int fd) {
    const bool greeted = IsGreeted(fd);
    EXPECT_TRUE(IsClosed(fd));
    close(fd);
    return greeted;
  }
  bool Greets(const std::string& name) const {
    return IsGreetedAndClosed(Connect(folder_.File(name)));
  }
  bool GreetsTcp() const { return IsGreetedAndClosed(ConnectTcp(tcp_)); }

  const testing::TempFolder folder_;
  ConnectionWatch watch_{std::chrono::hours(1)};
  std::string tcp_;
  std::array<std::atomic<int>, 3> shed_ = {};  // by Peers
};

TEST_F(Doors, CloseOneAfterTheOther) {
  const auto admin = Start("admin", Peers::kAdmin);
  const auto serving = Start("serving", Peers::kUnix);
  // Room for what other tests of the process have left open.
  const int next_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(next_free);
  const rlim_t limit = kDescriptorsMin + 2 * static_cast<rlim_t>(next_free);
  // The client's end takes one too.
  const auto full = [limit](Peers peers) {
    return DescriptorsFor(peers, limit) - 1;
  };
  {
    const TakenBelow taken(full(Peers::kTcp) - 1, limit);
    EXPECT_TRUE(GreetsTcp());
  }
  {
    const TakenBelow taken(full(Peers::kTcp), limit);
    EXPECT_FALSE(GreetsTcp());
    EXPECT_TRUE(Greets("serving"));
  }
  {
    const TakenBelow taken(full(Peers::kUnix), limit);
    EXPECT_FALSE(Greets("serving"));
    EXPECT_TRUE(Greets("admin"));
  }
  {
    const TakenBelow taken(full(Peers::kAdmin), limit);
    EXPECT_FALSE(Greets("admin"));
  }
  EXPECT_TRUE(GreetsTcp());
  EXPECT_TRUE(Greets("serving"));
  EXPECT_TRUE(Greets("admin"));
  for (const std::atomic<int>& shed : shed_) EXPECT_EQ(shed, 1);
}

TEST_F(Doors, DoNotOpenToAProcessThatMayHaveTooFewFiles) {
  rlimit old = {};
  getrlimit(RLIMIT_NOFILE, &old);
  rlimit low = old;
  low.rlim_cur = kDescriptorsMin - 1;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto socket = ListeningSocket::Open("unix:" + folder_.File("s"));
  setrlimit(RLIMIT_NOFILE, &old);
  EXPECT_THAT(socket, testing::StatusIs(absl::StatusCode::kUnavailable,
                                        "may have only 63 files open"));
  EXPECT_NE(access(folder_.File("s").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace logitd
