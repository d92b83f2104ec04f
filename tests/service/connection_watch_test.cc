// ConnectionWatch: which connections are cut, and which are not.
#include "service/connection_watch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"

namespace logitd {
namespace {

using std::chrono::milliseconds;
using Clock = ConnectionWatch::Clock;

constexpr milliseconds kEvery(5);
constexpr milliseconds kHours(3'600'000);

struct Pair {
  int server = -1;
  int client = -1;

  Pair() = default;
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    if (server >= 0) close(server);
    if (client >= 0) close(client);
  }
};

// Over a Unix socket or over TCP.
void Connect(bool tcp, Pair* pair) {
  if (!tcp) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    pair->server = ends[0];
    pair->client = ends[1];
    return;
  }
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listener, generic, size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, generic, &size), 0);
  pair->client = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(connect(pair->client, generic, size), 0);
  pair->server = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
  close(listener);
}

// Sends until no more fits.
size_t Fill(int fd) {
  const std::string bytes(16384, 'x');
  size_t sent = 0;
  for (ssize_t n = 0; n >= 0;) {
    n = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<size_t>(n);
  }
  return sent;
}

bool IsCut(int fd, int wait_ms) {
  pollfd polled = {fd, POLLRDHUP, 0};
  return poll(&polled, 1, wait_ms) == 1;
}

// TCP takes more for a while after the first fill.
void FillForGood(int fd) {
  while (Fill(fd) > 0) std::this_thread::sleep_for(milliseconds(20));
}

class Watched : public ::testing::TestWithParam<bool> {};

TEST_P(Watched, APeerThatTakesNothingIsCut) {
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(Connect(GetParam(), &pair));
  FillForGood(pair.server);
  ConnectionWatch watch(milliseconds(200), kEvery);
  watch.Add(pair.server);
  EXPECT_TRUE(IsCut(pair.server, 60'000));
  while (watch.size() > 0) std::this_thread::yield();
}

TEST_P(Watched, OneThatTakesALittleNowAndThenIsNot) {
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(Connect(GetParam(), &pair));
  FillForGood(pair.server);
  // Writes as gRPC does: when the kernel says that there is room again.
  ConnectionWatch watch(milliseconds(2500), kEvery);
  watch.Add(pair.server);
  std::string bytes(65536, 0);
  for (int i = 0; i < 50; ++i) {
    ASSERT_GT(read(pair.client, bytes.data(), bytes.size()), 0);
    pollfd polled = {pair.server, POLLOUT, 0};
    if (poll(&polled, 1, 0) == 1) Fill(pair.server);
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_EQ(watch.size(), 1u);
  EXPECT_FALSE(IsCut(pair.server, 0));
}

TEST_P(Watched, OneForWhomThereIsNothingIsNot) {
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(Connect(GetParam(), &pair));
  ConnectionWatch watch(milliseconds(0), kEvery);
  watch.Add(pair.server);
  EXPECT_FALSE(IsCut(pair.server, 200));
  EXPECT_EQ(watch.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Over, Watched, ::testing::Bool(),
                         [](const auto& tested) {
                           return tested.param ? "Tcp" : "Unix";
                         });

TEST(ConnectionWatch, LeavesAnotherSocketOfTheSameNumberAlone) {
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(Connect(false, &pair));
  Pair other;
  ASSERT_NO_FATAL_FAILURE(Connect(false, &other));
  FillForGood(other.server);
  ConnectionWatch watch(milliseconds(0), kHours);
  watch.Add(pair.server);
  ASSERT_EQ(dup2(other.server, pair.server), pair.server);
  watch.CutAllAt(Clock::now());
  while (watch.size() > 0) std::this_thread::yield();
  EXPECT_FALSE(IsCut(other.server, 50));
}

TEST(ConnectionWatch, ForgetsWhatIsClosed) {
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(Connect(false, &pair));
  ConnectionWatch watch(kHours, kEvery);
  watch.Add(pair.server);
  EXPECT_EQ(watch.size(), 1u);
  close(std::exchange(pair.server, -1));
  while (watch.size() > 0) std::this_thread::yield();
}

TEST(ConnectionWatch, CutsAllWhenItIsTimeAndWhoComesLater) {
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(Connect(false, &pair));
  ConnectionWatch watch(kHours, kEvery);
  watch.Add(pair.server);
  watch.CutAllAt(Clock::now() + milliseconds(300));
  EXPECT_FALSE(IsCut(pair.server, 50));
  EXPECT_TRUE(IsCut(pair.server, 60'000));
  Pair late;
  ASSERT_NO_FATAL_FAILURE(Connect(false, &late));
  watch.Add(late.server);
  EXPECT_TRUE(IsCut(late.server, 60'000));
}

}  // namespace
}  // namespace logitd
