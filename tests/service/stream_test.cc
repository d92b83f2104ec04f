// The Sample stream: requests, replies and their order.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "gmock/gmock.h"
#include "grpcpp/create_channel_posix.h"
#include "gtest/gtest.h"
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
using testing::TestServer;
using testing::TestStream;
using Code = absl::StatusCode;

// What a session of seed 42 over kVocab tokens generates.
std::vector<uint32_t> Expected(const Params& params, uint32_t count) {
  Session session = testing::OpenOrDie(testing::StartOf(params));
  return testing::Stepper().Generate(count, &session);
}

class StreamTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new TestServer(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  static TestServer* server_;
  TestStream stream_{*server_};
};

TestServer* StreamTest::server_ = nullptr;

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

TEST_F(StreamTest, SharesARowBetweenEntries) {
  v1::SampleRequest request;
  for (uint64_t id = 0; id < 3; ++id) AddOpen(id, kVocab, &request);
  AddEntry(0, 0, RowAt(0), &request);
  v1::Step* step = request.mutable_step();
  for (uint64_t id = 1; id < 3; ++id) {
    step->add_session_id(id);
    step->add_position(0);
  }
  step->mutable_row()->Resize(3, 0);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.token_size(), 3);
  for (const uint32_t token : result.token()) {
    EXPECT_EQ(token, Expected({}, 1)[0]);
  }
}

TEST_F(StreamTest, RunsTheEntriesOfOneSessionInOrder) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddOpen(2, kVocab, &request);
  constexpr uint32_t kCount = 20;
  for (uint32_t i = 0; i < kCount; ++i) {
    AddEntry(1, i, RowAt(i), &request);
    AddEntry(2, i, RowAt(i), &request);
  }
  const v1::StepResult result = stream_.Call(request).step();
  const std::vector<uint32_t> expected = Expected({}, kCount);
  ASSERT_EQ(result.token_size(), 2 * kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(result.token(static_cast<int>(2 * i)), expected[i]);
    EXPECT_EQ(result.token(static_cast<int>(2 * i + 1)), expected[i]);
  }
}

TEST_F(StreamTest, TakesBfloat16RowsAsTheirWidenedValues) {
  std::vector<float> row = RowAt(0);
  std::string halves;
  for (float& value : row) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, 4);
    bits &= 0xFFFF0000u;
    std::memcpy(&value, &bits, 4);
    halves.push_back(static_cast<char>(bits >> 16));
    halves.push_back(static_cast<char>(bits >> 24));
  }
  v1::SampleRequest wide;
  AddOpen(1, kVocab, &wide);
  AddOpen(2, kVocab, &wide);
  AddEntry(1, 0, row, &wide);
  v1::SampleRequest narrow;
  AddEntry(2, 0, row, &narrow);
  narrow.mutable_step()->set_dtype(v1::DTYPE_BFLOAT16);
  narrow.mutable_step()->mutable_logits()->set_inline_(halves);
  v1::StepResult a = stream_.Call(wide).step();
  v1::StepResult b = stream_.Call(narrow).step();
  a.clear_compute_us();
  b.clear_compute_us();
  EXPECT_EQ(a.SerializeAsString(), b.SerializeAsString());
}

TEST_F(StreamTest, AppliesTheMaskOfEachEntry) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddOpen(2, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  v1::Step* step = request.mutable_step();
  // One word per mask: only token 5, only token 31.
  step->mutable_mask_table()->set_inline_(IdBytes({1u << 5, 1u << 31}));
  step->set_mask_words(1);
  step->add_mask_index(1);
  step->add_mask_index(0);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.token(0), 31u);
  EXPECT_EQ(result.token(1), 5u);
}

