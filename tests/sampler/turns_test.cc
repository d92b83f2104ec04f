// Turning a knob moves the distribution as the contract says: the knobs that
// no test of their stage turns. knob_tests.tsv says which test turns which.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

const std::vector<float> kLadder = {4, 3, 2, 1, 0, -1};

class Turns : public Sampling {
 protected:
  // The ids that a flat row punishes after that output.
  TokenIds Punished(const Params& params, const TokenIds& output,
                    const TokenIds& prompt = {}) {
    Case c = Question(std::vector<float>(12, 1), params);
    c.prompt = prompt;
    c.output = output;
    const Outcome outcome = Ask(c);
    TokenIds ids;
    for (const TopToken& top : outcome.top_final) {
      if (top.logprob < outcome.top_final[0].logprob) ids.push_back(top.id);
    }
    return ids;
  }
};

TEST_P(Turns, TopPFadesFromTokenToTokenToItsLeastUntilAReset) {
  Case c = Question(std::vector<float>(100, 0));
  const auto kept_after = [&](const TokenIds& output) {
    c.output = output;
    return Ask(c).kept;
  };
  const TokenIds five(5, 1);
  EXPECT_EQ(kept_after(five), 100u);
  c.params.top_p_decay = .75;
  EXPECT_EQ(kept_after({}), 100u) << "the first value";
  EXPECT_EQ(kept_after({1}), 75u);
  EXPECT_EQ(kept_after({1, 1}), 57u);
  EXPECT_EQ(kept_after(five), 24u);
  c.params.top_p_decay = .5;
  EXPECT_EQ(kept_after(five), 4u) << "a smaller factor fades faster";
  c.params.top_p_min = .25;
  EXPECT_EQ(kept_after(five), 25u);
  c.params.top_p_min = .5;
  EXPECT_EQ(kept_after(five), 50u);
  c.params.top_p_reset_ids = {7};
  EXPECT_EQ(kept_after(five), 50u);
  EXPECT_EQ(kept_after({1, 1, 1, 1, 7}), 100u);
  EXPECT_EQ(kept_after({1, 1, 7, 1}), 50u) << "and fades again";
}

TEST_P(Turns, MirostatLearnsMoreFromATokenWithALargerEta) {
  for (const uint32_t version : {1u, 2u}) {
    Case c = Question(kLadder);
    c.params.mirostat = version;
    c.params.mirostat_tau = 3;
    c.feedback.mu = 9.0;
    c.given = 0;  // surprises by less than tau, so mu grows
    const double by_default = *Ask(c).feedback.mu;
    double before = 9;
    for (const double eta : {.01, .1, .5, 1.0}) {
      c.params.mirostat_eta = eta;
      const double mu = *Ask(c).feedback.mu;
      EXPECT_GT(mu, before) << eta;
      if (eta == .1) {
        EXPECT_EQ(mu, by_default);
      }
      before = mu;
    }
  }
}

// What the token before the last one was matters the more; with 0 not at all.
TEST_P(Turns, AdaptivePRemembersMoreWithALargerDecay) {
  const auto after = [&](const TokenIds& tokens, std::optional<double> decay) {
    Case c = Question(LogitsOf({.6, .25, .1, .05}));
    c.params.adaptive_p_target = .3;
    c.params.adaptive_p_decay = decay;
    for (const uint32_t token : tokens) {
      c.given = token;
      c.feedback = Ask(c).feedback;
    }
    c.given.reset();
    return std::pair(c.feedback.sums->weighted / c.feedback.sums->total,
                     ProbabilityOf(Ask(c), 0));
  };
  double before = -1;
  for (const double decay : {0.0, .1, .3, .5}) {
    const auto [high, p_after_high] = after({0, 3}, decay);
    const auto [low, p_after_low] = after({3, 3}, decay);
    EXPECT_GT(high - low, before) << decay;
    EXPECT_EQ(p_after_high == p_after_low, decay == 0);
    EXPECT_LE(p_after_high, p_after_low) << "more was drawn above the target";
    before = high - low;
  }
  EXPECT_EQ(after({0, 3}, .9), after({0, 3}, std::nullopt));
}

