// A storm of scrapes, and slow clients on the admin port: every page comes
// whole, and every step is answered.
//
// What the steps take depends on the machine, so it is printed.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "service/metrics_list.h"
#include "tests/e2e/open_load.h"
#include "tests/e2e/paced_session.h"
#include "tests/e2e/processes.h"
#include "tests/e2e/raw_connection.h"
#include "tests/support/effort.h"

namespace logitd {
namespace {

using Clock = std::chrono::steady_clock;
using testing::Logitd;
using testing::PacedResult;
using testing::PacedSession;
using testing::Quantile;
using testing::RawConnection;
using testing::StepTogether;
using testing::WaitUntil;

constexpr int kStreams = 10;
constexpr int kScrapers = 16;
constexpr int kScrapesEach = 20;
constexpr int kSlowClients = 50;
// A hundred times what it takes; a page that waits for slow clients takes
// longer.
constexpr double kScrapeSecondsMax = 3;
// How often a model worker steps, and a slow client sends a byte.
constexpr std::chrono::milliseconds kStepEvery(10);
constexpr std::chrono::milliseconds kByteEvery(100);

void Print(const char* name, const PacedResult& steps) {
  std::printf("%s: %zu steps, p50 %.2f ms, p99 %.2f ms\n", name,
              steps.times_ms.size(), Quantile(steps.times_ms, .5),
              Quantile(steps.times_ms, .99));
}

// ---- the storm --------------------------------------------------------------

// Clients that send a request a byte at a time, and come again when they are
// cut.
class SlowClients {
 public:
  explicit SlowClients(int port) : port_(port) {
    for (int i = 0; i < kSlowClients; ++i) {
      clients_.push_back(std::make_unique<RawConnection>(port));
    }
    thread_ = std::thread([this] {
      for (; !over_; std::this_thread::sleep_for(kByteEvery)) SendAll();
    });
  }
  ~SlowClients() {
    over_ = true;
    thread_.join();
  }
  SlowClients(const SlowClients&) = delete;
  SlowClients& operator=(const SlowClients&) = delete;

  int bytes() const { return bytes_; }

 private:
  void SendAll() {
    for (auto& client : clients_) {
      if (client->IsClosed()) client = std::make_unique<RawConnection>(port_);
      if (client->Send("G")) ++bytes_;
    }
  }

  const int port_;
  std::vector<std::unique_ptr<RawConnection>> clients_;
  std::atomic<bool> over_ = false;
  std::atomic<int> bytes_ = 0;
  std::thread thread_;
};

struct Scrape {
  std::string answer;
  double seconds = 0;
};

Scrape ScrapeOnce(int port) {
  Scrape scrape;
  const Clock::time_point begin = Clock::now();
  scrape.answer = testing::HttpAnswer(port, "/metrics");
  scrape.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return scrape;
}

// What all scrapers got.
std::vector<Scrape> ScrapeAll(int port) {
  std::vector<Scrape> scrapes(size_t{kScrapers} * kScrapesEach);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kScrapers; ++i) {
    threads.emplace_back([&scrapes, i, port] {
      for (size_t k = i; k < scrapes.size(); k += kScrapers) {
        scrapes[k] = ScrapeOnce(port);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return scrapes;
}

// A comment, or a series and its value.
bool Parses(absl::string_view line) {
  if (absl::StartsWith(line, "# HELP ") || absl::StartsWith(line, "# TYPE ")) {
    return true;
  }
  double value = 0;
  const size_t space = line.rfind(' ');
  if (space == absl::string_view::npos ||
      !absl::SimpleAtod(line.substr(space + 1), &value)) {
    return false;
  }
  const absl::string_view series = line.substr(0, space);
  return absl::StrContains(series, '{') == absl::EndsWith(series, "}") &&
         (absl::StartsWith(series, "logitd_") ||
          absl::StartsWith(series, "process_"));
}

// What is wrong with the answer to a scrape; "" if nothing is.
std::string FaultOf(const std::string& answer) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(answer, absl::MaxSplits("\r\n\r\n", 1));
  const auto& [head, page] = parts;
  const std::string length =
      absl::StrCat("\r\nContent-Length: ", page.size(), "\r\n");
  if (!absl::StartsWith(head, "HTTP/1.1 200 ")) return "no 200";
  if (!absl::StrContains(head, length)) return "another length";
  for (const Metric& metric : MetricList()) {
    if (!absl::StrContains(page, absl::StrCat("# TYPE ", metric.name, " "))) {
      return absl::StrCat("no ", metric.name);
    }
  }
  for (absl::string_view line :
       absl::StrSplit(absl::StripSuffix(page, "\n"), '\n')) {
    if (!Parses(line)) return absl::StrCat("a bad line: ", line);
  }
  return "";
}

TEST(Scrapes, InAStormBesideSlowClientsAreWholeAndStepsGoOn) {
  const testing::TempFolder folder;
  Logitd server(folder, "2");
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  std::vector<std::unique_ptr<PacedSession>> sessions;
  for (int i = 0; i < kStreams; ++i) {
    sessions.push_back(std::make_unique<PacedSession>(server.Connect()));
  }
  const PacedResult alone = StepTogether(sessions, kStepEvery, [] {
    std::this_thread::sleep_for(std::chrono::seconds(1));
  });
  Print("alone", alone);
  EXPECT_EQ(alone.failed, 0u);
  const double descriptors = server.Metric("process_open_fds");
  std::vector<Scrape> scrapes;
  {
    const SlowClients slow(server.admin_port());
    ASSERT_TRUE(WaitUntil([&] { return slow.bytes() >= kSlowClients; }));
    const PacedResult stormy = StepTogether(sessions, kStepEvery, [&] {
      scrapes = ScrapeAll(server.admin_port());
    });
    Print("in the storm", stormy);
    EXPECT_EQ(stormy.failed, 0u);
  }
  double slowest = 0;
  for (const Scrape& scrape : scrapes) {
    ASSERT_EQ(FaultOf(scrape.answer), "") << scrape.answer;
    slowest = std::max(slowest, scrape.seconds);
  }
  std::printf("%zu scrapes, the slowest in %.3f s\n", scrapes.size(), slowest);
  // On a machine that is busy with other tests it says nothing.
  if (tests::IsQuiet()) {
    EXPECT_LT(slowest, kScrapeSecondsMax);
  }
  EXPECT_TRUE(WaitUntil(
      [&] { return server.Metric("process_open_fds") <= descriptors; }));
}

}  // namespace
}  // namespace logitd