TEST_F(StreamTest, AppendsAGivenTokenAndReportsRankAndDraw) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddOpen(2, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  v1::Step* step = request.mutable_step();
  step->add_mode(v1::ENTRY_MODE_GIVEN);
  step->add_mode(v1::ENTRY_MODE_SAMPLE);
  step->add_given_token(17);
  step->add_given_token(0);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.token(0), 17u);
  EXPECT_GE(result.rank(0), 1u);
  EXPECT_EQ(result.drawn_token(0), result.token(1));
  EXPECT_EQ(result.rank(1), 0u);
  EXPECT_EQ(result.drawn_token(1), kNoToken);
  EXPECT_EQ(testing::Step(1, 1, &stream_).status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, PeeksWithoutMovingTheSession) {
  OpenSession(1, &stream_);
  v1::SampleRequest peek;
  AddEntry(1, 0, RowAt(0), &peek);
  peek.mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
  for (int i = 0; i < 2; ++i) {
    const v1::StepResult result = stream_.Call(peek).step();
    EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_PEEKED);
    EXPECT_EQ(result.token(0), Expected({}, 1)[0]);
  }
  EXPECT_EQ(testing::Step(1, 0, &stream_).status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, FillsOnlyTheArraysThatAnEntryAskedFor) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->mutable_report()->set_entropy(true);
  AddOpen(2, kVocab, &request)->mutable_report()->set_final_logprob(false);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.final_logprob_size(), 2);
  EXPECT_LE(result.final_logprob(0), 0.0);
  EXPECT_TRUE(std::isnan(result.final_logprob(1)));
  ASSERT_EQ(result.raw_entropy_size(), 2);
  EXPECT_GT(result.raw_entropy(0), 0.0);
  EXPECT_TRUE(std::isnan(result.final_entropy(1)));
  EXPECT_EQ(result.raw_logprob_size(), 0);
  EXPECT_EQ(result.kept_mass_size(), 0);
  EXPECT_EQ(result.rank_size(), 0);
  EXPECT_EQ(result.flags_size(), 0);
  EXPECT_EQ(result.error_index_size(), 0);
}

TEST_F(StreamTest, ListsTheTopTokensOfTheEntriesThatAsk) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  v1::OpenSession* open = AddOpen(2, kVocab, &request);
  open->mutable_params()->set_top_k(3);
  open->mutable_report()->set_top_n_final(5);
  open->mutable_report()->set_top_n_raw(4);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.top_size(), 1);
  const v1::TopTokens& top = result.top(0);
  EXPECT_EQ(top.entry(), 1u);
  EXPECT_EQ(testing::IdsOf(top.final_ids()).size(), 3u);
  EXPECT_EQ(top.final_logprobs_size(), 3);
  EXPECT_EQ(testing::IdsOf(top.raw_ids()).size(), 4u);
  EXPECT_EQ(testing::IdsOf(top.final_ids())[0],
            testing::IdsOf(top.raw_ids())[0]);
  EXPECT_GE(top.raw_logprobs(0), top.raw_logprobs(3));
}

TEST_F(StreamTest, TellsEqualErrorsOnce) {
  v1::SampleRequest request;
  for (uint64_t id = 0; id < 4; ++id) AddOpen(id, kVocab, &request);
  for (uint64_t id = 0; id < 4; ++id) AddEntry(id, 9, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.errors_size(), 1);
  for (const uint32_t index : result.error_index()) EXPECT_EQ(index, 0u);
}

TEST_F(StreamTest, SkipsRowsOfFinishedAndOfClosedSessions) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->mutable_params()->set_max_tokens(1);
  AddOpen(2, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.finish_reason(0), v1::FINISH_REASON_MAX_TOKENS);
  v1::SampleRequest late;
  late.add_close()->set_session_id(2);
  AddEntry(1, 1, RowAt(1), &late);
  AddEntry(2, 0, RowAt(0), &late);
  const v1::StepResult skipped = stream_.Call(late).step();
  ASSERT_EQ(skipped.status_size(), 2);
  EXPECT_EQ(skipped.status(0), v1::ENTRY_STATUS_SKIPPED);
  EXPECT_EQ(skipped.status(1), v1::ENTRY_STATUS_SKIPPED);
  EXPECT_EQ(skipped.token(0), kNoToken);
  EXPECT_EQ(skipped.errors_size(), 0);
}

