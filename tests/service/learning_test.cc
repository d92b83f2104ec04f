// What reinforcement learning needs of one reply: all that makes a token again,
// and the probabilities that it was drawn with.
#include <iostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/sampler/targets.h"
#include "tests/service/learning_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::IdBytes;
using ::testing::IsNan;
using testing::kVocab;
using testing::RowAt;
using tests::Dice;
using tests::Effort;
using tests::Shape;

TEST_F(Learning, HasAllThatATrainerNeedsInOneReply) {
  v1::SampleRequest request;
  const auto open = [&](uint64_t id, double temperature) {
    v1::OpenSession* wire = AddOpen(id, kVocab, &request);
    wire->mutable_params()->set_temperature(temperature);
    AskForAll(wire);
    AddEntry(id, 0, RowAt(0), &request);
    return wire;
  };
  open(1, 0.7)->mutable_params()->set_top_k(20);
  open(2, 0);
  open(3, 1)->mutable_report()->Clear();
  open(4, 1)->mutable_params()->set_forced_tokens(IdBytes({7}));
  const v1::StepResult step = stream_.Call(request).step();

  EXPECT_THAT(step.kept(), ElementsAre(20, 1, kVocab, 1));
  ASSERT_THAT(step.kept_offset(), ElementsAre(0, 20, 21, 21, 22));
  EXPECT_EQ(step.kept_ids().inline_().size(), 4 * step.kept_offset(4));
  EXPECT_THAT(KeptIdsOf(step, 0), ::testing::Contains(step.token(0)));
  EXPECT_NEAR(step.kept_mass(0),
              std::exp(step.tempered_logprob(0) - step.final_logprob(0)),
              kNear);
  for (const int i : {1, 3}) {  // greedy and forced: no draw
    EXPECT_THAT(KeptIdsOf(step, i), ElementsAre(step.token(i)));
    EXPECT_EQ(step.final_logprob(i), 0);
    EXPECT_EQ(step.tempered_logprob(i), 0);
    EXPECT_EQ(step.kept_mass(i), 1);
  }
  EXPECT_EQ(step.token(3), 7u);
  const std::vector<float> row = RowAt(0);
  EXPECT_NEAR(
      step.final_logprob(2),
      LogSoftmax({row.begin(), row.end()}, AllIds(kVocab), step.token(2)),
      kNear);
  EXPECT_THAT((std::vector{step.tempered_logprob(2), step.kept_mass(2)}),
              Each(IsNan()));  // it did not ask
}

// Seed and fingerprint of the reply draw the tokens again, on another stream,
// and refuse parameters that would draw others.
TEST_F(Learning, HasWhatDrawsTheTokensAgain) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, kVocab, &request);
  open->clear_seed();
  open->mutable_params()->set_top_p(0.9);
  for (uint32_t i = 0; i < 8; ++i) AddEntry(1, i, RowAt(i), &request);
  const v1::SampleResponse first = stream_.Call(request);
  ASSERT_EQ(first.step().token_size(), 8);
  EXPECT_EQ(first.opened(0).fingerprint().size(), 16u);
  open->set_seed(first.opened(0).seed());
  open->set_expected_fingerprint(first.opened(0).fingerprint());
  testing::TestStream other(server_);
  const v1::SampleResponse again = other.Call(request);
  EXPECT_THAT(again.step().token(), ElementsAreArray(first.step().token()));
  EXPECT_THAT(again.step().final_logprob(),
              ElementsAreArray(first.step().final_logprob()));

  open->set_session_id(2);
  open->mutable_params()->set_top_p(0.8);
  EXPECT_EQ(testing::StatusOf(other.Call(request).opened(0).error()).code(),
            absl::StatusCode::kFailedPrecondition);
}

// ---- log-probabilities ------------------------------------------------------

