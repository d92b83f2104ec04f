// What the draw can reach, and how little a small turn of a knob changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "sampler/noise.h"
#include "sampler/race.h"
#include "sampler/workspace.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/targets.h"
#include "tests/sampler/trials.h"

namespace logitd::tests {
namespace {

// For each token of a flat row a noise point is found at which the race gives
// it. Philox has no inverse for a fixed counter, so the points of two keys are
// tried one after another until no token is left. With a table of noise, or too
// few bits, some never come.
TEST(Draw, EveryTokenOfAFlatRowIsReachable) {
  const uint32_t vocab_size = kSlow ? 10 * 128 : 151'936;
  Workspace workspace;
  workspace.Reserve(vocab_size);
  kernels::RowView& row = workspace.row();
  for (uint32_t i = 0; i < vocab_size; ++i) row.w[i] = 1.0f;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    row.block_mass[b] = 128.0f;
    row.active[b] = b;
  }
  row.active_count = row.block_count;
  // A collector of V kinds needs V (ln V + 0.58) draws in the mean; twice as
  // many leave one out with a probability of about 1 / V.
  const double mean = vocab_size * (std::log(vocab_size) + 0.58);
  const auto draws_max = static_cast<uint32_t>(2 * mean);
  std::vector<bool> reached(vocab_size);
  uint32_t left = vocab_size, draws = 0;
  for (; left > 0 && draws < draws_max; ++draws) {
    const uint32_t token = Race(row, {{draws >> 21}, draws & 0x1FFFFF, 0});
    ASSERT_LT(token, vocab_size);
    if (!reached[token]) --left;
    reached[token] = true;
  }
  EXPECT_EQ(left, 0u);
  std::printf("%u tokens in %u draws; %.0f were expected\n", vocab_size, draws,
              mean);
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
