// Clients that send and do not read: the server reads no further than
// --max_inflight, keeps no more for them, and the others do not notice.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/e2e/model_worker.h"
#include "tests/e2e/stalled_peer.h"
#include "tests/e2e/two_roads.h"

namespace logitd {
namespace {

using testing::Neighbours;
using testing::TwoRoads;

constexpr uint32_t kRequests = 150;  // of each reader
constexpr int kReadersOfARoad = 3;
// What their replies would take if the server made them all.
constexpr double kAllReplies = 2 * kReadersOfARoad * kRequests * 790e3;
// Steps of the neighbours in which a server that reads on would read on.
constexpr size_t kWhile = 300;

// Opens its sessions, then sends all its requests as fast as it can, and does
// not read.
class SlowReader {
 public:
  explicit SlowReader(const std::string& target)
      : stream_(testing::StreamOfItsOwn(target)) {
    testing::Exchange(stream_.get(), testing::OpenMany(kSessions, true));
    sender_ = std::thread([this] {
      for (uint32_t i = 0; i < kRequests; ++i) {
        if (!stream_->Send(testing::PeekAtMany(i, kSessions)).ok()) return;
      }
    });
  }
  ~SlowReader() {
    stream_->Cancel();
    sender_.join();
  }
  SlowReader(const SlowReader&) = delete;
  SlowReader& operator=(const SlowReader&) = delete;

  // All replies, at last: each once, in order, complete.
  void ExpectAll() {
    v1::SampleResponse reply;
    for (uint32_t i = 0; i < kRequests; ++i) {
      const absl::StatusOr<bool> received = stream_->Receive(&reply);
      ASSERT_TRUE(received.ok() && *received) << received.status();
      ASSERT_EQ(reply.request_id(), i);
      const auto& told = reply.step().status();
      ASSERT_EQ(std::count(told.begin(), told.end(), v1::ENTRY_STATUS_PEEKED),
                static_cast<std::ptrdiff_t>(kSessions));
    }
  }

 private:
  static constexpr uint64_t kSessions = 256;
  const std::unique_ptr<client::Stream> stream_;
  std::thread sender_;
};

// Steps that others than the neighbours were answered. A reply may be here
// before it is counted there.
double StepsOfOthers(const TwoRoads& roads, const Neighbours& neighbours) {
  return roads.server().Metric("logitd_steps_total") -
         Neighbours::kStreams * static_cast<double>(neighbours.steps());
}

double Resident(const TwoRoads& roads) {
  return roads.server().Metric("process_resident_memory_bytes");
}

TEST(SlowReaders, AreReadNoFurtherAndTakeNoMoreMemory) {
  // What stops the server must be what it reads, not that it refuses.
  TwoRoads roads({"--max_queue_delay", "10m"});
  ASSERT_TRUE(roads.Serves()) << roads.Errors();
  Neighbours neighbours(roads);
  neighbours.Step();
  const double at_first = Resident(roads);
  std::vector<std::unique_ptr<SlowReader>> readers;
  for (const std::string& target : roads.targets()) {
    for (int i = 0; i < kReadersOfARoad; ++i) {
      readers.push_back(std::make_unique<SlowReader>(target));
    }
  }
  // At rest: as many steps as so many of the neighbours ago.
  double answered = 0;
  size_t since = neighbours.steps();
  ASSERT_TRUE(neighbours.StepUntil([&] {
    const double now = StepsOfOthers(roads, neighbours);
    if (now != answered) since = neighbours.steps();
    answered = now;
    return answered >= static_cast<double>(readers.size()) &&
           neighbours.steps() >= since + kWhile;
  }));
  const double at_rest = Resident(roads);
  const size_t resting = neighbours.steps();
  ASSERT_TRUE(neighbours.StepUntil(
      [&] { return neighbours.steps() >= resting + 2 * kWhile; }));
  const double later = Resident(roads);
  std::printf("%zu readers, %g of %zu steps taken; MB: %.1f, %.1f, %.1f\n",
              readers.size(), answered, readers.size() * kRequests,
              at_first / 1e6, at_rest / 1e6, later / 1e6);
  EXPECT_LT(answered, static_cast<double>(readers.size() * kRequests) / 4);
  EXPECT_LT(at_rest - at_first, kAllReplies / 4);
  EXPECT_LT(later - at_rest, kAllReplies / 100);
  for (const auto& reader : readers) {
    ASSERT_NO_FATAL_FAILURE(reader->ExpectAll());
  }
  neighbours.ExpectUndisturbed();
}

}  // namespace
}  // namespace logitd
