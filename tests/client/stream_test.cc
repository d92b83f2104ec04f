#include "service/client/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "service/client/client.h"
#include "service/client/messages.h"
#include "tests/client/fake_server.h"

namespace logitd::client {
namespace {

using ::testing::HasSubstr;

v1::SampleRequest Request(std::uint64_t id) {
  v1::SampleRequest request;
  request.set_request_id(id);
  return request;
}

v1::SampleResponse Echo(const v1::SampleRequest& request) {
  v1::SampleResponse reply;
  reply.set_request_id(request.request_id());
  return reply;
}

class StreamTest : public ::testing::Test {
 protected:
  std::unique_ptr<Stream> Open(
      std::function<grpc::Status(ServerStream*)> script,
      absl::Duration timeout = absl::InfiniteDuration()) {
    service_.on_sample = std::move(script);
    server_ = std::make_unique<InProcessServer>(
        std::vector<grpc::Service*>{&service_});
    auto client = Client::Connect(server_->target());
    EXPECT_TRUE(client.ok()) << client.status();
    return client->Sample(timeout);
  }

  FakeSampling service_;
  std::unique_ptr<InProcessServer> server_;
};

TEST_F(StreamTest, StepsASessionToItsEnd) {
  const auto stream = Open(AnswerGreedily);
  v1::SamplingParams params;
  params.set_max_tokens(2);
  v1::SampleRequest request = Request(1);
  *request.add_open() = MakeOpen(5, 3, params, 42);
  ASSERT_TRUE(SetRows({0, 2, 1}, 3, request.mutable_step()).ok());
  AddEntry(5, 0, 0, request.mutable_step());
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Step(request, &reply).ok());
  EXPECT_EQ(reply.opened(0).seed(), 42);
  EXPECT_EQ(ReadEntry(reply.step(), 0)->token, 1);

  request.Clear();
  request.set_request_id(2);
  ASSERT_TRUE(SetRows({0, 2, 4}, 3, request.mutable_step()).ok());
  AddEntry(5, 1, 0, request.mutable_step());
  ASSERT_TRUE(stream->Step(request, &reply).ok());
  EXPECT_EQ(ReadEntry(reply.step(), 0)->finish_reason,
            v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(stream->ended());
}

TEST_F(StreamTest, KeepsRepliesThatComeBeforeTheOneAskedFor) {
  // Holds three requests back and answers them last first.
  const auto stream = Open([](ServerStream* wire) {
    v1::SampleRequest requests[3];
    for (v1::SampleRequest& request : requests) {
      wire->Read(&request);
    }
    for (int i = 2; i >= 0; --i) {
      wire->Write(Echo(requests[i]));
    }
    return grpc::Status::OK;
  });
  ASSERT_TRUE(stream->Send(Request(1)).ok());
  ASSERT_TRUE(stream->Send(Request(2)).ok());
  v1::SampleResponse reply;
  // 3 comes first; then Receive hands out 2 and 1 in their order of arrival.
  ASSERT_TRUE(stream->Step(Request(3), &reply).ok());
  EXPECT_EQ(reply.request_id(), 3);
  ASSERT_TRUE(*stream->Receive(&reply));
  EXPECT_EQ(reply.request_id(), 2);
  ASSERT_TRUE(*stream->Receive(&reply));
  EXPECT_EQ(reply.request_id(), 1);
  EXPECT_FALSE(*stream->Receive(&reply));
}

TEST_F(StreamTest, StepWaitsForItsOwnReply) {
  const auto stream = Open([](ServerStream* wire) {
    v1::SampleRequest first;
    v1::SampleRequest second;
    wire->Read(&first);
    wire->Read(&second);
    wire->Write(Echo(first));
    wire->Write(Echo(second));
    return grpc::Status::OK;
  });
  ASSERT_TRUE(stream->Send(Request(1)).ok());
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Step(Request(2), &reply).ok());
  EXPECT_EQ(reply.request_id(), 2);
  ASSERT_TRUE(*stream->Receive(&reply));
  EXPECT_EQ(reply.request_id(), 1);
}

TEST_F(StreamTest, TellsAFailedRequestFromAFailedStream) {
  const auto stream = Open([](ServerStream* wire) {
    return AnswerEach(wire, [](const v1::SampleRequest& request) {
      v1::SampleResponse reply = Echo(request);
      if (request.request_id() == 1) {
        reply.mutable_error()->set_code(8);
        reply.mutable_error()->set_message("over --max_step_bytes");
      }
      return reply;
    });
  });
  v1::SampleResponse reply;
  const absl::Status status = stream->Step(Request(1), &reply);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("--max_step_bytes"));
  EXPECT_FALSE(stream->ended());
  EXPECT_TRUE(stream->Step(Request(2), &reply).ok());
}

