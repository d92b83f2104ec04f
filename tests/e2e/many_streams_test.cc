// A server full of streams that do nothing: each may have its session, one more
// is refused, those who work go on, and what it all costs is bounded.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "logitd/v1/sampling.grpc.pb.h"
#include "service/client/messages.h"
#include "tests/e2e/processes.h"

namespace logitd {
namespace {

using ::testing::HasSubstr;
using testing::Logitd;
using testing::WaitUntil;

constexpr uint32_t kVocab = 300;
constexpr int kMost = 10'000;
constexpr int kIdle = kMost - 1;  // one works
// Of the server's resident memory. Measured: 22 KiB, most of them gRPC's, and
// 5 KiB more with a session of no history.
constexpr double kStreamBytesMax = 32 * 1024;
constexpr double kSessionBytesMax = 12 * 1024;
// What a second crowd may add to that: its memory is there already.
constexpr double kGrowthMax = 1.1;

// What has become of all streams.
struct Tally {
  std::atomic<int> opened = 0;  // sessions
  std::atomic<int> ended = 0;   // streams, as their client wanted
  std::atomic<int> failed = 0;  // streams that ended otherwise
};

// A stream that waits for nobody: 10,000 of them need no 10,000 threads.
class IdleStream final
    : public grpc::ClientBidiReactor<v1::SampleRequest, v1::SampleResponse> {
 public:
  IdleStream(const std::shared_ptr<grpc::Channel>& channel, Tally* tally)
      : stub_(v1::SamplingService::NewStub(channel)), tally_(*tally) {
    stub_->async()->Sample(&context_, this);
    AddHold();  // requests come from outside
    StartRead(&reply_);
    StartCall();
  }

  void OpenSession() {
    *request_.add_open() = client::MakeOpen(1, kVocab, {}, 42);
    StartWrite(&request_);
  }
  // Says that nothing more comes, or just goes.
  void End(bool politely) {
    wanted_ = politely ? grpc::StatusCode::OK : grpc::StatusCode::CANCELLED;
    if (politely) {
      StartWritesDone();
    } else {
      context_.TryCancel();
    }
    RemoveHold();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (reply_.opened_size() == 1 && reply_.opened(0).error().code() == 0) {
      ++tally_.opened;
    }
    StartRead(&reply_);
  }
  void OnDone(const grpc::Status& status) override {
    ++(status.error_code() == wanted_ ? tally_.ended : tally_.failed);
  }

 private:
  const std::unique_ptr<v1::SamplingService::Stub> stub_;
  Tally& tally_;
  grpc::ClientContext context_;
  v1::SampleRequest request_;
  v1::SampleResponse reply_;
  std::atomic<grpc::StatusCode> wanted_ = grpc::StatusCode::UNKNOWN;
};

// A session that steps while the others idle.
class Worker {
 public:
  explicit Worker(const Logitd& server) : stream_(server.Connect().Sample()) {}

  void Step(int count) {
    for (int i = 0; i < count; ++i, ++position_) {
      const std::vector<float> row(kVocab, 1);
      v1::SampleRequest request;
      if (position_ == 0) {
        *request.add_open() = client::MakeOpen(1, kVocab, {}, 7);
      }
      ASSERT_TRUE(client::SetRows(row, kVocab, request.mutable_step()).ok());
      client::AddEntry(1, position_, 0, request.mutable_step());
      v1::SampleResponse reply;
      const absl::Status status = stream_->Step(request, &reply);
      ASSERT_TRUE(status.ok()) << status.ToString();
      ASSERT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
    }
  }

 private:
  const std::unique_ptr<client::Stream> stream_;
  uint32_t position_ = 0;
};

// As many descriptors as this process, and those it starts, may have.
rlim_t RaiseDescriptorLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

class ManyStreams : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.Serves()) << server_.process().Errors();
  }

  int Streams() const { return static_cast<int>(server_.Metric(kActive)); }
  double Descriptors() const { return server_.Metric("process_open_fds"); }

  void Open() {
    // A connection costs two descriptors in all, and a stream none.
    const int connections =
        static_cast<int>(std::min<rlim_t>(500, descriptors_ / 8));
    for (int i = 0; i < connections; ++i) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      channels_.push_back(grpc::CreateCustomChannel(
          server_.target(), grpc::InsecureChannelCredentials(), arguments));
    }
    for (int i = 0; i < kIdle; ++i) {
      idle_.push_back(std::make_unique<IdleStream>(
          channels_[static_cast<size_t>(i % connections)], &tally_));
    }
    EXPECT_TRUE(WaitUntil([&] { return Streams() == kMost; })) << Streams();
  }
  void OpenSessions() {
    for (const auto& stream : idle_) stream->OpenSession();
    EXPECT_TRUE(WaitUntil([&] { return tally_.opened == kIdle; }))
        << tally_.opened;
    EXPECT_EQ(server_.Metric("logitd_sessions_active"), kMost);
  }
  void EndAll() {
    bool politely = false;
    for (const auto& stream : idle_) stream->End(politely = !politely);
    EXPECT_TRUE(WaitUntil([&] {
      return tally_.ended + tally_.failed == kIdle;
    })) << tally_.ended;
    EXPECT_EQ(tally_.failed, 0);
    idle_.clear();
    channels_.clear();
    tally_.opened = tally_.ended = 0;
    EXPECT_TRUE(WaitUntil([&] { return Streams() == 1; })) << Streams();
    EXPECT_EQ(server_.Metric("logitd_sessions_active"), 1);
  }

  // The growth of the server's memory since `before`, for each idle stream.
  double BytesEachSince(double before, const char* what) {
    const double each = (server_.process().ResidentBytes() - before) /
                        static_cast<double>(idle_.size());
    std::printf("%zu idle streams: %.1f KiB each %s\n", idle_.size(),
                each / 1024, what);
    return each;
  }

  void ExpectNoRoom() {
    v1::SampleResponse reply;
    const absl::Status status = server_.Connect().Sample()->Step({}, &reply);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("--max_streams ", kMost)));
  }

  static constexpr char kActive[] = "logitd_streams_active";
  const rlim_t descriptors_ = RaiseDescriptorLimit();
  const testing::TempFolder folder_;
  Logitd server_{folder_, "2", "auto", {"--max_streams", absl::StrCat(kMost)}};
  Tally tally_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<IdleStream>> idle_;
};

TEST_F(ManyStreams, ThatIdleFitAndDisturbNobody) {
  const double descriptors = Descriptors();
  {
    Worker worker(server_);
    worker.Step(50);
    const double before = server_.process().ResidentBytes();
    Open();
    EXPECT_LT(BytesEachSince(before, "before sessions"), kStreamBytesMax);
    worker.Step(50);
    ExpectNoRoom();
    OpenSessions();
    EXPECT_LT(BytesEachSince(before, "with a session"),
              kStreamBytesMax + kSessionBytesMax);
    ExpectNoRoom();
    worker.Step(50);
    const double full = server_.process().ResidentBytes();
    EndAll();
    Open();
    OpenSessions();
    ExpectNoRoom();
    EXPECT_LT(server_.process().ResidentBytes(), kGrowthMax * full);
    EndAll();
    worker.Step(50);
  }
  EXPECT_TRUE(WaitUntil([&] { return Streams() == 0; })) << Streams();
  EXPECT_EQ(server_.Metric("logitd_sessions_active"), 0);
  EXPECT_TRUE(WaitUntil([&] { return Descriptors() <= descriptors; }))
      << Descriptors() << " descriptors, " << descriptors << " at first";
}

}  // namespace
}  // namespace logitd