TEST_F(StreamTest, FailsRowsThatHaveNotStartedByTheDeadline) {
  OpenSession(1, &stream_);
  v1::SampleRequest request;
  AddEntry(1, 0, RowAt(0), &request);
  request.mutable_step()->set_timeout_us(1);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.errors_size(), 1);
  EXPECT_THAT(StatusOf(result.errors(0)),
              StatusIs(Code::kDeadlineExceeded, "step.timeout_us"));
  request.mutable_step()->set_timeout_us(60'000'000);
  EXPECT_EQ(stream_.Call(request).step().status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, AnswersEmptyRequestsAndEmptySteps) {
  v1::SampleRequest request;
  EXPECT_FALSE(stream_.Call(request).has_step());
  request.mutable_step();
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_TRUE(reply.has_step());
  EXPECT_FALSE(reply.has_error());
  EXPECT_EQ(reply.step().token_size(), 0);
}

TEST_F(StreamTest, CloseBringsAReceipt) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, kVocab, &request);
  open->set_salt("salt");
  open->mutable_params()->set_top_p(0.5);
  AddEntry(1, 0, RowAt(0), &request);
  const v1::SampleResponse opened = stream_.Call(request);
  v1::SampleRequest close;
  close.add_close()->set_session_id(1);
  const v1::SessionClosed closed = stream_.Call(close).closed(0);
  EXPECT_EQ(closed.fingerprint(), opened.opened(0).fingerprint());
  EXPECT_EQ(closed.seed(), 42u);
  EXPECT_EQ(closed.salt(), "salt");
  EXPECT_EQ(closed.resolved().top_p(), 0.5);
  EXPECT_EQ(closed.generated_count(), 1u);
}

TEST_F(StreamTest, OpenTellsWhatIsInForce) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
  params->set_temperature(1.0);  // its off value
  params->set_top_k(kVocab);     // off as well
  params->set_top_p(0.9);
  params->set_repetition_penalty(1.2);
  const v1::SessionOpened opened = stream_.Call(request).opened(0);
  EXPECT_FALSE(opened.resolved().has_temperature());
  EXPECT_FALSE(opened.resolved().has_top_k());
  EXPECT_EQ(opened.resolved().top_p(), 0.9);
  ASSERT_EQ(opened.provenance_size(), 2);
  EXPECT_EQ(opened.provenance(0).knob(), "top_p");
  EXPECT_EQ(opened.provenance(0).level(), v1::PARAM_LEVEL_REQUEST);
  EXPECT_EQ(opened.provenance(1).knob(), "repetition_penalty");
  EXPECT_EQ(opened.history_needed(), v1::HISTORY_NEEDED_PROMPT);
  EXPECT_EQ(opened.fingerprint().size(), 16u);
  EXPECT_EQ(opened.fingerprint_lines(0), "logitd/1");
}

TEST_F(StreamTest, ResolvedParametersOpenTheSameSession) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
  params->set_temperature(0.7);
  params->set_logit_bias_ids(IdBytes({9, 3, 5}));
  for (const double value : {1.0, 0.0, -2.0}) {
    params->add_logit_bias_values(value);
  }
  params->set_banned_ids(IdBytes({7, 7, 6}));
  params->set_eos_ids(IdBytes({1}));
  params->set_ban_eos(true);
  params->add_stop_sequences()->set_tokens(IdBytes({4, 4}));
  params->set_on_empty(v1::ON_EMPTY_ERROR);
  params->set_on_non_finite(v1::ON_NON_FINITE_BAN);
  const v1::SessionOpened opened = stream_.Call(request).opened(0);
  v1::SampleRequest again;
  v1::OpenSession* open = AddOpen(2, kVocab, &again);
  *open->mutable_params() = opened.resolved();
  open->set_expected_fingerprint(opened.fingerprint());
  EXPECT_FALSE(stream_.Call(again).opened(0).has_error());
}

