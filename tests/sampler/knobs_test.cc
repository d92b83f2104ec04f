// Every knob: turning it moves the distribution as documented, and its extremes
// do no harm.
#include "sampler/knobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "tests/sampler/any_case.h"
#include "tests/sampler/knob_ends.h"
#include "tests/sampler/knob_notes.h"
#include "tests/sampler/knob_rows.h"
#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;

class Knobs : public OnKnobRows {};

// ---- directions

// Rows without ties at the top, so that a knob has something to move.
std::vector<std::vector<float>> LivelyRows() {
  std::vector<std::vector<float>> rows;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const Shape shape = seed % 2 == 0 ? Shape::kNormal : Shape::kPeaked;
    rows.push_back(MakeRow(shape, seed % 3 == 0 ? 1000 : 60, seed));
  }
  return rows;
}

TEST_P(Knobs, EntropyRisesAndTheBestTokenFallsWithTemperature) {
  for (const auto& row : LivelyRows()) {
    double entropy = -1, best = 2;
    for (const double t : {0.0, 1e-5, .1, .3, .7, 1.0, 1.5, 2.0, 10.0, 100.0}) {
      Params params;
      params.temperature = t;
      const Outcome outcome = Ask(row, params);
      EXPECT_GE(outcome.final_entropy, entropy) << t;
      EXPECT_LE(Probabilities(outcome)[0], best + 1e-12) << t;
      entropy = outcome.final_entropy;
      best = Probabilities(outcome)[0];
    }
    EXPECT_LE(entropy, std::log(row.size()) + 1e-5);
  }
}

TEST_P(Knobs, TemperatureNeverChangesTheRank) {
  for (const auto& row : LivelyRows()) {
    const TokenIds plain = KeptIds(Ask(row));
    for (const double t : {.01, .5, 3.0, 100.0}) {
      Params params;
      params.temperature = t;
      EXPECT_EQ(KeptIds(Ask(row, params)), plain) << t;
    }
  }
}

// More of them than a list holds, and no float above them.
TEST_P(Knobs, TopKCountsTiesAtTheLargestFloat) {
  std::vector<float> row(12000, std::numeric_limits<float>::max());
  for (size_t i = 0; i < row.size(); i += 2) row[i] = static_cast<float>(i);
  Params params;
  for (const uint32_t k : {1u, 1000u, 5000u, 6000u, 6001u}) {
    params.top_k = k;
    const Outcome outcome = Ask(row, params);
    EXPECT_EQ(outcome.kept, k);
    ASSERT_EQ(outcome.kept_ids.size(), k);
    EXPECT_EQ(outcome.kept_ids[0], 1u);
    EXPECT_EQ(outcome.kept_ids[k - 1], k > 6000 ? 11999 : 2 * k - 1);
    EXPECT_EQ(KeptIds(outcome)[0], 1u);
  }
}

TEST_P(Knobs, TopKKeepsExactlyKOfTheRankAndTheLowerIdWinsATie) {
  for (int shape = 0; shape < kShapeCount; ++shape) {
    const auto row = MakeRow(static_cast<Shape>(shape), 300, 4);
    const TokenIds rank = KeptIds(Ask(row));
    for (const uint32_t k : {1u, 2u, 7u, 40u, 128u, 129u, 299u}) {
      Params params;
      params.top_k = k;
      TokenIds expected = rank;
      if (expected.size() > k) expected.resize(k);
      const Outcome outcome = Ask(row, params);
      EXPECT_EQ(KeptIds(outcome), expected) << Name(static_cast<Shape>(shape));
      EXPECT_EQ(outcome.kept, expected.size());
    }
  }
  Params two;
  two.top_k = 2;
  EXPECT_THAT(KeptIds(Ask({1, 5, 5, 5}, two)), ElementsAre(1, 2));
}

TEST_P(Knobs, TopPKeepsMoreWithALargerPAndNeverLessThanItsMass) {
  for (const auto& row : LivelyRows()) {
    uint32_t kept = 0;
    for (const double p : {1e-300, .01, .1, .3, .5, .9, .99, .9999, 1.0}) {
      Params params;
      params.top_p = p;
      const Outcome outcome = Ask(row, params);
      EXPECT_GE(outcome.kept, std::max(kept, 1u));
      EXPECT_GE(outcome.kept_mass, p * (1 - 1e-15));
      kept = outcome.kept;
      // Without its last token it would fall short.
      if (kept > 1 && p < 1) {
        const double last = Probabilities(outcome).back() * outcome.kept_mass;
        EXPECT_LT(outcome.kept_mass - last, p + 1e-6);
      }
    }
    EXPECT_EQ(kept, row.size());
  }
}

