// Every limit: one below, at, and one above.
#include <numeric>

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::IdBytes;
using testing::StatusIs;
using testing::StatusOf;
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

TEST(Limits, The4097thSessionIsRefusedAndTheOthersGoOn) {
  TestServer server;
  TestStream stream(server);
  v1::SampleRequest request;
  for (uint64_t id = 0; id < 4097; ++id) AddOpen(id, 50, &request);
  const v1::SampleResponse reply = stream.Call(request);
  ASSERT_EQ(reply.opened_size(), 4097);
  EXPECT_FALSE(reply.opened(4095).has_error());
  EXPECT_THAT(StatusOf(reply.opened(4096).error()),
              StatusIs(Code::kResourceExhausted,
                       "open[4096].session_id: 4097 sessions are more than "
                       "--max_sessions 4096"));
  EXPECT_EQ(server.Metric("logitd_sessions_active"), 4096);
  v1::SampleRequest step;
  step.add_close()->set_session_id(17);
  AddOpen(4096, 50, &step);
  AddEntry(4095, 0, testing::MakeRow(0, 50), &step);
  AddEntry(4096, 0, testing::MakeRow(0, 50), &step);
  const v1::SampleResponse next = stream.Call(step);
  EXPECT_FALSE(next.opened(0).has_error());
  EXPECT_EQ(next.step().status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(next.step().status(1), v1::ENTRY_STATUS_OK);
}

TEST(Limits, SessionsOfOneStreamDoNotCountForAnother) {
  TestServer server([](Config* c) { c->limits.max_sessions = 1; });
  TestStream one(server);
  TestStream two(server);
  testing::OpenSession(1, &one);
  testing::OpenSession(1, &two);
}

TEST(Limits, RowsAndEntriesOfAStep) {
  TestServer server([](Config* c) { c->limits.max_rows = 8; });
  TestStream stream(server);
  for (const uint32_t rows : {7u, 8u, 9u}) {
    v1::SampleRequest request;
    for (uint64_t id = 0; id < rows; ++id) {
      AddOpen(1000 * rows + id, 50, &request);
      AddEntry(1000 * rows + id, 0, testing::MakeRow(0, 50), &request);
    }
    const v1::SampleResponse reply = stream.Call(request);
    if (rows <= 8) {
      EXPECT_EQ(reply.step().token_size(), static_cast<int>(rows));
      continue;
    }
    EXPECT_THAT(StatusOf(reply.error()),
                StatusIs(Code::kResourceExhausted,
                         "step.session_id: 9 entries are more than --max_rows "
                         "8"));
  }
  v1::SampleRequest request;
  for (int i = 0; i < 9; ++i) {
    AddEntry(8000, 1, testing::MakeRow(0, 50), &request);
  }
  request.mutable_step()->mutable_session_id()->Resize(1, 0);
  request.mutable_step()->mutable_position()->Resize(1, 0);
  EXPECT_THAT(StatusOf(stream.Call(request).error()),
              StatusIs(Code::kResourceExhausted,
                       "step.row_count: 9 is more than --max_rows 8"));
}

TEST(Limits, VocabularyAndRowWidth) {
  TestServer server([](Config* c) { c->limits.max_vocab_size = 100; });
  TestStream stream(server);
  for (const uint32_t size : {99u, 100u, 101u}) {
    v1::SampleRequest request;
    AddOpen(size, size, &request);
    AddEntry(99, size - 99, testing::MakeRow(0, size), &request);
    const v1::SampleResponse reply = stream.Call(request);
    EXPECT_EQ(reply.opened(0).has_error(), size > 100);
    EXPECT_EQ(reply.has_error(), size > 100);
    if (size <= 100) continue;
    EXPECT_THAT(StatusOf(reply.opened(0).error()),
                StatusIs(Code::kResourceExhausted, "--max_vocab_size 100"));
    EXPECT_THAT(StatusOf(reply.error()),
                StatusIs(Code::kResourceExhausted,
                         "step.row_width: 101 is more than --max_vocab_size"));
  }
}

TEST(Limits, History) {
  TestServer server([](Config* c) { c->limits.max_history = 10; });
  TestStream stream(server);
  for (const uint32_t length : {9u, 10u, 11u}) {
    v1::SampleRequest request;
    AddOpen(length, 50, &request)
        ->set_prompt(IdBytes(std::vector<uint32_t>(length, 1)));
    const v1::SampleResponse reply = stream.Call(request);
    EXPECT_EQ(reply.opened(0).has_error(), length > 10);
    if (length <= 10) continue;
    EXPECT_THAT(StatusOf(reply.opened(0).error()),
                StatusIs(Code::kResourceExhausted,
                         "open[0].prompt: 11 tokens are more than "
                         "--max_history 10"));
  }
  v1::SampleRequest request;
  AddEntry(9, 9, testing::MakeRow(0, 50), &request);
  AddEntry(10, 10, testing::MakeRow(0, 50), &request);
  const v1::StepResult result = stream.Call(request).step();
  EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_OK);
  EXPECT_THAT(StatusOf(result.errors(0)),
              StatusIs(Code::kResourceExhausted, "--max_history 10"));
}

TEST(Limits, TopTokens) {
  TestServer server;
  TestStream stream(server);
  for (const uint32_t count : {127u, 128u, 129u}) {
    v1::SampleRequest request;
    AddOpen(count, 500, &request)->mutable_report()->set_top_n_raw(count);
    AddEntry(count, 0, testing::MakeRow(0, 500), &request);
    const v1::SampleResponse reply = stream.Call(request);
    if (count <= 128) {
      ASSERT_EQ(reply.step().top_size(), 1);
      EXPECT_EQ(reply.step().top(0).raw_logprobs_size(),
                static_cast<int>(count));
      continue;
    }
    EXPECT_THAT(StatusOf(reply.opened(0).error()),
                StatusIs(Code::kResourceExhausted,
                         "open[0].report.top_n_raw: 129 tokens are more than "
                         "--max_top_n 128"));
  }
}

