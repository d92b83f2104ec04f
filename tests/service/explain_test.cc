// Explanations on a stream: the step's own numbers, and no session moves.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddOpen;
using testing::FloatBytes;
using testing::IdBytes;
using testing::IdsOf;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

class Explain : public StreamTest {
 protected:
  Explain() {
    open_ = AddOpen(1, kVocab, &request_);
    open_->mutable_report()->set_top_n_final(5);
    open_->mutable_report()->set_entropy(true);
    explain_ = request_.add_explain();
    explain_->set_session_id(1);
    explain_->set_dtype(v1::DTYPE_FLOAT32);
    explain_->mutable_logits()->set_inline_(FloatBytes(RowAt(0)));
  }

  v1::ExplainResponse Call() {
    const v1::SampleResponse reply = stream_.Call(request_);
    EXPECT_FALSE(reply.has_error()) << reply.error().message();
    for (const v1::SessionOpened& opened : reply.opened()) {
      EXPECT_FALSE(opened.has_error()) << opened.error().message();
    }
    EXPECT_EQ(reply.explained_size(), request_.explain_size());
    request_.clear_open();
    return reply.explained_size() > 0 ? reply.explained(0)
                                      : v1::ExplainResponse();
  }
  absl::Status Error() { return StatusOf(Call().error()); }

  v1::SampleRequest request_;
  v1::OpenSession* open_;
  v1::ExplainRequest* explain_;
};

std::vector<std::string> StagesOf(const v1::ExplainResponse& answer) {
  std::vector<std::string> names;
  for (const v1::StageReport& stage : answer.stages()) {
    names.push_back(stage.stage());
  }
  return names;
}

double LogprobOf(const v1::StageReport& stage, uint32_t id) {
  const std::vector<uint32_t> ids = IdsOf(stage.ids());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == id) return stage.logprob_after(static_cast<int>(i));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

TEST_F(Explain, IsWhatTheStepThenDoes) {
  v1::SamplingParams* params = open_->mutable_params();
  params->set_temperature(0.8);
  params->set_top_k(50);
  params->set_min_p(0.05);
  params->set_repetition_penalty(1.3);
  params->set_logit_bias_ids(IdBytes({4}));
  params->add_logit_bias_values(3);
  open_->set_prompt(IdBytes({5, 6}));
  const v1::ExplainResponse answer = Call();
  ASSERT_FALSE(answer.has_error()) << answer.error().message();
  EXPECT_THAT(
      StagesOf(answer),
      ::testing::ElementsAre("row", "hard_bans", "soft_bans", "logit_bias",
                             "repetition", "temperature", "top_k", "min_p"));
  EXPECT_EQ(answer.position(), 2u);
  EXPECT_EQ(answer.outcome().status(0), v1::ENTRY_STATUS_PEEKED);

  v1::SampleRequest step;
  testing::AddEntry(1, 2, RowAt(0), &step);
  const v1::StepResult result = stream_.Call(step).step();
  ASSERT_EQ(result.status_size(), 1);
  ASSERT_EQ(result.status(0), v1::ENTRY_STATUS_OK);  // it had not moved
  EXPECT_EQ(answer.outcome().token(0), result.token(0));
  EXPECT_EQ(answer.outcome().final_logprob(0), result.final_logprob(0));
  const v1::StageReport& last = *answer.stages().rbegin();
  EXPECT_EQ(last.kept_count(), result.kept(0));
  EXPECT_EQ(last.entropy(), result.final_entropy(0));
  const std::vector<uint32_t> best = IdsOf(result.top(0).final_ids());
  ASSERT_EQ(best.size(), 5u);
  for (size_t i = 0; i < best.size(); ++i) {
    EXPECT_EQ(LogprobOf(last, best[i]),
              result.top(0).final_logprobs(static_cast<int>(i)));
    if (best[i] == result.token(0)) {
      EXPECT_EQ(answer.rank(), i + 1);
    }
  }
}