// p * mass(all) is then the mass of a prefix, to the bit: one token more would
// be one too many.
TEST_P(Knobs, TopPIsReachedByAPrefixOfExactlyItsMass) {
  int exact = 0;
  for (const auto& row : LivelyRows()) {
    const TokenIds rank = KeptIds(Ask(row));
    std::vector<float> all(row.size()), prefix(row.size(), 0.0f);
    for (size_t i = 0; i < row.size(); ++i) {
      all[i] = ScalarExpF(row[i] - row[rank[0]]);
    }
    for (size_t k = 1; k < rank.size(); ++k) {
      const double before = ScalarSum(prefix);
      prefix[rank[k - 1]] = all[rank[k - 1]];
      Params params;
      params.top_p = ScalarSum(prefix) / ScalarSum(all);
      if (*params.top_p * ScalarSum(all) != ScalarSum(prefix)) continue;
      if (*params.top_p == 1 || before == ScalarSum(prefix)) continue;
      ASSERT_EQ(Ask(row, params).kept, k) << *params.top_p;
      ++exact;
    }
  }
  EXPECT_GT(exact, 2000);
}

TEST_P(Knobs, MinPKeepsFewerWithALargerPAndTheRatioHolds) {
  for (const auto& row : LivelyRows()) {
    size_t kept = row.size();
    for (const double p : {1e-9, .001, .02, .1, .5, .9, 1.0}) {
      Params params;
      params.min_p = p;
      const std::vector<double> got = Probabilities(Ask(row, params));
      EXPECT_LE(got.size(), kept) << p;
      EXPECT_THAT(got, Each(Ge(p * got[0] * (1 - 1e-6))));
      kept = got.size();
    }
    EXPECT_EQ(kept, 1u);
  }
  Params all_ties;
  all_ties.min_p = 1;
  EXPECT_THAT(KeptIds(Ask({2, 3, 3, 1, 3}, all_ties)), ElementsAre(1, 2, 4));
}

TEST_P(Knobs, ABannedTokenIsNotMinPsBest) {
  Params params;
  params.min_p = .5;
  params.banned_ids = {0};
  EXPECT_THAT(KeptIds(Ask({50, 3, 2.9f, 1}, params)), ElementsAre(1, 2));
}

TEST_P(Knobs, PenaltiesLowerTheTokensTheySawAndNegativeOnesRaiseThem) {
  struct Penalty {
    const char* name;
    std::vector<double> rising;
    std::optional<double> Params::*value;
  };
  const Penalty penalties[] = {
      {"repetition", {.1, .5, 1, 1.2, 2, 10}, &Params::repetition_penalty},
      {"frequency", {-2, -.5, 0, .3, 2}, &Params::frequency_penalty},
      {"presence", {-2, -.5, 0, .3, 2}, &Params::presence_penalty}};
  for (const auto& row : LivelyRows()) {
    for (const Penalty& penalty : penalties) {
      for (const uint32_t seen : {0u, 5u, 17u}) {
        Case c = Question(row);
        c.output = {seen, seen};
        double first = 0, before = 2;
        for (const double value : penalty.rising) {
          c.params.*penalty.value = value;
          const double p = ProbabilityOf(Ask(c), seen);
          EXPECT_LE(p, before) << penalty.name << " " << value;
          if (before == 2) first = p;
          before = p;
        }
        EXPECT_LT(before, first) << penalty.name;
      }
    }
  }
}

TEST_P(Knobs, ABiasRaisesItsTokenAndLowersTheOthers) {
  for (const auto& row : LivelyRows()) {
    double before = 0;
    for (const double bias : {-100.0, -1.0, 0.0, .5, 3.0, 20.0}) {
      Params params;
      params.logit_bias_ids = {9};
      params.logit_bias_values = {bias};
      const double p = ProbabilityOf(Ask(row, params), 9);
      EXPECT_GT(p, before) << bias;
      before = p;
    }
  }
}

TEST_P(Knobs, AddingAConstantToAllLogitsChangesNoTokenAndNoFinalNumber) {
  Dice dice(8);
  for (int i = 0; i < 200; ++i) {
    std::vector<float> row(1 + dice.Below(400));
    for (float& l : row) l = static_cast<float>(dice.Below(160)) * .125f - 10;
    Case plain = Question(row);
    plain.params.top_p = .9;
    plain.params.temperature = .8;
    plain.at.key.bits = dice.Next();
    Case shifted = plain;
    for (float& l : shifted.logits) l -= 1024;
    const Outcome a = Ask(plain), b = Ask(shifted);
    EXPECT_EQ(a.token, b.token);
    EXPECT_EQ(a.kept, b.kept);
    EXPECT_EQ(a.final_logprob, b.final_logprob);
    EXPECT_EQ(a.kept_mass, b.kept_mass);
  }
}