TEST_F(StreamTest, SaysHowTheServerEndedIt) {
  const auto stream = Open([](ServerStream* wire) {
    v1::SampleRequest request;
    wire->Read(&request);
    wire->Write(Echo(request));
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
  });
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Step(Request(1), &reply).ok());
  const auto more = stream->Receive(&reply);
  EXPECT_EQ(more.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(more.status().message(), "draining");
  EXPECT_TRUE(stream->ended());
  // And says it again, to every call.
  EXPECT_EQ(stream->Send(Request(2)).message(), "draining");
  EXPECT_EQ(stream->Step(Request(3), &reply).message(), "draining");
  EXPECT_EQ(stream->Finish().message(), "draining");
}

TEST_F(StreamTest, KeepsRepliesThatArrivedBeforeTheEnd) {
  // A send fails, yet what was answered before can still be read.
  const auto stream = Open([](ServerStream* wire) {
    v1::SampleRequest request;
    wire->Read(&request);
    wire->Write(Echo(request));
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
  });
  ASSERT_TRUE(stream->Send(Request(1)).ok());
  absl::Status status;
  for (int i = 0; status.ok() && i < 1000; ++i) {
    status = stream->Send(Request(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(status.message(), "draining");
  v1::SampleResponse reply;
  ASSERT_TRUE(*stream->Receive(&reply));
  EXPECT_EQ(reply.request_id(), 1);
  EXPECT_EQ(stream->Receive(&reply).status().message(), "draining");
}

TEST_F(StreamTest, EndsAtItsTimeout) {
  const auto stream = Open(AnswerGreedily, absl::Milliseconds(100));
  v1::SampleResponse reply;
  EXPECT_EQ(stream->Receive(&reply).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(StreamTest, IsCancelledFromAnotherThread) {
  const auto stream = Open(AnswerGreedily);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stream->Cancel();
  });
  v1::SampleResponse reply;
  EXPECT_EQ(stream->Receive(&reply).status().code(),
            absl::StatusCode::kCancelled);
  other.join();
}

TEST_F(StreamTest, IsCancelledWhenDroppedWithRepliesUnread) {
  auto stream = Open(AnswerGreedily);
  ASSERT_TRUE(stream->Send(Request(1)).ok());
  stream = nullptr;  // Must neither block nor leak.
}

TEST_F(StreamTest, SendsAndReceivesFromTwoThreads) {
  const auto stream =
      Open([](ServerStream* wire) { return AnswerEach(wire, Echo); });
  constexpr std::uint64_t kRequests = 500;
  std::thread sender([&] {
    for (std::uint64_t id = 1; id <= kRequests; ++id) {
      ASSERT_TRUE(stream->Send(Request(id)).ok());
    }
  });
  v1::SampleResponse reply;
  for (std::uint64_t id = 1; id <= kRequests; ++id) {
    ASSERT_TRUE(*stream->Receive(&reply));
    ASSERT_EQ(reply.request_id(), id);
  }
  sender.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, TakesRepliesAboveGrpcsDefaultLimit) {
  const auto stream = Open([](ServerStream* wire) {
    return AnswerEach(wire, [](const v1::SampleRequest& request) {
      v1::SampleResponse reply = Echo(request);
      reply.add_closed()->set_salt(std::string(8 << 20, 'x'));
      return reply;
    });
  });
  v1::SampleResponse reply;
  ASSERT_TRUE(stream->Step(Request(1), &reply).ok());
  EXPECT_EQ(reply.closed(0).salt().size(), 8 << 20);
}

TEST_F(StreamTest, FinishDropsWhatIsUnread) {
  const auto stream =
      Open([](ServerStream* wire) { return AnswerEach(wire, Echo); });
  ASSERT_TRUE(stream->Send(Request(1)).ok());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(stream->Finish().ok());
  v1::SampleResponse reply;
  EXPECT_FALSE(*stream->Receive(&reply));
  EXPECT_EQ(stream->Send(Request(2)).code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace logitd::client