TEST_F(Explain, TellsOfTokensThatAreAskedFor) {
  open_->mutable_params()->set_banned_ids(IdBytes({7}));
  open_->mutable_params()->set_presence_penalty(1.5);
  open_->set_generated(IdBytes({9}));
  explain_->set_ids(IdBytes({7, 9}));
  explain_->set_top_n(0);
  const v1::ExplainResponse answer = Call();
  ASSERT_EQ(answer.stages_size(), 5);  // row, bans, presence, temperature
  const v1::StageReport& bans = answer.stages(1);
  EXPECT_EQ(IdsOf(bans.ids()), (std::vector<uint32_t>{7, 9}));
  EXPECT_EQ(bans.removed_count(), 1u);
  EXPECT_EQ(bans.changed_logits(), 1u);
  EXPECT_EQ(bans.logit_before(0), RowAt(0)[7]);
  EXPECT_EQ(bans.logit_after(0), testing::kMinusInfinity);
  EXPECT_EQ(bans.logprob_after(0), -std::numeric_limits<double>::infinity());
  EXPECT_NEAR(bans.removed_mass(), std::exp(bans.logprob_before(0)), 1e-6);
  const v1::StageReport& presence = answer.stages(3);
  EXPECT_EQ(presence.stage(), "presence");
  EXPECT_EQ(presence.logit_after(1), presence.logit_before(1) - 1.5f);
}

// The race can be run again from what is told.
TEST_F(Explain, TellsTheNoise) {
  std::vector<float> row = {0, 1, 2, 3, -1};
  open_->set_vocab_size(5);
  explain_->mutable_logits()->set_inline_(FloatBytes(row));
  for (uint32_t attempt = 0; attempt < 20; ++attempt) {
    explain_->set_attempt(attempt);
    const v1::ExplainResponse answer = Call();
    ASSERT_EQ(answer.chances_size(), 5);
    uint32_t winner = 0;
    double best = 0;
    for (const v1::TokenChance& chance : answer.chances()) {
      const double score =
          std::exp(chance.logprob()) / -std::log(chance.token_uniform());
      if (score <= best) continue;
      best = score;
      winner = chance.id();
    }
    EXPECT_EQ(winner, answer.outcome().token(0)) << "attempt " << attempt;
  }
}

TEST_F(Explain, SaysWhichRuleSetEachValue) {
  open_->mutable_params()->set_top_p(0.9);
  v1::Phase* phase = open_->add_phases();
  phase->set_name("calm");
  phase->add_enter()->set_tokens(IdBytes({7}));
  phase->mutable_default_params()->set_temperature(0.25);
  open_->set_generated(IdBytes({7}));
  const v1::ExplainResponse answer = Call();
  EXPECT_EQ(answer.phase(), 1u);
  EXPECT_EQ(answer.resolved().temperature(), 0.25);
  EXPECT_EQ(answer.resolved().top_p(), 0.9);
  ASSERT_EQ(answer.provenance_size(), 2);
  for (const v1::Provenance& from : answer.provenance()) {
    EXPECT_EQ(from.level(), from.knob() == "top_p"
                                ? v1::PARAM_LEVEL_REQUEST
                                : v1::PARAM_LEVEL_PHASE_DEFAULT);
  }
}

TEST_F(Explain, TakesMaskAndGuidance) {
  open_->mutable_params()->set_guidance_scale(2);
  explain_->mutable_guidance_row()->set_inline_(FloatBytes(RowAt(1)));
  std::vector<uint32_t> words((kVocab + 31) / 32, 0xFFFFFFFF);
  words[0] = 0xFFFFFFF0;
  explain_->set_mask(IdBytes(words));
  const v1::ExplainResponse answer = Call();
  ASSERT_FALSE(answer.has_error()) << answer.error().message();
  EXPECT_EQ(answer.stages(1).stage(), "guidance");
  EXPECT_EQ(answer.stages(2).stage(), "hard_bans");
  EXPECT_EQ(answer.stages(2).removed_count(), 4u);
}

