// What a stream does with its sessions: open, update, fork, rewind, close.

#include "gmock/gmock.h"
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
using Code = absl::StatusCode;

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
  ASSERT_EQ(opened.provenance_size(), 4);
  EXPECT_EQ(opened.provenance(0).knob(), "temperature");
  EXPECT_EQ(opened.provenance(0).off_value(), 1);
  EXPECT_EQ(opened.provenance(1).knob(), "top_k");
  EXPECT_EQ(opened.provenance(1).off_value(), kVocab);
  EXPECT_EQ(opened.provenance(2).knob(), "top_p");
  EXPECT_EQ(opened.provenance(2).level(), v1::PARAM_LEVEL_REQUEST);
  EXPECT_FALSE(opened.provenance(2).has_off_value());
  EXPECT_EQ(opened.provenance(3).knob(), "repetition_penalty");
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
  EXPECT_THAT(
      StatusOf(reply.opened(0).error()),
      StatusIs(Code::kFailedPrecondition,
               "\"10=5\" (top_k) was expected, here is \"10=6\" (top_k)"));
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

}  // namespace
}  // namespace logitd
