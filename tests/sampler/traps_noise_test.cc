// Noise that is keyed by the wrong thing, or used twice: traps of samplers,
// traps.tsv has them all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

constexpr double kSigmas = 5;
constexpr Purpose kPurposes[] = {
    Purpose::kBlockRace,         Purpose::kTokenRace,
    Purpose::kXtcCoin,           Purpose::kAcceptCoin,
    Purpose::kResidualBlockRace, Purpose::kResidualTokenRace,
    Purpose::kMirostat,          Purpose::kFork,
    Purpose::kServerSeed};

// The uniforms of one purpose at the same points, less their mean.
std::vector<double> UniformsOf(Purpose purpose) {
  std::vector<double> all;
  for (uint32_t i = 0; i < 4000; ++i) {
    const NoisePoint at = {{42 + i / 1000}, i % 1000 / 10, i % 2};
    all.push_back(Uniform(Noise(at, purpose, i % 10)) - .5);
  }
  return all;
}

TEST(Noise, OfTwoPurposesIsUncorrelatedAtTheSamePoints) {
  for (const Purpose one : kPurposes) {
    for (const Purpose other : kPurposes) {
      if (one == other) continue;
      const std::vector<double> a = UniformsOf(one), b = UniformsOf(other);
      const double sum = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
      const auto count = static_cast<double>(a.size());
      // A product of two has the mean 0 and the deviation 1/12.
      EXPECT_LT(std::abs(sum), kSigmas / 12 * std::sqrt(count))
          << static_cast<int>(one) << " and " << static_cast<int>(other);
    }
  }
}

class NoiseKeys : public Sampling {
 protected:
  // The ids of a row's losers, best first.
  static TokenIds Losers(const Outcome& outcome) {
    TokenIds ids = KeptIds(outcome);
    std::erase(ids, outcome.token);
    return ids;
  }
};

// Noise that were a rank's would be another one's behind the gap.
TEST_P(NoiseKeys, ALoserThatGoesChangesNoWinnerOfItsBlock) {
  Case c = Question(MakeRow(Shape::kPeaked, 100, 3));
  c.params.temperature = 3;
  for (uint32_t position = 0; position < 40; ++position) {
    c.at.position = position;
    c.params.banned_ids.clear();
    const Outcome outcome = Ask(c);
    const TokenIds losers = Losers(outcome);
    for (const uint32_t best : {0u, 1u, 5u, 40u}) {
      c.params.banned_ids = {losers[best]};
      EXPECT_EQ(Ask(c).token, outcome.token) << position << " " << best;
    }
    c.params.banned_ids = TokenIds(losers.begin(), losers.begin() + 50);
    EXPECT_EQ(Ask(c).token, outcome.token) << position;
  }
}

TEST_P(NoiseKeys, ABlockThatGoesChangesNoWinnerOfAnother) {
  Case c = Question(MakeRow(Shape::kNormal, 1000, 3));
  for (uint32_t position = 0; position < 40; ++position) {
    c.at.position = position;
    c.params.banned_ids.clear();
    const uint32_t token = Ask(c).token;
    for (uint32_t block = 0; block < 7; ++block) {
      if (token / 128 == block) continue;
      c.params.banned_ids.resize(128);
      std::iota(c.params.banned_ids.begin(), c.params.banned_ids.end(),
                block * 128);
      EXPECT_EQ(Ask(c).token, token) << position << " without " << block;
    }
  }
}

// The winner of few is the winner of more if it is among the few.
TEST_P(NoiseKeys, ATruncationThatKeepsTheWinnerOfABlockChangesNothing) {
  Case c = Question(MakeRow(Shape::kNormal, 128, 5));
  for (uint32_t position = 0; position < 100; ++position) {
    c.at.position = position;
    c.params.top_k.reset();
    const Outcome outcome = Ask(c);
    const TokenIds rank = KeptIds(outcome);
    const auto winner = std::find(rank.begin(), rank.end(), outcome.token);
    c.params.top_k = static_cast<uint32_t>(winner - rank.begin() + 1);
    EXPECT_EQ(Ask(c).token, outcome.token) << position;
  }
}

TEST_P(NoiseKeys, XtcsCoinIsNoNoiseOfARace) {
  Case c = Question({4, 3, 2, 1});
  c.params.xtc_probability = .5;
  constexpr int kTosses = 2000;
  std::vector<int> alike(std::size(kPurposes), 0);
  for (uint32_t position = 0; position < kTosses; ++position) {
    c.at.position = position;
    const bool fell = Ask(c).kept == 3;
    for (size_t i = 0; i < std::size(kPurposes); ++i) {
      const bool low = Uniform(Noise(c.at, kPurposes[i], 0)) < .5;
      alike[i] += low == fell ? 1 : 0;
    }
  }
  for (size_t i = 0; i < std::size(kPurposes); ++i) {
    if (kPurposes[i] == Purpose::kXtcCoin) continue;
    EXPECT_NEAR(alike[i], kTosses / 2, kSigmas / 2 * std::sqrt(kTosses)) << i;
  }
}

// If the race of tokens took the noise of the race of blocks, block 0 would win
// when its noise, which were token 0's, is good.
TEST_P(NoiseKeys, TheTwoRacesShareNoNoise) {
  Case c = Question(std::vector<float>(256, 1.0f));
  c.report = Report();
  constexpr int kDraws = 20000;
  std::vector<int> drawn(256, 0);
  for (uint32_t position = 0; position < kDraws; ++position) {
    c.at.position = position;
    ++drawn[Ask(c).token];
  }
  constexpr double kExpected = kDraws / 256.0;
  EXPECT_NEAR(drawn[0], kExpected, kSigmas * std::sqrt(kExpected));
  EXPECT_NEAR(drawn[1], kExpected, kSigmas * std::sqrt(kExpected));
}

LOGITD_ON_EACH_TARGET(NoiseKeys);

}  // namespace
}  // namespace logitd::tests
