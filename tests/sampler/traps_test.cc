// Known traps of samplers that no other test steps on: traps.tsv has them all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/sampler/ask.h"
#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

const std::vector<float> kLadder = {4, 3, 2, 1, 0, -1};

class Traps : public Sampling {};

TEST_P(Traps, TypicalAfterTopNSigmaMeetsNoBannedToken) {
  // One that took what top_n_sigma removed for p = 0 had NaN for an entropy.
  Params params;
  params.top_n_sigma = 1.2;  // leaves 0, 1 and 2
  params.top_k = 5;
  params.typical_p = .999;
  const Outcome both = Ask(kLadder, params);
  EXPECT_THAT(KeptIds(both), ElementsAre(0, 1, 2));
  EXPECT_TRUE(std::isfinite(both.final_entropy));
  params.typical_p = .2;  // of 4, 3 and 2 the first is the most typical
  EXPECT_THAT(KeptIds(Ask(kLadder, params)),
              ElementsAre(KeptIds(Ask({4, 3, 2}, [] {
                Params alone;
                alone.typical_p = .2;
                return alone;
              }()))[0]));
}

TEST_P(Traps, TailFreeOfOneOrTwoCandidatesKeepsThem) {
  for (const double z : {1e-9, .5, .95}) {
    Params params;
    params.tail_free = z;
    EXPECT_EQ(Ask({3}, params).kept, 1u);
    EXPECT_EQ(Ask({3, -5}, params).kept, 2u);
    EXPECT_EQ(Ask({3, kBannedLogit, -5}, params).kept, 2u);
    params.top_k = 2;
    EXPECT_EQ(Ask(kLadder, params).kept, 2u);
    params.top_k = 1;
    EXPECT_EQ(Ask(kLadder, params).kept, 1u);
  }
}

TEST_P(Traps, CutsMeasureTheTemperedDistribution) {
  // T = 1: .6337 .2331 .0858 .0315 .0116 .0043
  // T = 2: .4141 .2512 .1523 .0924 .0560 .0340
  // T = 4: .2847 .2217 .1727 .1345 .1047 .0816
  const auto kept = [&](double temperature, const auto& set) {
    Params params;
    params.temperature = temperature;
    set(&params);
    return Ask(kLadder, params).kept;
  };
  const auto epsilon = [](Params* p) { p->epsilon_cutoff = .05; };
  EXPECT_EQ(kept(1, epsilon), 3u);
  EXPECT_EQ(kept(2, epsilon), 5u);
  const auto top_a = [](Params* p) { p->top_a = .3; };
  EXPECT_EQ(kept(1, top_a), 2u);  // .3 * .6337^2 = .1205
  EXPECT_EQ(kept(2, top_a), 5u);  // .3 * .4141^2 = .0514
  const auto p_less = [](Params* p) { p->p_less = true; };
  EXPECT_EQ(kept(1, p_less), 1u);  // the sum of the squares is .4644
  EXPECT_EQ(kept(4, p_less), 2u);  // and here .1958
  const auto xtc = [](Params* p) { p->xtc_probability = 1; };
  EXPECT_EQ(kept(1, xtc), 5u);  // two reach .1, and one of them goes
  EXPECT_EQ(kept(2, xtc), 4u);  // three do
  const auto min_p = [](Params* p) { p->min_p = .1; };
  EXPECT_EQ(kept(1, min_p), 3u);
  EXPECT_EQ(kept(2, min_p), 5u);
  Params hot;
  hot.temperature = 2;
  hot.min_p = .1;
  EXPECT_THAT(Probabilities(Ask(kLadder, hot)),
              AreAbout({.4287, .2600, .1577, .0956, .0580}));
}

TEST_P(Traps, GreedyIsDecidedAfterBansBiasAndPenalties) {
  Params params;
  params.temperature = 0;
  params.presence_penalty = 2;
  Case c = Question({2, 1.5f, 1}, params);
  EXPECT_EQ(Ask(c).token, 0u);
  c.output = {0};
  EXPECT_EQ(Ask(c).token, 1u) << "the penalty comes first";
  c.params = Params();
  c.params.temperature = 0;
  c.params.logit_bias_ids = {2};
  c.params.logit_bias_values = {5};
  EXPECT_EQ(Ask(c).token, 2u) << "the bias too";
  c.params.banned_ids = {2};
  EXPECT_EQ(Ask(c).token, 0u) << "and bans";
}

