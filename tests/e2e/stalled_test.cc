// Peers that stop in the middle of a stream: the server gets rid of them, and
// the others do not notice. Some had small replies to come, and some more than
// their socket holds, so that the server's writes are stuck.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/e2e/processes.h"
#include "tests/e2e/stalled_peer.h"
#include "tests/e2e/two_roads.h"

namespace logitd {
namespace {

using testing::Neighbours;
using testing::PeerTask;
using testing::Process;
using testing::TwoRoads;

constexpr char kPeers[] = "LOGITD_E2E_PEERS";
// Connections on each road.
constexpr int kConnections = 5;

enum class Replies { kSmall, kStuck };
void PrintTo(Replies replies, std::ostream* out) {
  *out << (replies == Replies::kSmall ? "Small" : "Stuck");
}

class StalledPeers : public ::testing::TestWithParam<Replies> {
 protected:
  // Starts all, and stops the peers once each is in the middle of its stream.
  void StopInTheMiddle(const std::vector<std::string>& flags) {
    roads_ = std::make_unique<TwoRoads>(flags);
    ASSERT_TRUE(roads_->Serves()) << roads_->Errors();
    neighbours_ = std::make_unique<Neighbours>(*roads_);
    task_ = {roads_->targets(), kConnections, GetParam() == Replies::kStuck};
    peers_ = std::make_unique<Process>(
        std::vector<std::string>{
            "/proc/self/exe", "--gtest_filter=*StalledPeers.AreFreed*/Small"},
        roads_->File("peers"),
        std::vector<std::string>{absl::StrCat(kPeers, "=", task_.ToText())});
    const std::string rows = "logitd_rows_total{status=\"peeked\"}";
    ASSERT_TRUE(neighbours_->StepUntil([&] {
      return roads_->Has(Neighbours::kStreams + task_.streams(),
                         Neighbours::kSessions + Sessions()) &&
             roads_->server().Metric(rows) > 10 * Sessions();
    })) << roads_->Errors();
    peers_->Signal(SIGSTOP);
  }
  double Sessions() const {
    return task_.streams() * static_cast<double>(task_.sessions());
  }
  // Awake again, each has seen its stream end with an error.
  void ExpectTheyWakeAndLeave() {
    peers_->Signal(SIGCONT);
    EXPECT_EQ(peers_->Wait(), 0) << peers_->Errors();
  }

  std::unique_ptr<TwoRoads> roads_;
  std::unique_ptr<Neighbours> neighbours_;
  PeerTask task_;
  std::unique_ptr<Process> peers_;
};

TEST_P(StalledPeers, AreFreedAndDisturbNobody) {
  // The part of the peers, in a process of their own.
  if (const char* task = std::getenv(kPeers)) {
    ASSERT_TRUE(RunPeers(PeerTask::FromText(task)));
    return;
  }
  ASSERT_NO_FATAL_FAILURE(StopInTheMiddle({}));
  const size_t before = neighbours_->steps();
  const auto freed = [this] {
    return roads_->Has(Neighbours::kStreams, Neighbours::kSessions);
  };
  // A ping goes out after 10 s, and is given up after 20 s more.
  const bool all_freed =
      neighbours_->StepUntil(freed) || neighbours_->StepUntil(freed);
  ASSERT_TRUE(all_freed) << roads_->server().Metric("logitd_streams_active")
                         << " streams with "
                         << roads_->server().Metric("logitd_sessions_active")
                         << " sessions are there, " << Neighbours::kStreams
                         << " with " << Neighbours::kSessions << " should be";
  std::printf("%d stopped streams with %g sessions; others took %zu steps\n",
              task_.streams(), Sessions(), neighbours_->steps() - before);
  ExpectTheyWakeAndLeave();
  neighbours_->ExpectUndisturbed();
}

TEST_P(StalledPeers, DoNotKeepAServerThatStops) {
  ASSERT_NO_FATAL_FAILURE(StopInTheMiddle({"--drain_timeout", "100ms"}));
  roads_->server().process().Signal(SIGTERM);
  ASSERT_EQ(roads_->server().process().Wait(), 0) << roads_->Errors();
  ExpectTheyWakeAndLeave();
}

INSTANTIATE_TEST_SUITE_P(With, StalledPeers,
                         ::testing::Values(Replies::kSmall, Replies::kStuck),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace logitd
