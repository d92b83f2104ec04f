// The race where two scores are equal or one bit apart. Weights are chosen for
// the noise of a point; scores are computed as the specification writes them.
#include "sampler/race.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "sampler/workspace.h"
#include "tests/support/kernels_scalar.h"

namespace logitd::tests {
namespace {

struct Entrant {
  uint32_t index;
  float weight;
};

// Two entrants of one race; `low` has the lower index.
struct Pair {
  Purpose purpose;  // blocks or tokens
  uint32_t position;
  Entrant low;
  Entrant high;
};

NoisePoint PointOf(const Pair& pair) { return {{42}, pair.position, 0}; }

double Score(const Pair& pair, const Entrant& entrant) {
  const uint64_t noise = Noise(PointOf(pair), pair.purpose, entrant.index);
  return static_cast<double>(entrant.weight) / ScalarExponential(noise);
}

// The index that wins. Blocks have one token each, tokens are all of block 0.
uint32_t Winner(const Pair& pair) {
  constexpr uint32_t kBlocks = 4;
  Workspace workspace;
  workspace.Reserve(kBlocks * kernels::kBlockSize);
  kernels::RowView& row = workspace.row();
  std::fill_n(row.w, kBlocks * kernels::kBlockSize, 0.0f);
  std::fill_n(row.block_mass, kBlocks, 0.0f);
  const uint32_t ids_each =
      pair.purpose == Purpose::kBlockRace ? kernels::kBlockSize : 1;
  for (const Entrant& entrant : {pair.low, pair.high}) {
    const uint32_t id = entrant.index * ids_each;
    row.w[id] = entrant.weight;
    row.block_mass[id / kernels::kBlockSize] += entrant.weight;
  }
  row.active_count = kBlocks;
  for (uint32_t b = 0; b < kBlocks; ++b) row.active[b] = b;
  return Race(*kernels::Find("auto"), row, PointOf(pair)) / ids_each;
}

float NextUp(float x) { return std::nextafter(x, 2 * x); }

// Of the 2^24 weights of one entrant, about one in 20 points has one that makes
// its score the other's, bit for bit.
const Pair kTies[] = {
    {Purpose::kBlockRace, 18, {1, 0x1.93d4d2p-2f}, {2, 0x1.d2822ep-1f}},
    {Purpose::kBlockRace, 44, {1, 0x1.998bep-1f}, {2, 0x1.7c599p-3f}},
    {Purpose::kBlockRace, 46, {0, 0x1.4b98dcp-1f}, {3, 0x1.8d6706p-2f}},
    {Purpose::kTokenRace, 12, {0, 0x1.a55f86p-2f}, {2, 0x1.393326p-1f}},
    {Purpose::kTokenRace, 40, {1, 0x1.d19e4ep-2f}, {3, 0x1.c52e12p-1f}},
    {Purpose::kTokenRace, 48, {1, 0x1.1671a2p-1f}, {3, 0x1.2e0532p-5f}},
};

TEST(Race, OfTwoEqualScoresTheLowerIndexWins) {
  for (const Pair& tie : kTies) {
    ASSERT_EQ(Score(tie, tie.low), Score(tie, tie.high)) << tie.position;
    EXPECT_EQ(Winner(tie), tie.low.index) << tie.position;
  }
}

TEST(Race, TheLastBitOfAWeightDecides) {
  for (Pair pair : kTies) {
    pair.high.weight = NextUp(pair.high.weight);
    EXPECT_EQ(Winner(pair), pair.high.index) << pair.position;
    pair.low.weight = NextUp(pair.low.weight);
    pair.low.weight = NextUp(pair.low.weight);
    EXPECT_EQ(Winner(pair), pair.low.index) << pair.position;
  }
}

// -ln u is nearest to its bound 1 - u where u is next to 1: here 1 - u is
// 2^-32, and the higher index wins by 2^-36. What skips 2^-32 too early misses
// it.
TEST(Race, AWinnerIsNotSkippedThoughItsNoiseIsNextToOne) {
  const Pair pair = {
      Purpose::kTokenRace, 4508297, {0, 0x1.000114p-1f}, {40, 0x1.3d836p-33f}};
  const double u = Uniform(Noise(PointOf(pair), pair.purpose, pair.high.index));
  ASSERT_LT(1 - u, 0x1.3p-32);
  ASSERT_GT(Score(pair, pair.high), Score(pair, pair.low));
  ASSERT_LT(Score(pair, pair.high), Score(pair, pair.low) * (1 + 0x1p-36));
  EXPECT_EQ(Winner(pair), pair.high.index);
}

}  // namespace
}  // namespace logitd::tests
