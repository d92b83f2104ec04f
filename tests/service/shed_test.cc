// Requests that are not let in: refused at once, whatever runs, with a time to
// come back; nothing of them is done, and nobody else notices.
#include <thread>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "tests/service/long_step.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"

namespace logitd {
namespace {

using ::testing::HasSubstr;
using testing::TestServer;
using testing::TestStream;

bool SaysWhenToComeBack(const google::rpc::Status& status) {
  for (const auto& detail : status.details()) {
    google::rpc::RetryInfo info;
    if (!detail.UnpackTo(&info)) continue;
    return info.retry_delay().seconds() > 0 || info.retry_delay().nanos() > 0;
  }
  return false;
}

v1::SampleRequest OpenOf(const v1::SampleRequest& request) {
  v1::SampleRequest open;
  *open.mutable_open() = request.open();
  return open;
}

// A server of one thread that is busy for seconds with the step of one stream,
// and a second stream.
class Shed : public ::testing::Test {
 protected:
  explicit Shed(uint64_t bytes = 512 << 20) : unanswered_bytes_(bytes) {}

  void SetUp() override {
    // What a row of this width takes must be known first.
    ASSERT_EQ(busy_.Call(LongStep(1, 8)).step().status_size(), 8);
    v1::SampleRequest request = LongStep(1, kMany);
    request.clear_open();
    for (uint32_t i = 0; i < kMany; ++i) {
      request.mutable_step()->set_position(static_cast<int>(i), i + 8);
    }
    ASSERT_TRUE(busy_.Write(request));
    WaitForUnanswered(4 << 20);
    other_.emplace(server_);
  }

  void WaitForUnanswered(double bytes) {
    while (server_.Metric("logitd_unanswered_bytes") < bytes) {
      std::this_thread::yield();
    }
  }

