// The admin pages: what each says, and that slow clients starve none.
#include "service/admin_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/socket.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using absl::StrContains;
using testing::IsOk;
using testing::TempFolder;
using testing::TestServer;

// A connection to a port of this host, closed with the object.
class Connection {
 public:
  explicit Connection(int port)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(
        connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
        0);
    const timeval patience = {60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Send(const std::string& text) {
    return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  // All up to the end, or to a minute without a byte.
  std::string ReadAll() {
    std::string all;
    char piece[4096];
    for (ssize_t n; (n = read(fd_, piece, sizeof(piece))) > 0;) {
      all.append(piece, static_cast<size_t>(n));
    }
    return all;
  }

 private:
  const int fd_;
};

std::string Ask(int port, const std::string& method, const std::string& path) {
  Connection connection(port);
  EXPECT_TRUE(connection.Send(
      absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: test\r\n\r\n")));
  return connection.ReadAll();
}

AdminHttp::Pages SomePages() {
  AdminHttp::Pages pages;
  pages.metrics = [] { return std::string("some_metric 1\n"); };
  pages.config = [] { return std::string("a: b\n"); };
  pages.readiness = [] { return ReadinessPage{true, "ready\n"}; };
  return pages;
}

// No request times out here: whoever needs a slow client's thread never gets
// it.
TEST(AdminHttp, AnswersBesideFiftyClientsThatSendAByteNowAndThen) {
  constexpr int kSlow = 50;
  ASSERT_LT(kSlow, HttpConnectionsFor(DescriptorLimit()))
      << "give the tests more descriptors: ulimit -n 1024";
  const auto admin =
      AdminHttp::Start("127.0.0.1:0", SomePages(), std::chrono::minutes(10));
  ASSERT_THAT(admin, IsOk());
  std::vector<std::unique_ptr<Connection>> slow;
  for (int i = 0; i < kSlow; ++i) {
    slow.push_back(std::make_unique<Connection>((*admin)->port()));
    ASSERT_TRUE(slow.back()->Send("G"));
  }
  for (const char byte : std::string("ET /metr")) {
    for (const auto& client : slow) {
      ASSERT_TRUE(client->Send(std::string(1, byte)));
    }
    ASSERT_TRUE(
        StrContains(Ask((*admin)->port(), "GET", "/metrics"), "some_metric 1"));
  }
  // They were served all the while.
  ASSERT_TRUE(slow.back()->Send("ics HTTP/1.1\r\nHost: slow\r\n\r\n"));
  EXPECT_TRUE(StrContains(slow.back()->ReadAll(), "some_metric 1"));
  slow.clear();
}

int NiceOfThisThread() {
  return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
}

TEST(AdminHttp, YieldsToThreadsThatSample) {
  int nice = -100;
  AdminHttp::Pages pages = SomePages();
  pages.metrics = [&nice] {
    nice = NiceOfThisThread();
    return std::string();
  };
  const auto admin = AdminHttp::Start("127.0.0.1:0", pages);
  ASSERT_TRUE(admin.ok()) << admin.status();
  Ask((*admin)->port(), "GET", "/metrics");
  EXPECT_EQ(nice, std::min(NiceOfThisThread() + 10, 19));
}

TEST(AdminHttp, CutsWhoDoesNotFinishARequest) {
  const auto admin = AdminHttp::Start("127.0.0.1:0", SomePages());
  ASSERT_THAT(admin, IsOk());
  Connection slow((*admin)->port());
  bool cut = false;
  for (int i = 0; i < 600 && !cut; ++i) {
    cut = !slow.Send("G");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(cut);
}

TEST(AdminHttp, ReadsOnly) {
  const auto admin = AdminHttp::Start("127.0.0.1:0", SomePages());
  ASSERT_THAT(admin, IsOk());
  const int port = (*admin)->port();
  EXPECT_TRUE(StrContains(Ask(port, "POST", "/metrics"), " 405 "));
  const std::string head = Ask(port, "HEAD", "/metrics");
  EXPECT_TRUE(StrContains(head, " 200 OK"));
  EXPECT_FALSE(StrContains(head, "some_metric"));
  EXPECT_TRUE(StrContains(Ask(port, "GET", "/../etc/passwd"), " 404 "));
}

// ---- the pages of a server --------------------------------------------------

TEST(AdminPages, ConfigzShowsPathsAndNoSecrets) {
  const TempFolder folder;
  const std::string file = folder.File("tokens");
  std::ofstream(file) << "ci:a-very-secret-token-of-32-characters\n";
  chmod(file.c_str(), 0600);
  TestServer server([&](Config* config) {
    config->admin_token_file = file;
    config->printed = absl::StrCat("admin_token_file: ", file, "\n");
  });
  const std::string page = server.HttpGet("/configz");
  EXPECT_TRUE(StrContains(page, "admin_token_file: "));
  for (const char* path :
       {"/configz", "/metrics", "/readyz", "/healthz", "/buildz"}) {
    EXPECT_FALSE(StrContains(server.HttpGet(path), "a-very-secret")) << path;
  }
}

TEST(AdminPages, BuildzTellsWhatRuns) {
  TestServer server;
  const std::string page = server.HttpGet("/buildz");
  EXPECT_TRUE(StrContains(page, "Content-Type: application/json"));
  EXPECT_TRUE(StrContains(
      page, absl::StrCat("{\"version\":\"", Version(),
                         "\",\"semantics\":\"logitd/1\",\"core\":\"")));
}

TEST(AdminPages, ReadyzNamesEveryPart) {
  TestServer server;
  EXPECT_TRUE(
      StrContains(server.HttpGet("/readyz"),
                  "\r\n\r\nready\nlisteners: ok\nexecutor: ok\nstore: ok\n"
                  "default_profile: ok\n"));
  server.server().BeginDrain();
  const std::string page = server.HttpGet("/readyz");
  EXPECT_TRUE(StrContains(page, "503 Service Unavailable"));
  EXPECT_TRUE(StrContains(page, "not ready\nlisteners: draining\n"));
  EXPECT_EQ(server.Metric("logitd_draining"), 1);
  EXPECT_EQ(server.Metric("logitd_ready"), 0);
  EXPECT_EQ(server.Metric("logitd_component_up{component=\"listeners\"}"), 0);
}

// A replica that serves its last good profiles is of use.
TEST(AdminPages, ABadStoreIsToldAndDoesNotMakeTheServerUnready) {
  const TempFolder folder;
  std::ofstream(folder.File("bad.yaml")) << "default_params: {top_p: 7}\n";
  TestServer server(
      [&](Config* config) { config->profile_dirs = {folder.path()}; });
  const std::string page = server.HttpGet("/readyz");
  EXPECT_TRUE(StrContains(page, "200 OK")) << page;
  EXPECT_TRUE(StrContains(page, "\nstore: directory: ")) << page;
  EXPECT_EQ(server.Metric("logitd_profile_store_up{store=\"directory\"}"), 0);
  EXPECT_EQ(server.Metric("logitd_profile_store_up{store=\"memory\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_component_up{component=\"store\"}"), 0);
  EXPECT_EQ(server.Metric("logitd_ready"), 1);
}

// ---- the executor's probe ---------------------------------------------------

class ExecutorProbeOfLane : public ::testing::TestWithParam<Lane> {};

TEST_P(ExecutorProbeOfLane, TellsOfAThreadThatHangs) {
  std::mutex mu;
  std::condition_variable changed;
  bool hangs = true;
  Executor executor(100);
  const auto hang = [&] {
    std::unique_lock lock(mu);
    changed.wait(lock, [&] { return !hangs; });
  };
  ASSERT_TRUE(executor.Run(hang, GetParam()));
  ExecutorProbe probe(&executor);
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(probe.Check(now), "");
  EXPECT_EQ(probe.Check(now + std::chrono::seconds(4)), "");
  EXPECT_EQ(probe.Check(now + std::chrono::seconds(7)),
            "profile calls have waited for 7 s");
  {
    const std::lock_guard lock(mu);
    hangs = false;
  }
  changed.notify_all();
  bool well = false;
  for (int i = 0; i < 6000 && !well; ++i) {
    well = probe.Check(now + std::chrono::seconds(7)).empty();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(well);
}

INSTANTIATE_TEST_SUITE_P(ThatWaitsForADisk, ExecutorProbeOfLane,
                         ::testing::Values(Lane::kWrite, Lane::kRead,
                                           Lane::kOpen));

TEST(ExecutorProbe, TellsOfAQueueThatIsFull) {
  Executor executor(0);
  ExecutorProbe probe(&executor);
  EXPECT_EQ(probe.Check(std::chrono::steady_clock::now()),
            "more than 0 profile calls wait");
}

}  // namespace
}  // namespace logitd
