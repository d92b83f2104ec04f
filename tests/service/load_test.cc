// A client that asks for much: the others go on beside it, it can be stopped,
// and when it idles it holds on to nothing.
#include <malloc.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "logitd/v1/sampling.grpc.pb.h"
#include "tests/service/long_step.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::TestServer;
using testing::TestStream;

// A request whose lists take long: each update counts a history of 2^20 tokens
// anew.
v1::SampleRequest LongLists() {
  v1::SampleRequest request;
  const std::vector<uint32_t> prompt((1u << 20) - 8, 3);
  testing::AddOpen(1, 50, &request)->set_prompt(testing::IdBytes(prompt));
  request.mutable_open(0)->mutable_params()->set_repetition_penalty(1.1);
  for (uint32_t i = 0; i < 1000; ++i) {
    v1::UpdateSession* update = request.add_update();
    update->set_session_id(1);
    update->mutable_set()->set_repetition_window((1u << 20) - i % 2);
  }
  return request;
}

// Two sessions at once: rows for the workers.
void OpenTwo(TestStream* stream) {
  testing::OpenSession(1, stream);
  testing::OpenSession(2, stream);
}
v1::StepResult StepTwo(uint32_t position, TestStream* stream) {
  v1::SampleRequest request;
  testing::AddEntry(1, position, testing::RowAt(position), &request);
  testing::AddEntry(2, position, testing::RowAt(position), &request);
  return stream->Call(request).step();
}

// As many long steps as there are threads that could be held, and one thread
// for rows.
class Load : public ::testing::Test {
 protected:
  // The first reply to the long steps has come.
  bool over() const { return over_; }

  void Begin(const v1::SampleRequest& request) {
    for (int i = 0; i < kHeavy; ++i) {
      heavy_.push_back(std::make_unique<TestStream>(server_));
      ASSERT_TRUE(heavy_.back()->Write(request));
    }
    for (auto& stream : heavy_) {
      readers_.emplace_back([this, &stream] {
        v1::SampleResponse reply;
        if (stream->Read(&reply)) over_ = true;
      });
    }
  }

  void TearDown() override {
    for (auto& stream : heavy_) stream->Cancel();
    for (std::thread& reader : readers_) reader.join();
  }

  static constexpr int kHeavy = 4;
  TestServer server_{[](Config* config) { config->threads = 1; }};
  std::atomic<bool> over_{false};
  std::vector<std::unique_ptr<TestStream>> heavy_;
  std::vector<std::thread> readers_;
};

TEST_F(Load, OfOneSessionsManyRowsLetsTheOthersGoOn) {
  TestStream innocent(server_);
  OpenTwo(&innocent);
  Begin(LongStep(1));
  ASSERT_TRUE(server_.WaitForMetric("logitd_streams_active", kHeavy + 1));
  // Steps for the workers take turns with the long ones...
  for (uint32_t position = 0; position < 5; ++position) {
    const v1::StepResult result = StepTwo(position, &innocent);
    ASSERT_EQ(result.status_size(), 2);
    EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
  }
  // ...and what gRPC's threads do is done at once.
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  EXPECT_TRUE(server_.NewStub()->GetServerInfo(&context, {}, &info).ok());
  EXPECT_FALSE(over()) << "the long steps were over first: they show nothing";
}

TEST_F(Load, OfLongListsLetsTheOthersGoOn) {
  TestStream innocent(server_);
  OpenTwo(&innocent);
  Begin(LongLists());
  ASSERT_TRUE(server_.WaitForMetric("logitd_sessions_active", kHeavy + 2));
  for (uint32_t position = 0; position < 5; ++position) {
    const v1::StepResult result = StepTwo(position, &innocent);
    ASSERT_EQ(result.status_size(), 2);
    EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
  }
  EXPECT_FALSE(over()) << "the long lists were over first: they show nothing";
  for (auto& stream : heavy_) stream->Cancel();
  EXPECT_TRUE(server_.WaitForMetric("logitd_streams_active", 1));
  EXPECT_EQ(StepTwo(5, &innocent).status(1), v1::ENTRY_STATUS_OK);
  // Updates that had not begun were not made.
  EXPECT_GT(server_.Metric(R"(logitd_errors_total{code="CANCELLED"})"), 0);
}