TEST_F(StreamTest, RefusesAnotherFingerprintAndNamesTheFirstDifference) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->mutable_params()->set_top_k(5);
  const v1::SessionOpened opened = stream_.Call(request).opened(0);
  v1::SampleRequest other;
  v1::OpenSession* open = AddOpen(2, kVocab, &other);
  open->mutable_params()->set_top_k(6);
  open->set_expected_fingerprint(opened.fingerprint());
  *open->mutable_expected_fingerprint_lines() = opened.fingerprint_lines();
  open = AddOpen(3, kVocab, &other);
  open->set_expected_fingerprint("no hex");
  const v1::SampleResponse reply = stream_.Call(other);
  EXPECT_THAT(StatusOf(reply.opened(0).error()),
              StatusIs(Code::kFailedPrecondition,
                       "\"10=5\" was expected, here is \"10=6\""));
  EXPECT_THAT(StatusOf(reply.opened(1).error()),
              StatusIs(Code::kInvalidArgument, "open[1].expected_fingerprint"));
}

TEST_F(StreamTest, UpdateSetsAndClearsKnobs) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
  params->set_top_k(5);
  params->set_top_p(0.9);
  params->set_logit_bias_ids(IdBytes({3}));
  params->add_logit_bias_values(1);
  stream_.Call(request);
  v1::SampleRequest change;
  v1::UpdateSession* update = change.add_update();
  update->set_session_id(1);
  update->mutable_set()->set_top_p(0.8);
  update->mutable_set()->set_min_p(0.1);
  update->add_clear("top_k");
  update->add_clear("logit_bias_values");
  const v1::SessionUpdated updated = stream_.Call(change).updated(0);
  ASSERT_FALSE(updated.has_error()) << updated.error().message();
  EXPECT_FALSE(updated.resolved().has_top_k());
  EXPECT_EQ(updated.resolved().top_p(), 0.8);
  EXPECT_EQ(updated.resolved().min_p(), 0.1);
  EXPECT_TRUE(updated.resolved().logit_bias_ids().empty());
  EXPECT_EQ(updated.provenance_size(), 2);
}

TEST_F(StreamTest, UpdateRefusesWhatItCannotMean) {
  OpenSession(1, &stream_);
  const auto refuse = [&](auto change, Code code, const std::string& piece) {
    v1::SampleRequest request;
    v1::UpdateSession* update = request.add_update();
    update->set_session_id(1);
    change(update);
    EXPECT_THAT(StatusOf(stream_.Call(request).updated(0).error()),
                StatusIs(code, piece));
  };
  using Update = v1::UpdateSession;
  refuse([](Update* u) { u->add_clear("heat"); }, Code::kInvalidArgument,
         "update[0].clear[0]: \"heat\" is not a field");
  refuse([](Update* u) { u->add_clear("top_a"); }, Code::kUnimplemented,
         "update[0].clear[0]: top_a is not built yet");
  refuse(
      [](Update* u) {
        u->add_clear("logit_bias_values");
        u->mutable_set()->set_logit_bias_ids(IdBytes({1}));
      },
      Code::kInvalidArgument, "logit_bias_values is also set");
  refuse([](Update* u) { u->set_position(4); }, Code::kFailedPrecondition,
         "update[0].position: 4 is not the session's; expected 0");
  refuse([](Update* u) { u->set_rebind(true); }, Code::kFailedPrecondition,
         "update[0].rebind: the session has no profile");
  refuse([](Update* u) { u->mutable_set()->set_temperature(101); },
         Code::kInvalidArgument, "update[0].set.temperature: 101");
}

