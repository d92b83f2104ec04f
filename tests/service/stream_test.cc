// The Sample stream: requests, replies and their order.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "gmock/gmock.h"
#include "grpcpp/create_channel_posix.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::IdBytes;
using testing::kVocab;
using testing::OpenSession;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using testing::TestStream;
using Code = absl::StatusCode;

TEST_F(StreamTest, GreetsInTheFirstReplyOnly) {
  v1::SampleRequest request;
  request.set_request_id(5);
  const v1::SampleResponse first = stream_.Call(request);
  EXPECT_EQ(first.request_id(), 5u);
  EXPECT_EQ(first.greeting().max_inflight(), 4u);
  EXPECT_EQ(first.greeting().semantics(), "logitd/1");
  EXPECT_FALSE(stream_.Call(request).has_greeting());
}

TEST_F(StreamTest, StepsASessionThatTheSameRequestOpens) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_EQ(reply.opened(0).seed(), 42u);
  EXPECT_EQ(reply.opened(0).position(), 0u);
  EXPECT_EQ(reply.step().token(0), Expected({}, 1)[0]);
}

TEST_F(StreamTest, AppliesTheListsInTheOrderOfTheirFields) {
  OpenSession(1, &stream_);
  v1::SampleRequest request;
  request.add_close()->set_session_id(1);
  AddOpen(1, kVocab, &request);
  v1::UpdateSession* update = request.add_update();
  update->set_session_id(1);
  update->mutable_set()->set_temperature(0.0);
  v1::ForkSession* fork = request.add_fork();
  fork->set_parent_session_id(1);
  fork->set_child_session_id(2);
  v1::AppendTokens* append = request.add_append();
  append->set_session_id(2);
  append->set_tokens(IdBytes({3, 4}));
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 2, RowAt(2), &request);
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_FALSE(reply.closed(0).has_error());
  EXPECT_FALSE(reply.opened(0).has_error());
  EXPECT_FALSE(reply.updated(0).has_error());
  EXPECT_FALSE(reply.forked(0).has_error());
  EXPECT_EQ(reply.appended(0).position(), 2u);
  ASSERT_EQ(reply.step().status_size(), 2);
  EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(reply.step().status(1), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(reply.step().flags(1), v1::ENTRY_FLAG_GREEDY);
}

TEST_F(StreamTest, AnswersManyRequestsWrittenAheadInOrder) {
  OpenSession(1, &stream_);
  constexpr uint32_t kCount = 60;
  for (uint32_t i = 0; i < kCount; ++i) {
    v1::SampleRequest request;
    request.set_request_id(100 + i);
    AddEntry(1, i, RowAt(i), &request);
    ASSERT_TRUE(stream_.Write(request));
  }
  const std::vector<uint32_t> expected = Expected({}, kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    v1::SampleResponse reply;
    ASSERT_TRUE(stream_.Read(&reply));
    EXPECT_EQ(reply.request_id(), 100 + i);
    ASSERT_EQ(reply.step().token_size(), 1);
    EXPECT_EQ(reply.step().token(0), expected[i]);
  }
}

TEST_F(StreamTest, AnswersWhatIsOpenWhenTheClientIsDone) {
  OpenSession(1, &stream_);
  for (uint32_t i = 0; i < 3; ++i) {
    v1::SampleRequest request;
    AddEntry(1, i, RowAt(i), &request);
    ASSERT_TRUE(stream_.Write(request));
  }
  stream_.WritesDone();
  for (uint32_t i = 0; i < 3; ++i) {
    v1::SampleResponse reply;
    ASSERT_TRUE(stream_.Read(&reply));
    EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
  }
  v1::SampleResponse none;
  EXPECT_FALSE(stream_.Read(&none));
  EXPECT_TRUE(stream_.Finish().ok());
}

TEST_F(StreamTest, StreamsDoNotShareSessions) {
  OpenSession(1, &stream_);
  TestStream other(*server_);
  OpenSession(1, &other);
  EXPECT_EQ(testing::Step(1, 0, &other).status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(testing::Step(1, 0, &stream_).status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, KeepsNothingOfARequestInTheNext) {
  OpenSession(1, &stream_);
  OpenSession(2, &stream_);
  EXPECT_EQ(testing::Step(1, 0, &stream_).status(0), v1::ENTRY_STATUS_OK);
  // No step: the memory of the last one must not be taken for one.
  EXPECT_FALSE(stream_.Call({}).has_step());
  v1::SampleRequest request;
  AddEntry(2, 0, RowAt(0), &request);
  request.mutable_step()->clear_logits();
  EXPECT_THAT(StatusOf(stream_.Call(request).error()),
              StatusIs(Code::kInvalidArgument, "step.logits: required"));
}

// A client of its own connection, which can be cut without a word.
class CutClient {
 public:
  explicit CutClient(const std::string& address) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to = {};
    to.sun_family = AF_UNIX;
    const std::string path = address.substr(5);
    std::memcpy(to.sun_path, path.data(), path.size());
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) {
      ADD_FAILURE() << "cannot connect";
    }
    stub_ = v1::SamplingService::NewStub(
        grpc::CreateInsecureChannelFromFd("server", dup(fd_)));
    stream_ = stub_->Sample(&context_);
  }
  ~CutClient() {
    Cut();
    context_.TryCancel();
    stream_->Finish();
  }
  void Write(const v1::SampleRequest& request) { stream_->Write(request); }
  void Cut() {
    shutdown(fd_, SHUT_RDWR);
    close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
  std::unique_ptr<v1::SamplingService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::SampleRequest, v1::SampleResponse>>
      stream_;
};

TEST_F(StreamTest, FreesEverythingOfAClientThatVanishes) {
  OpenSession(1, &stream_);
  for (int round = 0; round < 20; ++round) {
    CutClient client(server_->address());
    v1::SampleRequest request;
    for (uint64_t id = 0; id < 64; ++id) AddOpen(id, 2000, &request);
    for (uint64_t id = 0; id < 64; ++id) {
      AddEntry(id, 0, testing::MakeRow(1, 2000), &request);
    }
    client.Write(request);
    client.Write(request);
    if (round % 2 == 0) usleep(static_cast<useconds_t>(300 * round));
    client.Cut();
  }
  EXPECT_TRUE(server_->WaitForMetric("logitd_streams_active", 1));
  EXPECT_TRUE(server_->WaitForMetric("logitd_sessions_active", 1));
  EXPECT_TRUE(server_->WaitForMetric("logitd_queue_depth", 0));
  EXPECT_EQ(testing::Step(1, 0, &stream_).token(0), Expected({}, 1)[0]);
}

}  // namespace
}  // namespace logitd