// Some of the truncations, or mirostat, which takes no other beside it.
void SetTruncation(Dice* dice, v1::SamplingParams* params) {
  const auto is_on = [dice] { return dice->Chance(0.25); };
  const auto share = [dice] { return 0.4 + 0.59 * dice->Unit(); };
  if (dice->Chance(0.1)) return params->set_mirostat(1 + dice->Below(2));
  if (is_on()) params->set_top_k(2 + dice->Below(200));
  if (is_on()) params->set_top_p(share());
  if (is_on()) params->set_min_p(0.2 * dice->Unit());
  if (is_on()) params->set_typical_p(share());
  if (is_on()) params->set_top_n_sigma(1 + 3 * dice->Unit());
  if (is_on()) params->set_epsilon_cutoff(0.01 * dice->Unit());
  if (is_on()) params->set_eta_cutoff(0.01 * dice->Unit());
  if (is_on()) params->set_top_a(0.3 * dice->Unit());
  if (is_on()) params->set_tail_free(share());
  if (is_on()) params->set_top_h(share());
  if (dice->Chance(0.05)) params->set_p_less(true);
  if (is_on()) params->set_xtc_probability(0.5);
}

// What changes single logits, and a constant temperature. A dialect or
// penalties: dialects have these in another order, or count other tokens.
void SetShaping(uint32_t vocab_size, Dice* dice, v1::SamplingParams* params) {
  const auto is_on = [dice] { return dice->Chance(0.4); };
  params->set_temperature(
      dice->OneOf(std::vector<double>{0.3, 0.6, 0.7, 0.9, 1, 1.1, 1.3, 2}));
  if (is_on()) params->set_banned_ids(IdBytes({dice->Below(vocab_size)}));
  if (is_on()) {
    params->set_logit_bias_ids(IdBytes({0, 1 + dice->Below(vocab_size - 1)}));
    params->add_logit_bias_values(4 * dice->Unit() - 2);
    params->add_logit_bias_values(200 * dice->Unit() - 100);
  }
  if (is_on()) {
    return params->set_dialect(static_cast<v1::Dialect>(dice->Below(6)));
  }
  if (is_on()) params->set_repetition_penalty(0.8 + 0.7 * dice->Unit());
  if (is_on()) params->set_prompt_repetition_penalty(0.8 + dice->Unit());
  if (is_on()) params->set_frequency_penalty(2 * dice->Unit() - 1);
  if (is_on()) params->set_presence_penalty(2 * dice->Unit() - 1);
}

double Gap(double a, double b) { return a == b ? 0 : std::abs(a - b); }

// Four tokens of a session, whose knobs and rows the dice decide.
struct Rollout {
  Ids prompt;
  std::vector<Logits> rows;
  v1::SampleResponse reply;

  const v1::SamplingParams& params() const {
    return reply.opened(0).resolved();
  }
  // What the trainer makes of row i.
  Logits At(int i) const {
    const auto& tokens = reply.step().token();
    return Tempered(rows[static_cast<size_t>(i)], params(), prompt,
                    Ids(tokens.begin(), tokens.begin() + i));
  }
};

// The worst of what was compared.
struct Errors {
  double final = 0, tempered = 0, mass = 0;
  int rows = 0, cut = 0, outside = 0;

  void Print() const {
    std::cout << "  " << rows << " rows, " << cut << " of them cut, " << outside
              << " tokens cut away; worst errors: final " << final
              << ", tempered " << tempered << ", kept mass " << mass << "\n";
  }
};

class LearningLogprobs : public Learning {
 protected:
  // `is_given`: any tokens, in place of drawn ones.
  Rollout Roll(uint32_t vocab_size, v1::Dtype dtype, bool is_given,
               Dice* dice) {
    Rollout rollout;
    v1::SampleRequest request;
    request.add_close()->set_session_id(1);
    v1::OpenSession* open = AddOpen(1, vocab_size, &request);
    open->set_seed(dice->Next());
    AskForAll(open);
    SetTruncation(dice, open->mutable_params());
    SetShaping(vocab_size, dice, open->mutable_params());
    for (int i = 0; i < 3; ++i) {
      rollout.prompt.push_back(dice->Below(vocab_size));
    }
    open->set_prompt(IdBytes(rollout.prompt));
    const Shape shape = dice->OneOf(std::vector<Shape>{
        Shape::kNormal, Shape::kPeaked, Shape::kHoles, Shape::kLevels,
        Shape::kBlockEdges, Shape::kGap, Shape::kShiftedUp});
    for (uint32_t i = 0; i < 4; ++i) {
      rollout.rows.push_back(
          AddRow(3 + i, tests::MakeRow(shape, vocab_size, dice->Next()), dtype,
                 &request));
      if (!is_given) continue;
      request.mutable_step()->add_mode(v1::ENTRY_MODE_GIVEN);
      request.mutable_step()->add_given_token(dice->Below(vocab_size));
    }
    rollout.reply = stream_.Call(request);
    EXPECT_EQ(rollout.reply.step().status_size(), 4);
    EXPECT_THAT(rollout.reply.step().status(), Each(v1::ENTRY_STATUS_OK))
        << rollout.reply.ShortDebugString();
    return rollout;
  }