TEST_F(Explain, OfGreedyForcedAndFinishedSteps) {
  open_->mutable_params()->set_temperature(0);
  v1::OpenSession* forced = AddOpen(2, kVocab, &request_);
  forced->mutable_params()->set_forced_tokens(IdBytes({3}));
  v1::OpenSession* finished = AddOpen(3, kVocab, &request_);
  finished->mutable_params()->set_max_tokens(1);
  finished->set_generated(IdBytes({3}));
  for (const uint64_t id : {2u, 3u}) {
    *request_.add_explain() = request_.explain(0);
    request_.mutable_explain()->rbegin()->set_session_id(id);
  }
  const v1::SampleResponse reply = stream_.Call(request_);
  ASSERT_EQ(reply.explained_size(), 3);
  const v1::ExplainResponse& greedy = reply.explained(0);
  EXPECT_EQ(greedy.stages().rbegin()->stage(), "temperature");
  EXPECT_EQ(greedy.stages().rbegin()->kept_count(), 1u);
  EXPECT_EQ(greedy.rank(), 1u);
  EXPECT_EQ(greedy.chances_size(), 0);
  EXPECT_EQ(StagesOf(reply.explained(1)), std::vector<std::string>{"row"});
  EXPECT_EQ(reply.explained(1).outcome().token(0), 3u);
  EXPECT_EQ(reply.explained(2).stages_size(), 0);
  EXPECT_EQ(reply.explained(2).outcome().status(0), v1::ENTRY_STATUS_SKIPPED);
}

// A request may step and explain: the row that follows the step's token.
TEST_F(Explain, ComesAfterTheStep) {
  testing::AddEntry(1, 0, RowAt(0), &request_);
  EXPECT_EQ(Call().position(), 1u);
}

TEST_F(Explain, NamesWhatIsWrongAndAnswersTheOthers) {
  *request_.add_explain() = request_.explain(0);
  explain_ = request_.mutable_explain(0);
  explain_->set_session_id(77);
  const v1::SampleResponse reply = stream_.Call(request_);
  request_.clear_open();
  ASSERT_EQ(reply.explained_size(), 2);
  EXPECT_EQ(StatusOf(reply.explained(0).error()).code(), Code::kNotFound);
  EXPECT_EQ(reply.explained(0).stages_size(), 0);
  EXPECT_FALSE(reply.explained(1).has_error());
  request_.mutable_explain()->RemoveLast();
  explain_ = request_.mutable_explain(0);
  explain_->set_session_id(1);

  explain_->set_top_n(129);
  EXPECT_THAT(Error(), StatusIs(Code::kResourceExhausted,
                                "explain[0].top_n: 129 tokens are more than "
                                "--max_top_n 128"));
  explain_->clear_top_n();
  explain_->set_ids(IdBytes({300}));
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "explain[0].ids: 300 is outside [0, 300)"));
  explain_->set_ids(IdBytes(std::vector<uint32_t>(129, 1)));
  EXPECT_THAT(Error(), StatusIs(Code::kResourceExhausted,
                                "explain[0].ids: 129 tokens are more than "
                                "--max_top_n 128"));
  explain_->clear_ids();
  explain_->set_attempt(1u << 24);
  EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument,
                                "explain[0].attempt: 16777216 is outside [0, "
                                "16777215]"));
  explain_->clear_attempt();
  explain_->set_mask("123");
  EXPECT_EQ(Error().code(), Code::kInvalidArgument);
  explain_->clear_mask();
  explain_->mutable_open()->set_vocab_size(3);
  EXPECT_EQ(Error().code(), Code::kInvalidArgument);
  explain_->clear_open();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> row = RowAt(0);
  row[3] = nan;
  explain_->mutable_logits()->set_inline_(FloatBytes(row));
  EXPECT_EQ(Error().code(), Code::kInvalidArgument);
}

TEST_F(Explain, HasAtMostSixteenElements) {
  while (request_.explain_size() < 17) {
    *request_.add_explain() = request_.explain(0);
  }
  EXPECT_THAT(StatusOf(stream_.Call(request_).error()),
              StatusIs(Code::kResourceExhausted,
                       "explain: 17 elements are more than 16"));
}

}  // namespace
}  // namespace logitd