TEST_P(Turns, AWiderWindowPunishesTokensThatAreLongerAgo) {
  struct Penalty {
    std::optional<double> Params::*value;
    std::optional<uint32_t> Params::*window;
  };
  const Penalty penalties[] = {
      {&Params::repetition_penalty, &Params::repetition_window},
      {&Params::frequency_penalty, &Params::frequency_window},
      {&Params::presence_penalty, &Params::presence_window}};
  for (const Penalty& penalty : penalties) {
    Params params;
    params.*penalty.value = 2;
    EXPECT_THAT(Punished(params, {5, 3, 8}), UnorderedElementsAre(5, 3, 8));
    for (const uint32_t window : {1u, 2u, 3u, 1000u}) {
      params.*penalty.window = window;
      const TokenIds output = {5, 3, 8};
      const size_t seen = std::min<size_t>(window, 3);
      EXPECT_THAT(
          Punished(params, output),
          testing::UnorderedElementsAreArray(
              output.end() - static_cast<std::ptrdiff_t>(seen), output.end()));
    }
  }
}

TEST_P(Turns, ExcludedIdsAreNotPunished) {
  for (const int which : {0, 1, 2, 3, 4}) {
    Params params;
    if (which == 0) params.repetition_penalty = 2;
    if (which == 1) params.frequency_penalty = 2;
    if (which == 2) params.presence_penalty = 2;
    if (which == 3) params.prompt_repetition_penalty = 2;
    if (which == 4) {
      params.dry_multiplier = 2;
      params.dry_allowed_length = 1;
    }
    const TokenIds tokens = {7, 3, 7, 5, 7};  // after a 7 a 3, or a 5
    EXPECT_THAT(Punished(params, tokens, tokens), testing::IsSupersetOf({3, 5}))
        << which;
    params.penalty_exclude_ids = {3};
    const TokenIds left = Punished(params, tokens, tokens);
    EXPECT_THAT(left, testing::Contains(5u)) << which;
    EXPECT_THAT(left, testing::Not(testing::Contains(3u))) << which;
  }
}

TEST_P(Turns, DryPunishesMoreWithALargerMultiplierAndBase) {
  // 1 2 3 4 1 2 3: the 4 would prolong three tokens.
  Case c = Question(std::vector<float>(12, 1));
  c.output = {1, 2, 3, 4, 1, 2, 3};
  const auto fall = [&] {
    const Outcome outcome = Ask(c);
    return std::log(ProbabilityOf(outcome, 0) / ProbabilityOf(outcome, 4));
  };
  EXPECT_EQ(fall(), 0);
  double before = -1;
  for (const double multiplier : {0.0, .1, .8, 3.0}) {
    c.params.dry_multiplier = multiplier;
    EXPECT_GT(fall(), before) << multiplier;
    EXPECT_NEAR(fall(), multiplier * 1.75, 1e-5) << "three are one too many";
    before = fall();
  }
  before = 0;
  for (const double base : {1.0, 1.75, 2.5}) {
    c.params.dry_base = base;
    EXPECT_GT(fall(), before) << base;
    EXPECT_NEAR(fall(), 3 * base, 1e-5);
    before = fall();
  }
}

TEST_P(Turns, OnlyAllowedIdsStayAndBannedOnesGo) {
  Params params;
  params.allowed_ids = {1, 4, 5};
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(1, 4, 5));
  const Outcome alone = Ask(Question({3, 0, -1}));
  const Outcome among = Ask(kLadder, params);
  EXPECT_NEAR(ProbabilityOf(among, 1), ProbabilityOf(alone, 0), 1e-6);
  params.banned_ids = {4};
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(1, 5));
  params.allowed_ids.clear();
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(0, 1, 2, 3, 5));
}

TEST_P(Turns, BannedEosIsNotChosenAndIgnoredEosMayBe) {
  Params params;
  params.eos_ids = {0, 3};
  EXPECT_EQ(Ask(kLadder, params).kept, 6u);
  params.ignore_eos = true;
  EXPECT_EQ(Ask(kLadder, params).kept, 6u);
  params.ban_eos = true;
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(1, 2, 4, 5));
}

// The two schools of sampling, by the same two knobs.
TEST_P(Turns, StepsActInTheOrderTheyAreNamed) {
  Params params;
  params.temperature = 2;
  params.min_p = .1;
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(0, 1, 2, 3, 4));
  params.steps = {Stage::kTemperature, Stage::kMinP};
  EXPECT_THAT(Probabilities(Ask(kLadder, params)),
              AreAbout({.4287, .2600, .1577, .0956, .0580}));
  params.steps = {Stage::kMinP, Stage::kTemperature};
  EXPECT_THAT(Probabilities(Ask(kLadder, params)),
              AreAbout({.5065, .3072, .1863}));
}

LOGITD_ON_EACH_TARGET(Turns);

}  // namespace
}  // namespace logitd::tests