  // `per_nat`: what is allowed beside kNear for each nat that a token lies
  // below the largest.
  static void Compare(const Rollout& rollout, double per_nat, Errors* errors) {
    const v1::StepResult& step = rollout.reply.step();
    for (int i = 0; i < step.token_size(); ++i) {
      SCOPED_TRACE(rollout.params().ShortDebugString());
      const Logits l = rollout.At(i);
      const Ids kept = KeptIdsOf(step, i);
      ASSERT_EQ(kept.size(), step.kept(i));
      const uint32_t token = step.token(i);
      const double below = *std::max_element(l.begin(), l.end()) - l[token];
      const double near = kNear + (below < kInfinity ? below * per_nat : 0);
      const double final =
          Gap(step.final_logprob(i), LogSoftmax(l, kept, token));
      const double tempered =
          Gap(step.tempered_logprob(i), LogSoftmax(l, AllIds(l.size()), token));
      ASSERT_LE(final, near);
      ASSERT_LE(tempered, near);
      ++errors->rows;
      errors->cut += kept.size() > 1 && kept.size() < l.size() ? 1 : 0;
      errors->final = std::max(errors->final, final);
      errors->tempered = std::max(errors->tempered, tempered);
      if (step.final_logprob(i) == -kInfinity) {
        ++errors->outside;
        continue;
      }
      const double share =
          std::exp(step.tempered_logprob(i) - step.final_logprob(i));
      const double mass = Gap(step.kept_mass(i) / share, 1);
      ASSERT_LE(mass, near);
      errors->mass = std::max(errors->mass, mass);
    }
  }
};

constexpr v1::Dtype kDtypes[] = {v1::DTYPE_FLOAT32, v1::DTYPE_FLOAT16,
                                 v1::DTYPE_BFLOAT16};

// Of drawn tokens: one more than some ten nats below the largest hardly comes.
TEST_F(LearningLogprobs, AreThoseOfAFloat64SoftmaxOverTheKeptIds) {
  struct Size {
    uint32_t vocab_size;
    int rollouts;  // of each dtype
  };
  Errors errors;
  for (const Size size : {Size{40, 300}, Size{300, 400}, Size{1031, 200},
                          Size{4096, 200}, Size{32000, 20}, Size{151936, 3}}) {
    for (const v1::Dtype dtype : kDtypes) {
      Dice dice(size.vocab_size * 4 + static_cast<uint32_t>(dtype));
      for (int r = 0; r < Effort(size.rollouts); ++r) {
        Compare(Roll(size.vocab_size, dtype, false, &dice), 0, &errors);
        if (HasFailure()) return;
      }
    }
  }
  errors.Print();
  EXPECT_GT(errors.cut, errors.rows / 3);
}

// A token's distance to the largest logit, over the temperature, is a float32
// by the specification: its difference, the factor and the product are rounded,
// each by 2^-24 of it at most.
TEST_F(LearningLogprobs, OfAnyTokenAreThoseToTheRoundingOfAFloat32) {
  Errors errors;
  for (const v1::Dtype dtype : kDtypes) {
    Dice dice(static_cast<uint64_t>(dtype));
    for (int r = 0; r < Effort(400); ++r) {
      Compare(Roll(1031, dtype, true, &dice), 3 * 0x1p-24, &errors);
      if (HasFailure()) return;
    }
  }
  errors.Print();
  EXPECT_GT(errors.outside, errors.rows / 3);
}

}  // namespace
}  // namespace logitd
