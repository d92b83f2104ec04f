// What a sample of blocks says of a row: right on the whole, and as nearly as
// it says.
#include "sampler/block_sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "sampler/prefix.h"
#include "sampler/workspace.h"
#include "tests/sampler/targets.h"
#include "tests/support/rows.h"

namespace logitd::tests {
namespace {

using kernels::kPivots;
using kernels::RowView;

constexpr uint32_t kBlock = kernels::kBlockSize;
constexpr float kLowest = std::numeric_limits<float>::lowest();

class BlockSamples : public OnEachTarget {
 protected:
  void Weigh(const std::vector<float>& logits) {
    workspace_.Reserve(static_cast<uint32_t>(logits.size()));
    uint32_t bad = 0;
    kernels().load_f32(logits.data(), static_cast<uint32_t>(logits.size()),
                       false, row(), &bad);
    mass_ = kernels().weigh(row(), {kernels().largest(row()), 1}, kAllAllowed,
                            &row().active_count);
  }

  BlockSample Sample() {
    return {kernels(), row(), mass_, workspace_.ids().data()};
  }

  RowView& row() { return workspace_.row(); }

  Workspace workspace_;
  double mass_ = 0;
};

// Whatever weights the blocks have, all of them together weigh what the row
// does: the sample is calibrated on them.
TEST_P(BlockSamples, HaveTheMassOfTheRow) {
  Dice dice(41);
  for (const Shape shape : {Shape::kPeaked, Shape::kNormal}) {
    for (const uint32_t size : {8192u, 20000u, 151936u}) {
      Weigh(MakeRow(shape, size, dice.Next()));
      BlockSample sample = Sample();
      const float pivots[kPivots] = {kLowest, kLowest, 1e30f, kLowest};
      double masses[kPivots];
      sample.MeasureGe(pivots, masses);
      EXPECT_NEAR(masses[0], mass_, 1e-6 * mass_) << size;
      EXPECT_EQ(masses[1], masses[0]);
      EXPECT_EQ(masses[2], 0);
      EXPECT_NEAR(sample.Deviation(0), 0, 1e-6 * mass_) << size;
    }
  }
}

// An estimate is off by more than its deviation now and then, by more than
// three seldom, and nobody needs a deviation that is never reached.
TEST_P(BlockSamples, AreOffByTheirDeviation) {
  Dice dice(42);
  int within[4] = {};  // by how many deviations
  int all = 0;
  for (int round = 0; round < 40; ++round) {
    const bool peaked = dice.Chance(0.5);
    Weigh(MakeRow(peaked ? Shape::kPeaked : Shape::kNormal,
                  dice.OneOf<uint32_t>({32000, 60000}), dice.Next()));
    BlockSample sample = Sample();
    float pivots[kPivots];
    for (float& pivot : pivots) pivot = 4 * dice.Normal();
    double masses[kPivots], exact[kPivots];
    sample.MeasureGe(pivots, masses);
    kernels().mass_ge(row(), pivots, exact);
    for (uint32_t i = 0; i < kPivots; ++i) {
      const double deviation = sample.Deviation(i);
      if (!(deviation > 1e-6 * mass_)) continue;  // else all is rounding
      const double off = std::abs(masses[i] - exact[i]) / deviation;
      ++within[off < 1 ? 0 : off < 2 ? 1 : off < 3 ? 2 : 3];
      ++all;
    }
  }
  const std::string shown =
      std::to_string(within[0]) + " " + std::to_string(within[1]) + " " +
      std::to_string(within[2]) + " " + std::to_string(within[3]);
  ASSERT_GT(all, 50) << shown;
  EXPECT_GT(within[0], 0.5 * all) << shown;
  EXPECT_GT(within[1] + within[2], 0.1 * all) << shown;
  EXPECT_LT(within[3], 0.05 * all) << shown;
}

// What lies in few blocks is known, not guessed: the sample is told of blocks
// that have much more than others, wherever they are.
TEST_P(BlockSamples, KnowHeavyBlocks) {
  Dice dice(43);
  std::vector<float> logits(size_t{300} * kBlock);
  for (float& logit : logits) logit = -12 + dice.Normal();
  std::vector<size_t> spikes;
  for (int i = 0; i < 20; ++i) {
    spikes.push_back(dice.Below(static_cast<uint32_t>(logits.size())));
    logits[spikes.back()] = 0.25f * static_cast<float>(i % 4);
  }
  Weigh(logits);
  BlockSample sample = Sample();
  const float pivots[kPivots] = {-4, 0.25f, 0.5f, 0.75f};
  double masses[kPivots], exact[kPivots];
  sample.MeasureGe(pivots, masses);
  kernels().mass_ge(row(), pivots, exact);
  for (uint32_t i = 0; i < kPivots; ++i) {
    EXPECT_NEAR(masses[i], exact[i], 1e-6 * mass_) << pivots[i];
    EXPECT_NEAR(sample.Deviation(i), 0, 1e-6 * mass_) << pivots[i];
  }
}

TEST_P(BlockSamples, OfEqualBlocksAreExact) {
  Weigh(std::vector<float>(size_t{200} * kBlock, 1.5f));
  BlockSample sample = Sample();
  const float pivots[kPivots] = {1, 1.5f, 2, 1};
  double masses[kPivots];
  sample.MeasureGe(pivots, masses);
  EXPECT_DOUBLE_EQ(masses[0], mass_);
  EXPECT_DOUBLE_EQ(masses[1], mass_);
  EXPECT_EQ(masses[2], 0);
  EXPECT_NEAR(sample.Deviation(0), 0, 1e-12 * mass_);
}

// However many blocks a row has, if it is worth a sample, the sample's are of
// them.
TEST_P(BlockSamples, OfCountsEndWithTheRow) {
  for (uint32_t blocks = BlockSample::kWorthwhile; blocks < 300; ++blocks) {
    Weigh(std::vector<float>(size_t{blocks} * kBlock, 1.5f));
    std::vector<uint32_t> listed(BlockSample::kBlocksMax);
    const BlockSample sample(kernels(), row(), listed.data());
    const double count = blocks / sample.BlocksForOne();
    EXPECT_NEAR(count, std::round(count), 1e-9);
    listed.resize(static_cast<size_t>(std::lround(count)));
    ASSERT_FALSE(listed.empty());
    EXPECT_LT(listed.back(), blocks);
  }
}

TEST_P(BlockSamples, ListIdsBetweenTwoValues) {
  Dice dice(44);
  std::vector<float> logits(size_t{300} * kBlock);
  for (float& logit : logits) logit = dice.Normal();
  Weigh(logits);
  const BlockSample sample = Sample();
  std::vector<uint32_t> ids(1000);
  const uint32_t count = sample.List(0.5f, 1, ids.data(), 1000);
  // A fifteenth to an eighth of all, so that a list is worth looking at and
  // costs little.
  const double share = 0.1499;  // of a normal row
  EXPECT_GT(count, share * 20 * kBlock);
  EXPECT_LT(count, share * 60 * kBlock);
  for (uint32_t i = 0; i < count; ++i) {
    ASSERT_LT(ids[i], logits.size());
    EXPECT_GE(logits[ids[i]], 0.5f);
    EXPECT_LT(logits[ids[i]], 1.0f);
    if (i > 0) {
      EXPECT_LT(ids[i - 1], ids[i]);
    }
  }
  EXPECT_EQ(sample.List(0.5f, 1, ids.data(), 7), 7u);
}

LOGITD_ON_EACH_TARGET(BlockSamples);

}  // namespace
}  // namespace logitd::tests