TEST_P(Knobs, TheOrderOfIdsInAListAndRepetitionsMeanNothing) {
  for (const Case& plain : Rows(1)) {
    if (plain.vocab_size < 8) continue;
    Case once = plain;
    once.params.banned_ids = {1, 2, 3};
    once.params.penalty_exclude_ids = {4, 5};
    once.params.presence_penalty = 1;
    Case twice = once;
    twice.params.banned_ids = {3, 1, 2, 1, 3};
    twice.params.penalty_exclude_ids = {5, 4, 4};
    const Ran first = runner_.Run(once);
    const Ran second = runner_.Run(twice);
    ASSERT_EQ(first.status, second.status);
    if (!first.status.ok()) continue;
    EXPECT_EQ(Difference(first.outcome, second.outcome), "") << plain.name;
    ExpectSameFingerprint(once, twice, "lists");
  }
}

// ---- extremes

TEST_P(Knobs, AtTheirExtremesTheyLeaveADistributionOnEveryRow) {
  for (const Case& plain : Rows(2)) {
    for (const RealKnob& knob : kRealKnobs) {
      for (const double value : {LeastOf(knob), MostOf(knob)}) {
        Case turned = plain;
        turned.params.*knob.value = value;
        if (knob.value == &Params::guidance_scale) {
          turned.guidance = MakeRow(Shape::kPeaked, plain.vocab_size, 5);
        }
        const Outcome outcome = Ask(turned);
        EXPECT_LT(outcome.token, plain.vocab_size);
        EXPECT_GT(outcome.final_logprob, -200) << knob.name << plain.name;
        EXPECT_LE(outcome.final_logprob, 0) << knob.name << plain.name;
        if (outcome.kept > kTopMax) continue;
        const std::vector<double> p = Probabilities(outcome);
        EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1, 2e-6)
            << knob.name << " " << value << " on " << plain.name;
      }
    }
  }
}

TEST_P(Knobs, BiasAndPenaltiesSaturateInsteadOfBecomingInfinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  Params params;
  params.logit_bias_ids = {0, 1};
  params.logit_bias_values = {100, -100};
  params.repetition_penalty = .1;
  Case c = Question({kMax, -kMax, 0}, params);
  c.output = {0, 1, 2};
  const Outcome outcome = Ask(c);
  EXPECT_EQ(outcome.token, 0u);
  EXPECT_EQ(outcome.kept, 3u) << "saturated is not banned";
  EXPECT_EQ(outcome.final_logprob, 0);
}

// No straight line leads from a value that many share to the largest float.
TEST_P(Knobs, TopKCutsTiedRowsWithTheLargestLogitThereIs) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Dice dice(seed);
    Case c = Question(std::vector<float>(32001));
    const float step = seed % 2 == 0 ? 1e37f : 1.0f;
    for (float& l : c.logits) l = static_cast<float>(dice.Below(9)) * step;
    c.logits[dice.Below(32001)] = std::numeric_limits<float>::max();
    c.params.top_k = 1 + dice.Below(12000);
    EXPECT_EQ(Ask(c).kept, *c.params.top_k) << seed;
  }
}

TEST_P(Knobs, NothingRevivesABannedToken) {
  Case c = Question({1, kBannedLogit, 2, 3, 4});
  c.has_mask = true;
  c.mask = {0b10111};  // bans 3
  c.params.banned_ids = {2};
  c.params.logit_bias_ids = {1, 2, 3};
  c.params.logit_bias_values = {100, 100, 100};
  c.params.presence_penalty = -2;
  c.params.repetition_penalty = .1;
  c.output = {1, 2, 3};
  c.params.min_tokens = 9;
  c.params.stop_ids = {4};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(0));
}

TEST_P(Knobs, TemperatureComesAfterBiasAndPenalties) {
  Params params;
  params.temperature = .5;
  params.logit_bias_ids = {0};
  params.logit_bias_values = {1};
  params.repetition_penalty = 2;
  params.frequency_penalty = .25;
  params.presence_penalty = .5;
  Case c = Question({3, 0}, params);
  c.output = {0, 0};
  // ((3 + 1) / 2 - 2 * .25 - .5) / .5 = 2
  const Outcome outcome = Ask(c);
  EXPECT_NEAR(std::log(ProbabilityOf(outcome, 0) / ProbabilityOf(outcome, 1)),
              2, 1e-6);
}

LOGITD_ON_EACH_TARGET(Knobs);

}  // namespace
}  // namespace logitd::tests