  static constexpr uint32_t kMany = 4096;
  const uint64_t unanswered_bytes_;
  TestServer server_{[this](Config* config) {
    config->threads = 1;
    config->limits.max_rows = kMany;
    config->limits.max_step_bytes = 5 << 20;
    config->limits.max_unanswered_bytes = unanswered_bytes_;
    // A machine that is busy otherwise makes anything look long.
    config->limits.max_queue_delay = absl::ZeroDuration();
  }};
  TestStream busy_{server_};
  std::optional<TestStream> other_;
};

// Where there is no room for a second step.
class ShedForBytes : public Shed {
 protected:
  ShedForBytes() : Shed(5 << 20) {}
};

TEST_F(Shed, AStepThatCannotMakeItsDeadlineIsRefusedAtOnce) {
  const v1::SampleRequest open = OpenOf(LongStep(1, 1));
  v1::SampleRequest step = LongStep(1, 1);
  step.clear_open();
  step.mutable_step()->set_timeout_us(1);
  const v1::SampleResponse reply = other_->Call(step);
  // The busy one is still there: nobody waited.
  EXPECT_GT(server_.Metric("logitd_unanswered_bytes"), 0);
  EXPECT_EQ(reply.error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(reply.error().message(),
              HasSubstr("step.timeout_us: would take"));
  EXPECT_TRUE(SaysWhenToComeBack(reply.error()));
  EXPECT_TRUE(reply.has_greeting()) << "the first reply of the stream";
  EXPECT_EQ(server_.Metric(R"(logitd_shed_requests_total{reason="deadline"})"),
            1);
  EXPECT_FALSE(other_->Call(open).has_greeting());
}

// What is sent behind it may rely on its lists.
TEST_F(Shed, TheListsOfARequestAreDoneAndItsStepIsNot) {
  v1::SampleRequest request = LongStep(1, 1);
  request.mutable_step()->set_timeout_us(1);
  const v1::SampleResponse reply = other_->Call(request);
  EXPECT_GT(server_.Metric("logitd_unanswered_bytes"), 0);
  EXPECT_EQ(reply.error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(SaysWhenToComeBack(reply.error()));
  EXPECT_FALSE(reply.has_step());
  ASSERT_EQ(reply.opened_size(), 1);
  EXPECT_FALSE(reply.opened(0).has_error());
  busy_.Cancel();
  ASSERT_TRUE(server_.WaitForMetric("logitd_unanswered_bytes", 0));
  request.clear_open();
  request.mutable_step()->clear_timeout_us();
  const v1::SampleResponse again = other_->Call(request);
  EXPECT_FALSE(again.has_error()) << "its session is where it was";
  ASSERT_EQ(again.step().status_size(), 1);
  EXPECT_EQ(again.step().status(0), v1::ENTRY_STATUS_OK);
}

// Small requests, long for their bytes, must not make it think that rows are.
TEST_F(Shed, OpensTeachNothingAboutRows) {
  for (uint64_t id = 10; id < 26; ++id) {
    v1::SampleRequest open;
    testing::AddOpen(id, testing::kVocab, &open);
    EXPECT_FALSE(other_->Call(open).opened(0).has_error());
  }
  v1::SampleRequest small;
  testing::AddEntry(10, 0, testing::RowAt(0), &small);
  small.mutable_step()->set_timeout_us(20'000'000);
  EXPECT_EQ(other_->Call(small).step().token(0), Expected({}, 1)[0]);
  EXPECT_GT(server_.Metric("logitd_unanswered_bytes"), 0);
}

TEST_F(ShedForBytes, AStepIsRefusedBeforeItIsParsedAndALittleOneIsNot) {
  const v1::SampleResponse reply = other_->Call(LongStep(1, 1));
  EXPECT_EQ(reply.error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(reply.error().message(), HasSubstr("--max_unanswered_bytes"));
  EXPECT_TRUE(SaysWhenToComeBack(reply.error()));
  v1::SampleRequest small;
  testing::AddOpen(9, testing::kVocab, &small);
  testing::AddEntry(9, 0, testing::RowAt(0), &small);
  EXPECT_EQ(other_->Call(small).step().token(0), Expected({}, 1)[0]);
}

TEST_F(ShedForBytes, SampleOnceIsToldInItsStatus) {
  const auto stub = server_.NewStub();
  v1::SampleRequest step = LongStep(1, 1);
  v1::SampleOnceRequest request;
  *request.mutable_open() = step.open(0);
  *request.mutable_logits() = step.step().logits();
  request.set_dtype(v1::DTYPE_FLOAT32);
  grpc::ClientContext context;
  v1::SampleOnceResponse response;
  const grpc::Status status = stub->SampleOnce(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_TRUE(SaysWhenToComeBack(details));
}

// Its deadline lies in the call, not in the message.
TEST_F(Shed, SampleOnceThatCannotMakeItsDeadlineIsRefused) {
  const auto stub = server_.NewStub();
  v1::SampleRequest step = LongStep(1, 1);
  v1::SampleOnceRequest request;
  *request.mutable_open() = step.open(0);
  *request.mutable_logits() = step.step().logits();
  request.set_dtype(v1::DTYPE_FLOAT32);
  request.set_draw_count(1024);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(1200));
  v1::SampleOnceResponse response;
  const grpc::Status status = stub->SampleOnce(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("deadline: would take about"));
}

TEST_F(Shed, LittleIsLetInBesideMuch) {
  v1::SampleRequest small;
  testing::AddOpen(9, testing::kVocab, &small);
  testing::AddEntry(9, 0, testing::RowAt(0), &small);
  EXPECT_EQ(other_->Call(small).step().token(0), Expected({}, 1)[0]);
  EXPECT_GT(server_.Metric("logitd_unanswered_bytes"), 0);
}

// Without rows there is nothing to wait for.
TEST_F(Shed, AnOpenIsNotRefused) {
  v1::SampleRequest open;
  testing::AddOpen(9, testing::kVocab, &open);
  EXPECT_FALSE(other_->Call(open).has_error());
  EXPECT_GT(server_.Metric("logitd_unanswered_bytes"), 0);
}

}  // namespace
}  // namespace logitd
