// Feedback state (mirostat, adaptive_p) as a client sees it: told with each
// token, taken back at open, refused when it is none.
#include "sampler/feedback.h"

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_matchers.h"

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
using Code = absl::StatusCode;

void SetMirostat(v1::SamplingParams* params) {
  params->set_mirostat(2);
  params->set_mirostat_tau(3);
}

void SetAdaptive(v1::SamplingParams* params) {
  params->set_adaptive_p_target(0.3);
}

// What a client keeps of each of its tokens.
struct Kept {
  uint32_t token;
  double final_logprob;
  std::string state;
  friend bool operator==(const Kept&, const Kept&) = default;
};

class FeedbackStream
    : public StreamTest,
      public ::testing::WithParamInterface<void (*)(v1::SamplingParams*)> {
 protected:
  void Open(uint64_t id, const std::vector<Kept>& before = {}) {
    v1::SampleRequest request;
    v1::OpenSession* open = AddOpen(id, kVocab, &request);
    GetParam()(open->mutable_params());
    std::vector<uint32_t> generated;
    for (const Kept& kept : before) generated.push_back(kept.token);
    open->set_generated(IdBytes(generated));
    if (!before.empty()) open->set_state(before.back().state);
    const v1::SessionOpened opened = stream_.Call(request).opened(0);
    ASSERT_FALSE(opened.has_error()) << opened.error().message();
  }

  std::vector<Kept> Generate(uint64_t id, uint32_t from, uint32_t count) {
    std::vector<Kept> all;
    for (uint32_t i = 0; i < count; ++i) {
      const v1::StepResult step = testing::Step(id, from + i, &stream_);
      EXPECT_EQ(step.state_size(), 1);
      if (step.state_size() != 1) break;
      all.push_back({step.token(0), step.final_logprob(0), step.state(0)});
    }
    return all;
  }
};

TEST_P(FeedbackStream, GoesOnBitForBitWithTheStateOfTheLastToken) {
  Open(1);
  const std::vector<Kept> whole = Generate(1, 0, 40);
  ASSERT_EQ(whole.size(), 40u);
  for (const uint32_t at : {1u, 7u, 39u}) {
    const std::vector<Kept> before(whole.begin(), whole.begin() + at);
    Open(1 + at, before);
    EXPECT_EQ(Generate(1 + at, at, 40 - at),
              std::vector<Kept>(whole.begin() + at, whole.end()))
        << at;
  }
}

TEST_P(FeedbackStream, StartsAnewWithoutTheState) {
  Open(1);
  std::vector<Kept> whole = Generate(1, 0, 20);
  ASSERT_EQ(whole.size(), 20u);
  const std::string last = whole.back().state;
  whole.back().state.clear();
  Open(2, whole);
  EXPECT_NE(Generate(2, 20, 1)[0].state, Generate(1, 20, 1)[0].state);
  EXPECT_LE(last.size(), 64u);
}

TEST_P(FeedbackStream, IsTheSameInAReplay) {
  Open(1);
  const std::vector<Kept> first = Generate(1, 0, 1);
  const v1::StepResult again = testing::Step(1, 0, &stream_);
  EXPECT_EQ(again.status(0), v1::ENTRY_STATUS_REPLAYED);
  ASSERT_EQ(again.state_size(), 1);
  EXPECT_EQ(again.state(0), first[0].state);
}

TEST_P(FeedbackStream, ComesBackWithARewind) {
  Open(1);
  const std::vector<Kept> whole = Generate(1, 0, 30);
  v1::SampleRequest request;
  request.add_rewind()->set_session_id(1);
  request.mutable_rewind(0)->set_position(12);
  ASSERT_FALSE(stream_.Call(request).rewound(0).has_error());
  EXPECT_EQ(Generate(1, 12, 18),
            std::vector<Kept>(whole.begin() + 12, whole.end()));
}

TEST_P(FeedbackStream, IsTheForksToo) {
  Open(1);
  Generate(1, 0, 10);
  v1::SampleRequest request;
  v1::ForkSession* fork = request.add_fork();
  fork->set_parent_session_id(1);
  fork->set_child_session_id(2);
  fork->set_index(0);
  ASSERT_FALSE(stream_.Call(request).forked(0).has_error());
  EXPECT_EQ(Generate(1, 10, 5), Generate(2, 10, 5));
}

INSTANTIATE_TEST_SUITE_P(, FeedbackStream,
                         ::testing::Values(SetMirostat, SetAdaptive));