TEST_F(StreamTest, UpdateThatLooksFurtherBackThanIsKeptChangesNothing) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)
      ->set_prompt(IdBytes(std::vector<uint32_t>(5000, 7)));
  AddEntry(1, 5000, RowAt(0), &request);
  const v1::SampleResponse opened = stream_.Call(request);
  ASSERT_EQ(opened.step().status(0), v1::ENTRY_STATUS_OK);
  v1::SampleRequest change;
  change.add_update()->set_session_id(1);
  change.mutable_update(0)->mutable_set()->set_repetition_penalty(1.1);
  EXPECT_THAT(StatusOf(stream_.Call(change).updated(0).error()),
              StatusIs(Code::kFailedPrecondition,
                       "update[0].history: needs the tokens from position 0, "
                       "kept are those from "));
  change.mutable_update(0)->mutable_set()->set_repetition_window(100);
  AddEntry(1, 5001, RowAt(1), &change);
  const v1::SampleResponse windowed = stream_.Call(change);
  EXPECT_FALSE(windowed.updated(0).has_error());
  EXPECT_EQ(windowed.step().status(0), v1::ENTRY_STATUS_OK);
  // Whole again with its history.
  v1::SampleRequest again;
  again.add_close()->set_session_id(1);
  v1::OpenSession* open = AddOpen(1, kVocab, &again);
  open->set_prompt(request.open(0).prompt());
  open->set_generated(
      IdBytes({opened.step().token(0), windowed.step().token(0)}));
  open->mutable_params()->set_repetition_penalty(1.1);
  EXPECT_FALSE(stream_.Call(again).opened(0).has_error());
}

TEST_F(StreamTest, TakesALongHistoryInParts) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, kVocab, &request);
  open->set_prompt(IdBytes({1, 2}));
  open->set_prompt_length(4);
  open->set_more(true);
  AddEntry(1, 6, RowAt(6), &request);
  const v1::SampleResponse first = stream_.Call(request);
  EXPECT_FALSE(first.opened(0).has_error());
  EXPECT_EQ(first.opened(0).fingerprint(), "");
  EXPECT_THAT(StatusOf(first.step().errors(0)),
              StatusIs(Code::kFailedPrecondition, "waits for the rest"));
  v1::SampleRequest second;
  open = second.add_open();
  open->set_session_id(1);
  open->set_prompt(IdBytes({3, 4}));
  open->set_more(true);
  open = second.add_open();
  open->set_session_id(1);
  open->set_generated(IdBytes({5, 6}));
  AddEntry(1, 6, RowAt(6), &second);
  const v1::SampleResponse reply = stream_.Call(second);
  EXPECT_EQ(reply.opened(1).position(), 6u);
  EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, APartThatCarriesMoreEndsTheOpen) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->set_more(true);
  AddOpen(1, kVocab, &request);  // carries vocab_size and seed again
  AddOpen(1, kVocab, &request);
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_FALSE(reply.opened(0).has_error());
  EXPECT_THAT(StatusOf(reply.opened(1).error()),
              StatusIs(Code::kFailedPrecondition, "open[1].vocab_size: the"));
  EXPECT_FALSE(reply.opened(2).has_error());
}

TEST_F(StreamTest, ForkAndRewindAnswerWithPositions) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  for (uint32_t i = 0; i < 3; ++i) AddEntry(1, i, RowAt(i), &request);
  stream_.Call(request);
  v1::SampleRequest next;
  v1::RewindSession* rewind = next.add_rewind();
  rewind->set_session_id(1);
  rewind->set_position(1);
  v1::ForkSession* fork = next.add_fork();
  fork->set_parent_session_id(1);
  fork->set_child_session_id(2);
  fork->set_index(1);
  const v1::SampleResponse reply = stream_.Call(next);
  EXPECT_EQ(reply.rewound(0).position(), 1u);
  EXPECT_EQ(reply.forked(0).position(), 1u);
  EXPECT_EQ(reply.forked(0).child_session_id(), 2u);
  EXPECT_NE(reply.forked(0).seed(), 42u);
}

TEST_F(StreamTest, MakesASeedForSessionsThatBringNone) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->clear_seed();
  AddOpen(2, kVocab, &request)->clear_seed();
  AddOpen(3, kVocab, &request)->set_seed(0);
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_NE(reply.opened(0).seed(), reply.opened(1).seed());
  EXPECT_EQ(reply.opened(2).seed(), 0u);
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