// Opens a session whose parameters `fill` made of `count` things.
template <class Fill>
absl::Status OpenWith(TestStream* stream, uint32_t count, const Fill& fill) {
  v1::SampleRequest request;
  fill(count, AddOpen(count, 500, &request)->mutable_params());
  return StatusOf(stream->Call(request).opened(0).error());
}

TEST(Limits, ListsInTheParameters) {
  TestServer server([](Config* c) {
    c->limits.max_ids = c->limits.max_bias = 10;
    c->limits.max_stop_sequences = 10;
  });
  const auto check = [&](const std::string& piece, const auto& fill) {
    TestStream stream(server);
    EXPECT_TRUE(OpenWith(&stream, 9, fill).ok());
    EXPECT_TRUE(OpenWith(&stream, 10, fill).ok());
    EXPECT_THAT(OpenWith(&stream, 11, fill),
                StatusIs(Code::kResourceExhausted, "open[0].params." + piece));
  };
  const auto ids = [](uint32_t count) {
    std::vector<uint32_t> all(count);
    std::iota(all.begin(), all.end(), 0u);
    return IdBytes(all);
  };
  check("banned_ids: 11 ids are more than --max_ids 10",
        [&](uint32_t n, v1::SamplingParams* p) { p->set_banned_ids(ids(n)); });
  check("logit_bias_ids: 11 ids are more than --max_bias 10",
        [&](uint32_t n, v1::SamplingParams* p) {
          p->set_logit_bias_ids(ids(n));
          p->mutable_logit_bias_values()->Resize(static_cast<int>(n), 1);
        });
  check("stop_sequences: 11 sequences are more than --max_stop_sequences 10",
        [&](uint32_t n, v1::SamplingParams* p) {
          while (n-- > 0) p->add_stop_sequences()->set_tokens(ids(2));
        });
}

TEST(Limits, BytesOfARequest) {
  TestServer server([](Config* c) { c->limits.max_step_bytes = 4096; });
  TestStream stream(server);
  v1::SampleRequest request;
  request.set_request_id(9);
  for (const size_t bytes : {4095u, 4096u, 4097u}) {
    request.clear_append();
    std::string* tokens = request.add_append()->mutable_tokens();
    tokens->resize(4000);
    tokens->resize(4000 + bytes - request.ByteSizeLong());
    ASSERT_EQ(request.ByteSizeLong(), bytes);
    const v1::SampleResponse reply = stream.Call(request);
    EXPECT_EQ(reply.request_id(), 9u);
    EXPECT_EQ(reply.has_error(), bytes > 4096);
    if (bytes > 4096) {
      EXPECT_THAT(StatusOf(reply.error()),
                  StatusIs(Code::kResourceExhausted,
                           "request: 4097 bytes are more than "
                           "--max_step_bytes 4096"));
    }
  }
}

TEST(Limits, AMessageOverGrpcsOwnCapEndsItsStreamOnly) {
  TestServer server([](Config* c) { c->limits.max_step_bytes = 4096; });
  TestStream stream(server);
  testing::OpenSession(1, &stream);
  TestStream other(server);
  v1::SampleRequest request;
  request.add_append()->mutable_tokens()->resize(17 << 20);
  other.Write(request);
  EXPECT_EQ(other.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(testing::Step(1, 0, &stream).status(0), v1::ENTRY_STATUS_OK);
}

TEST(Limits, MoreFieldsThanAnyHonestRequestHas) {
  TestServer server;
  TestStream stream(server);
  v1::SampleRequest request;
  request.set_request_id(77);
  v1::SamplingParams* params = AddOpen(1, 50, &request)->mutable_params();
  for (int i = 0; i < (1 << 17) - 10; ++i) params->add_steps();
  EXPECT_FALSE(stream.Call(request).has_error());
  for (int i = 0; i < 100; ++i) params->add_steps();
  const v1::SampleResponse reply = stream.Call(request);
  EXPECT_EQ(reply.request_id(), 77u);
  EXPECT_THAT(
      StatusOf(reply.error()),
      StatusIs(Code::kResourceExhausted, "request: more than 131072 fields"));
  EXPECT_EQ(reply.opened_size(), 0);
}

TEST(Limits, Streams) {
  TestServer server([](Config* c) { c->limits.max_streams = 2; });
  TestStream one(server);
  auto two = std::make_unique<TestStream>(server);
  testing::OpenSession(1, &one);
  testing::OpenSession(1, two.get());
  TestStream three(server);
  EXPECT_THAT(StatusOf(three.Finish()),
              StatusIs(Code::kResourceExhausted,
                       "3 streams are more than --max_streams 2"));
  two.reset();
  ASSERT_TRUE(server.WaitForMetric("logitd_streams_active", 1));
  TestStream four(server);
  testing::OpenSession(1, &four);
}

TEST(Limits, TokensOfAStopSequence) {
  TestServer server;
  TestStream stream(server);
  EXPECT_THAT(
      OpenWith(&stream, 257,
               [](uint32_t n, v1::SamplingParams* p) {
                 p->add_stop_sequences()->set_tokens(std::string(4 * n, '\0'));
               }),
      StatusIs(Code::kResourceExhausted,
               "stop_sequences[0].tokens: 257 tokens are more than "
               "256"));
}

}  // namespace
}  // namespace logitd
