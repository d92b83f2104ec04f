// Guidance by a second row: its formula, its direction, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "tests/sampler/ask.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

using ::testing::HasSubstr;

Case Guided(double scale, std::vector<float> conditional,
            std::vector<float> unconditional) {
  Case c = Question(std::move(conditional));
  c.guidance = std::move(unconditional);
  c.params.guidance_scale = scale;
  return c;
}

class Guidance : public Sampling {};

TEST_P(Guidance, MovesMassTowardsWhatTheConditionPrefers) {
  const std::vector<float> conditional = LogitsOf({.4, .3, .2, .1});
  const std::vector<float> unconditional = LogitsOf({.4, .1, .2, .3});
  double before = 0, other = 1;
  for (const double scale : {0.0, 0.5, 0.999, 1.5, 3.0, 10.0}) {
    const Outcome outcome = Ask(Guided(scale, conditional, unconditional));
    EXPECT_GT(ProbabilityOf(outcome, 1), before) << scale;
    EXPECT_LT(ProbabilityOf(outcome, 3), other) << scale;
    before = ProbabilityOf(outcome, 1);
    other = ProbabilityOf(outcome, 3);
  }
}

TEST_P(Guidance, IsTheFormulaOfItsPaper) {
  // p_c^g / p_u^(g-1), normalised: .16/.4, .09/.1, .04/.2, .01/.3.
  const Outcome outcome =
      Ask(Guided(2, LogitsOf({.4, .3, .2, .1}), LogitsOf({.4, .1, .2, .3})));
  EXPECT_EQ(KeptIds(outcome), (TokenIds{1, 0, 2, 3}));
  EXPECT_THAT(Probabilities(outcome), AreAbout({.5870, .2609, .1304, .0217}));
  EXPECT_NEAR(std::exp(outcome.raw_logprob),
              (std::vector<double>{.4, .3, .2, .1})[outcome.token], 1e-6)
      << "raw is the conditional row's";
}

TEST_P(Guidance, ZeroIsTheUnconditionalDistribution) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<float> other = MakeRow(Shape::kPeaked, 500, seed);
    const Case plain = Question(other);
    const Case guided = Guided(0, MakeRow(Shape::kNormal, 500, seed), other);
    const Outcome expected = Ask(plain), got = Ask(guided);
    ASSERT_EQ(got.kept, expected.kept);
    for (const TopToken& top : expected.top_final) {
      EXPECT_NEAR(ProbabilityOf(got, top.id), std::exp(top.logprob), 1e-5);
    }
  }
}

TEST_P(Guidance, KeepsBansAndTakesTheConditionalsForTheOthers) {
  const float ban = kBannedLogit;
  Outcome o = Ask(Guided(3, {1, ban, 2, 0}, {1, 5, ban, 0}));
  EXPECT_EQ(o.kept_ids, (TokenIds{0, 2, 3}));
  // All unconditional ones -inf: the conditional distribution.
  const std::vector<float> row = LogitsOf({.5, .25, .25});
  for (const double scale : {0.0, 2.0, 100.0}) {
    o = Ask(Guided(scale, row, {ban, ban, ban}));
    EXPECT_THAT(Probabilities(o), AreAbout({.5, .25, .25})) << scale;
  }
  EXPECT_THAT(Fail(Guided(2, {ban, ban}, {0, 0})).message(),
              HasSubstr("every logit of the row is -inf"));
}

TEST_P(Guidance, SaturatesAndNeverMakesMinusZero) {
  const float most = std::numeric_limits<float>::max();
  const Case c = Guided(100, {most, -most, 0, most}, {-most, most, 0, -most});
  const Outcome outcome = Ask(c);
  EXPECT_EQ(KeptIds(outcome)[0], 0u);
  EXPECT_NEAR(ProbabilityOf(outcome, 0), .5, 1e-6);
  EXPECT_NEAR(ProbabilityOf(outcome, 3), .5, 1e-6);
  EXPECT_EQ(outcome.kept, 4u) << "-FLT_MAX is not a ban";
}

TEST_P(Guidance, AndItsRowGoTogether) {
  Case c = Guided(2, {1, 2}, {2, 1});
  Case lacks = c;
  lacks.guidance.clear();
  EXPECT_EQ(Fail(lacks).message(),
            "guidance_row: required, guidance_scale is on");
  for (const bool set : {false, true}) {
    Case off = c;
    off.params.guidance_scale.reset();
    if (set) off.params.guidance_scale = 1;
    EXPECT_EQ(Fail(off).message(),
              "guidance_row: given, but guidance_scale is off");
  }
  c.guidance[1] = std::nanf("");
  EXPECT_EQ(Fail(c).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Fail(c).message(),
              HasSubstr("guidance_row: NaN or +inf at index 1 "));
  c.params.on_non_finite = OnNonFinite::kBan;
  EXPECT_EQ(Ask(c).kept, 2u) << "its NaN is -inf, which bans nothing";
  EXPECT_EQ(Ask(c).non_finite_banned, 1u);
}

// The exact rows against the textbook's, which are not narrowed from the same
// doubles.
TEST_P(Guidance, OfRowsAreTheTextbooksToARoundingError) {
  int judged = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Case c = MakeCase(Focus::kGuidance, SmallVocabulary(seed), seed);
    const oracle::Answer answer = AskOracle(c);
    if (answer.failure != oracle::Failure::kNone || c.guidance.empty())
      continue;
    if (!c.params.logit_bias_ids.empty()) continue;
    ++judged;
    const double scale = *c.params.guidance_scale;
    for (size_t i = 0; i < answer.logits.size(); ++i) {
      const double textbook = double{answer.guided[i]};
      const double exact = double{answer.logits[i]};
      if (textbook == exact) continue;  // -inf too
      ASSERT_NEAR(exact, textbook,
                  2e-6 * (1 + scale) + std::abs(textbook) * 0x1p-23)
          << c.name << " id " << i;
    }
  }
  EXPECT_GT(judged, 100);
}

LOGITD_ON_EACH_TARGET(Guidance);

}  // namespace
}  // namespace logitd::tests
