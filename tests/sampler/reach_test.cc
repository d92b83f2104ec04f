// What the draw can reach, and how little a small turn of a knob changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sampler/noise.h"
#include "sampler/race.h"
#include "sampler/workspace.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/targets.h"
#include "tests/sampler/trials.h"
#include "tests/support/effort.h"

namespace logitd::tests {
namespace {

// A flat row of which every `stride`th block is in play, from block `first` on.
void FlatRow(uint32_t vocab_size, uint32_t first, uint32_t stride,
             Workspace* workspace) {
  workspace->Reserve(vocab_size);
  kernels::RowView& row = workspace->row();
  for (uint32_t i = 0; i < vocab_size; ++i) row.w[i] = 1.0f;
  row.active_count = 0;
  for (uint32_t b = first; b < row.block_count; b += stride) {
    row.block_mass[b] = 128.0f;
    row.active[row.active_count++] = b;
  }
}

// Draws until each of `kinds` results came; false if one never does. Philox has
// no inverse for a fixed counter, so the points of a few keys are tried one
// after another. With a table of noise, or too few bits, some never come.
template <class KindOf>
bool Collect(uint32_t kinds, const kernels::RowView& row, KindOf kind_of) {
  // A collector of n kinds needs n (ln n + 0.58) draws in the mean; twice as
  // many leave one out with a probability of about 1 / n.
  const double mean = kinds * (std::log(kinds) + 0.58);
  const auto draws = static_cast<uint32_t>(2 * mean);
  std::vector<bool> reached(kinds);
  uint32_t left = kinds;
  for (uint32_t i = 0; left > 0 && i < draws; ++i) {
    const uint32_t kind = kind_of(
        Race(*kernels::Find("auto"), row, {{i >> 21}, i & 0x1FFFFF, 0}));
    if (kind >= kinds) return false;
    if (!reached[kind]) --left;
    reached[kind] = true;
  }
  return left == 0;
}

constexpr uint32_t kBlock = kernels::kBlockSize;
const uint32_t kVocabSize = kSlow ? 10 * kBlock : 151'936;

TEST(Draw, EveryBlockOfAFlatRowIsReachable) {
  Workspace workspace;
  FlatRow(kVocabSize, 0, 1, &workspace);
  EXPECT_TRUE(Collect(kVocabSize / kBlock, workspace.row(),
                      [](uint32_t token) { return token / kBlock; }));
}

// A token, and with it its block, at one and the same noise point. The race is
// run as it is, but against one block in sixteen: against all it takes a
// minute, and shows no more of the noise.
TEST(Draw, EveryTokenOfAFlatRowIsReachable) {
  const uint32_t stride = kSlow || IsLong() ? 1 : 16;
  Workspace workspace;
  for (uint32_t first = 0; first < stride; ++first) {
    FlatRow(kVocabSize, first, stride, &workspace);
    const kernels::RowView& row = workspace.row();
    const auto kind_of = [&](uint32_t token) {
      const uint32_t block = token / kBlock, nth = (block - first) / stride;
      const bool in_play = nth < row.active_count && row.active[nth] == block;
      return in_play ? nth * kBlock + token % kBlock : kernels::kNone;
    };
    EXPECT_TRUE(Collect(row.active_count * kBlock, row, kind_of))
        << "from block " << first;
  }
}

// The total variation distance is the least share of changed tokens that any
// coupling of two distributions can reach.
TEST(Draw, ASmallTurnOfAKnobChangesFewTokens) {
  std::vector<float> logits;
  for (int i = 0; i < 400; ++i) {
    logits.push_back(static_cast<float>((i * 89) % 97) / 12);
  }
  Case before = Question(logits), after = Question(logits);
  before.params.temperature = 1.0;
  after.params.temperature = 1.1;
  const auto p = DistributionOf(before), q = DistributionOf(after);
  double distance = 0;
  for (size_t i = 0; i < p.size(); ++i) distance += std::abs(p[i] - q[i]) / 2;
  const auto one = MakeSamplerDrawer(*Targets()[0]);
  const auto other = MakeSamplerDrawer(*Targets()[0]);
  one->Open(before);
  other->Open(after);
  const int draws = Effort(20'000, 4'000, 5);
  int changed = 0;
  for (int i = 0; i < draws; ++i) {
    const NoisePoint at = {{9}, static_cast<uint32_t>(i), 0};
    changed += one->Draw(at) != other->Draw(at);
  }
  const double share = static_cast<double>(changed) / draws;
  EXPECT_GT(share, distance - 6 * std::sqrt(distance / draws));
  EXPECT_LT(share, 2.5 * distance);
}

}  // namespace
}  // namespace logitd::tests