// Cuts that remove the first of the rank.
TEST_P(Traps, GreedyIsDecidedBeforeTheCuts) {
  for (const bool is_typical : {true, false}) {
    Params params;
    if (is_typical) params.typical_p = .2;
    if (!is_typical) params.xtc_probability = 1;
    const Outcome drawn = Ask(kLadder, params);
    ASSERT_THAT(KeptIds(drawn), Not(Contains(0)));
    params.temperature = 0;
    const Outcome greedy = Ask(kLadder, params);
    EXPECT_TRUE(greedy.greedy);
    EXPECT_EQ(greedy.token, 0u);
    EXPECT_THAT(KeptIds(greedy), ElementsAre(0));
  }
}

TEST_P(Traps, ATinyTemperatureOverflowsNothing) {
  Params params;
  params.temperature = 1e-5;  // the least that draws
  constexpr float kMax = std::numeric_limits<float>::max();
  // Divided first, all of them are infinite, and their differences NaN.
  for (const float high : {kMax, 1e35f}) {
    const Outcome outcome = Ask({-kMax, high, high, high / 2, 0}, params);
    EXPECT_EQ(outcome.kept, 5u);
    EXPECT_THAT(Probabilities(outcome), AreAbout({.5, .5, 0, 0, 0}));
    EXPECT_NEAR(outcome.final_logprob, -std::log(2), 1e-6);
    EXPECT_NEAR(outcome.final_entropy, std::log(2), 1e-6);
    EXPECT_THAT(outcome.token, AnyOf(1u, 2u));
  }
  // Neighbours: 7.6e-6 apart here, and a whole unit at 1e7.
  const Outcome close = Ask({100, std::nextafter(100.0f, 0.0f)}, params);
  EXPECT_THAT(Probabilities(close), AreAbout({.6820, .3180}));
}

// One that is asked of the token drawn would find no token of it among two.
TEST_P(Traps, AMaskIsAskedBeforeTheCutsAndTheDraw) {
  Case c = Question(kLadder);
  c.has_mask = true;
  c.mask = {0b111100};  // bans 0 and 1
  c.params.top_k = 2;
  const Outcome outcome = Ask(c);
  EXPECT_THAT(KeptIds(outcome), ElementsAre(2, 3));
  EXPECT_THAT(Probabilities(outcome), AreAbout({.7311, .2689}));
  c.params = Params();
  EXPECT_THAT(Probabilities(Ask(c)), AreAbout({.6439, .2369, .0871, .0321}));
}

TEST_P(Traps, AFloorKeepsWhatEqualsIt) {
  const auto floor = static_cast<float>(ScalarLogD(.25));
  Params params;
  params.min_p = .25;
  EXPECT_THAT(KeptIds(Ask({0, floor, std::nextafter(floor, -9.0f)}, params)),
              ElementsAre(0, 1));
  params.min_p = 1;
  EXPECT_THAT(KeptIds(Ask({0, 1, 1}, params)), ElementsAre(1, 2));
}

// 5.02, 5.03 and 5.04 are one value in bf16, whose neighbours are 1/32 away.
TEST_P(Traps, TiesOfABfloat16RowGoToTheLowerIds) {
  Case c = Question({1, 5.02f, 5.03f, 5.04f, 3});
  c.params.temperature = 0;
  EXPECT_EQ(Ask(c).token, 3u);
  c.dtype = Dtype::kBfloat16;
  EXPECT_EQ(Ask(c).token, 1u);
  c.params = Params();
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2, 3, 4, 0));
  c.params.top_k = 2;
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2));
  c.params.top_k.reset();
  c.params.top_p = .5;  // .3176 each
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2));
  c.params.top_p.reset();
  c.params.min_p = 1;
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2, 3));
}

TEST_P(Traps, ThePenalisedGreedyTokenMayNotHaveTheLargestRawLogprob) {
  Case c = Question({2, 1.5f, 1});
  c.params.temperature = 0;
  c.params.presence_penalty = 1;
  c.output = {0};
  const Outcome outcome = Ask(c);
  EXPECT_EQ(outcome.token, 1u);
  EXPECT_EQ(outcome.final_logprob, 0);
  ASSERT_EQ(outcome.top_raw.size(), 3u);
  EXPECT_EQ(outcome.top_raw[0].id, 0u);
  EXPECT_EQ(outcome.raw_logprob, outcome.top_raw[1].logprob);
  EXPECT_LT(outcome.raw_logprob, outcome.top_raw[0].logprob);
}

LOGITD_ON_EACH_TARGET(Traps);

}  // namespace
}  // namespace logitd::tests