TEST_F(StreamTest, BringsStateOnlyWithTokensOfSessionsThatHaveOne) {
  OpenSession(1, &stream_);
  EXPECT_EQ(testing::Step(1, 0, &stream_).state_size(), 0);
  v1::SampleRequest request;
  SetMirostat(AddOpen(2, kVocab, &request)->mutable_params());
  AddEntry(1, 1, RowAt(1), &request);
  AddEntry(2, 0, RowAt(0), &request);
  AddEntry(2, 1, RowAt(1), &request);
  request.mutable_step()->add_mode(v1::ENTRY_MODE_SAMPLE);
  request.mutable_step()->add_mode(v1::ENTRY_MODE_SAMPLE);
  request.mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
  const v1::StepResult step = stream_.Call(request).step();
  ASSERT_EQ(step.state_size(), 3);
  EXPECT_EQ(step.state(0), "");
  EXPECT_NE(step.state(1), "");
  EXPECT_EQ(step.state(2), "");  // a peek moves nothing
}

TEST_F(StreamTest, RefusesAStateThatNoReplyBrought) {
  Feedback mu, infinite, sums, negative;
  mu.mu = 7;
  infinite.mu = std::numeric_limits<double>::infinity();
  sums.sums = Feedback::Sums{2, 8};
  negative.sums = Feedback::Sums{-1, 8};
  const std::string good = WriteFeedback(mu);
  const std::string bad[] = {std::string(1, '\0'),
                             "x",
                             good + "x",
                             good.substr(0, good.size() - 1),
                             "\x02" + good.substr(1),
                             std::string(65, '\x01'),
                             std::string(1 << 16, '\xff'),
                             WriteFeedback(infinite),
                             WriteFeedback(negative)};
  v1::SampleRequest request;
  uint64_t id = 0;
  for (const std::string& state : bad) {
    v1::OpenSession* open = AddOpen(++id, kVocab, &request);
    SetMirostat(open->mutable_params());
    open->set_state(state);
  }
  v1::OpenSession* open = AddOpen(++id, kVocab, &request);
  SetMirostat(open->mutable_params());
  open->set_state(good);
  const v1::SampleResponse reply = stream_.Call(request);
  for (int i = 0; i < reply.opened_size() - 1; ++i) {
    EXPECT_THAT(StatusOf(reply.opened(i).error()),
                StatusIs(Code::kInvalidArgument,
                         "open[" + std::to_string(i) + "].state: "));
    EXPECT_LT(reply.opened(i).error().message().size(), 200u);
  }
  EXPECT_FALSE(reply.opened(reply.opened_size() - 1).has_error());
}

// Whoever changes from one feedback knob to none, and back, may bring it along.
TEST_F(StreamTest, TakesAStateThatTheSessionDoesNotUse) {
  Feedback mu;
  mu.mu = 7;
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->set_state(WriteFeedback(mu));
  AddOpen(2, kVocab, &request);
  ASSERT_FALSE(stream_.Call(request).opened(0).has_error());
  EXPECT_EQ(testing::Step(1, 0, &stream_).token(0),
            testing::Step(2, 0, &stream_).token(0));
}

TEST_F(StreamTest, LetsAnUpdateTurnMirostatOnAndOff) {
  OpenSession(1, &stream_);
  testing::Step(1, 0, &stream_);
  v1::SampleRequest on;
  on.add_update()->set_session_id(1);
  SetMirostat(on.mutable_update(0)->mutable_set());
  AddEntry(1, 1, RowAt(1), &on);
  const v1::SampleResponse reply = stream_.Call(on);
  ASSERT_FALSE(reply.updated(0).has_error());
  ASSERT_EQ(reply.step().state_size(), 1);
  v1::SampleRequest off;
  off.add_update()->set_session_id(1);
  off.mutable_update(0)->add_clear("mirostat");
  off.mutable_update(0)->add_clear("mirostat_tau");
  AddEntry(1, 2, RowAt(2), &off);
  const v1::SampleResponse last = stream_.Call(off);
  ASSERT_FALSE(last.updated(0).has_error());
  EXPECT_EQ(last.step().status(0), v1::ENTRY_STATUS_OK);
}

// Each draw of one row sees the state of the open; none moves it.
TEST_F(StreamTest, SampleOnceTakesAStateAndBringsOne) {
  const auto call = [](const std::string& state) {
    v1::SampleOnceRequest request;
    request.mutable_open()->set_vocab_size(kVocab);
    request.mutable_open()->set_seed(42);
    SetMirostat(request.mutable_open()->mutable_params());
    request.mutable_open()->set_state(state);
    request.mutable_logits()->set_inline_(testing::FloatBytes(RowAt(0)));
    request.set_dtype(v1::DTYPE_FLOAT32);
    request.set_draw_count(3);
    grpc::ClientContext context;
    v1::SampleOnceResponse response;
    const grpc::Status status =
        server_->NewStub()->SampleOnce(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  Feedback narrow;
  narrow.mu = 0.5;
  const v1::SampleOnceResponse first = call("");
  const v1::SampleOnceResponse other = call(WriteFeedback(narrow));
  EXPECT_GT(first.result().kept(0), other.result().kept(0));
  EXPECT_EQ(first.result().state_size(), 3);
}

}  // namespace
}  // namespace logitd