TEST_F(Load, IsDroppedInTheMiddleOfAStepThatIsCancelled) {
  TestStream innocent(server_);
  OpenTwo(&innocent);
  EXPECT_EQ(StepTwo(0, &innocent).status(0), v1::ENTRY_STATUS_OK);
  Begin(LongStep(4));
  const auto waiting = [this] { return server_.Metric("logitd_queue_depth"); };
  for (int i = 0; i < 4000 && waiting() < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_GE(waiting(), 3) << "no step was met while it ran";
  EXPECT_EQ(StepTwo(1, &innocent).status(0), v1::ENTRY_STATUS_OK);
  for (auto& stream : heavy_) stream->Cancel();
  EXPECT_TRUE(server_.WaitForMetric("logitd_streams_active", 1));
  EXPECT_EQ(server_.Metric("logitd_queue_depth"), 0);
  EXPECT_EQ(server_.Metric("logitd_sessions_active"), 2);
  // Rows that had not started did not run.
  EXPECT_GT(server_.Metric(R"(logitd_errors_total{code="CANCELLED"})"), 0);
  EXPECT_LT(server_.Metric(R"(logitd_rows_total{status="ok"})"),
            kHeavy * kEntries);
  EXPECT_EQ(StepTwo(2, &innocent).status(0), v1::ENTRY_STATUS_OK);
}

#if defined(__GLIBC__) && !defined(LOGITD_SANITIZED)
// Many, for gRPC keeps a read buffer for each connection, here one for all,
// that grows with what came in one burst: 1 to 13 MiB after messages of 16 MiB.
TEST(IdleStreams, HoldNoLargeMessage) {
  constexpr uint64_t kStreams = 48;
  constexpr size_t kOfEachMax = 1 << 20;  // as service/stream.cc says
  const auto in_use = [] {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  TestServer server;
  const auto channel = server.NewChannel();
  const std::vector<float> logits = testing::MakeRow(0, 65536);
  std::vector<std::unique_ptr<TestStream>> streams;
  const auto begin = [&] {
    v1::SampleRequest request;
    for (uint64_t row = 0; row < 64; ++row) {
      testing::AddOpen(row, 65536, &request);
    }
    streams.push_back(
        std::make_unique<TestStream>(v1::SamplingService::NewStub(channel)));
    EXPECT_EQ(streams.back()->Call(request).opened_size(), 64);
  };
  v1::SampleRequest large;  // 16 MiB
  for (uint64_t row = 0; row < 64; ++row) {
    testing::AddEntry(row, 0, logits, &large);
  }
  const auto step = [&](size_t i) {
    EXPECT_EQ(streams[i]->Call(large).step().status_size(), 64);
  };
  for (uint64_t i = 0; i <= kStreams; ++i) begin();
  step(0);  // what the process needs once: workspaces, buffers of gRPC
  const size_t before = in_use();  // with all sessions
  for (uint64_t i = 1; i <= kStreams; ++i) step(i);
  const size_t most = before + kStreams * kOfEachMax;
  // A reply is there before the server's threads have let go of its request.
  for (int i = 0; i < 4'000 && in_use() >= most; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_LT(in_use(), most) << kStreams << " idle streams";
  EXPECT_EQ(server.Metric("logitd_streams_active"), kStreams + 1)
      << "they are over, and hold nothing for that";
  std::printf("%.0f KiB for each idle stream\n",
              (static_cast<double>(in_use()) - static_cast<double>(before)) /
                  kStreams / 1024);
}
#endif

}  // namespace
}  // namespace logitd
