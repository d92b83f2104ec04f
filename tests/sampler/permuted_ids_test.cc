// Ids are but names: a row whose ids are permuted has the same distribution,
// under other names.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tests/sampler/of_any_case.h"

namespace logitd::tests {
namespace {

// Adding in another order moves a mass by at most 12 roundings of fp32, 8 terms
// of a lane and 4 folds: two logarithms of it differ by no more than this.
constexpr double kLogRounding = 24 * 0x1p-24;
// A probability that moves so moves adaptive-p's logit by 100/3 times as much,
// and that is rounded at up to 33: this for a logit and the mass of all.
constexpr double kAdaptiveRounding = 2 * (100.0 / 3 * kLogRounding + 0x1p-18);

void KeepNoTies(Case* c) {
  BreakTies(c);
  // So close to 1 the last bit of a mass decides.
  if (c->params.top_p > 0.999) c->params.top_p = 0.999;
}

// Half of the cases keep every token: log-probabilities of a tail.
void CutHalfOfThem(Case* c) {
  KeepNoTies(c);
  if (c->at.key.bits % 2 == 0) DropCuts(c);
}

class PermutedIds : public OfAnyCase {
 protected:
  // Asks again with `names`; the kept set must be the same one.
  Outcome AskRenamed(const Case& c, const Outcome& plain,
                     const TokenIds& names) {
    const Outcome renamed = Ask(Renamed(c, names));
    TokenIds expected;
    for (const uint32_t id : plain.kept_ids) expected.push_back(names[id]);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(renamed.kept_ids, expected);
    EXPECT_EQ(renamed.kept, plain.kept);
    return renamed;
  }
};

// measure(log-probability) of each token of two lists, by its names.
template <class Measure>
void ExpectNear(const std::vector<TopToken>& plain,
                const std::vector<TopToken>& renamed, const TokenIds& names,
                double tolerance, const Measure& measure) {
  ASSERT_EQ(plain.size(), renamed.size());
  std::vector<double> by_name(names.size(), kNotReported);
  for (const TopToken& top : renamed) by_name[top.id] = top.logprob;
  for (const TopToken& top : plain) {
    EXPECT_NEAR(measure(by_name[names[top.id]]), measure(top.logprob),
                tolerance)
        << "id " << top.id;
  }
}

double AsItIs(double logprob) { return logprob; }

// Guidance rounds each logit, and a dynamic temperature each difference, by the
// last bit of a mass: those are held to probabilities here, and to the bit
// below.
TEST_P(PermutedIds, HaveThePermutedDistributionWithinTheRoundingOfItsSums) {
  ForEach(CutHalfOfThem, [&](const Case& c, const Outcome& plain) {
    Dice dice(c.at.key.bits);
    TokenIds names(c.vocab_size);
    std::iota(names.begin(), names.end(), 0u);
    for (uint32_t i = c.vocab_size; i > 1; --i) {
      std::swap(names[i - 1], names[dice.Below(i)]);
    }
    const Outcome renamed = AskRenamed(c, plain, names);
    EXPECT_NEAR(renamed.final_entropy, plain.final_entropy, 1e-5);
    EXPECT_NEAR(renamed.kept_mass, plain.kept_mass, 1e-5);
    ExpectNear(plain.top_raw, renamed.top_raw, names, kLogRounding, AsItIs);
    const Params& p = c.params;
    if (!c.guidance.empty() || p.dynamic_temperature_range.value_or(0) > 0) {
      ExpectNear(plain.top_final, renamed.top_final, names, 1e-5,
                 [](double logprob) { return std::exp(logprob); });
      return;
    }
    const bool is_adaptive = p.adaptive_p_target.value_or(0) > 0;
    ExpectNear(plain.top_final, renamed.top_final, names,
               is_adaptive ? kAdaptiveRounding : kLogRounding, AsItIs);
  });
}

// Sums add lane to lane and block to block of two that differ in one bit: an id
// with bits of its lane or of its block flipped adds up alike.
TEST_P(PermutedIds, HaveThePermutedDistributionToTheBitWhereSumsAddUpAlike) {
  constexpr uint32_t kIds = 1024;
  ForEach(
      CutHalfOfThem,
      [&](const Case& c, const Outcome& plain) {
        Dice dice(c.at.key.bits);
        const uint32_t flipped = dice.Below(16) + 128 * dice.Below(8);
        TokenIds names(kIds);
        for (uint32_t id = 0; id < kIds; ++id) names[id] = id ^ flipped;
        const Outcome renamed = AskRenamed(c, plain, names);
        EXPECT_EQ(renamed.raw_entropy, plain.raw_entropy);
        EXPECT_EQ(renamed.final_entropy, plain.final_entropy);
        EXPECT_EQ(renamed.kept_mass, plain.kept_mass);
        ExpectNear(plain.top_raw, renamed.top_raw, names, 0, AsItIs);
        ExpectNear(plain.top_final, renamed.top_final, names, 0, AsItIs);
      },
      kIds);
}

LOGITD_ON_EACH_TARGET(PermutedIds);

}  // namespace
}  // namespace logitd::tests
