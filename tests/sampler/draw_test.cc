// The draw as a distribution: a right sampler survives every trial, at a stated
// rate of false alarms, and each known bug is rejected by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/sampler/ask.h"
#include "tests/sampler/known_bugs.h"
#include "tests/sampler/statistics.h"
#include "tests/sampler/trials.h"
#include "tests/sampler/trigram_rows.h"

namespace logitd::tests {
namespace {

// Trials of the sampler, and the questions below, each asked once in a run.
constexpr int kTrials = 24;
constexpr int kRealRowQuestions = 4;
static_assert(kTrials + kRealRowQuestions + kDraftQuestions <= kVerdictsMax);

// ---- the statistics themselves

TEST(Statistics, TailsAreThoseOfTheTables) {
  EXPECT_NEAR(ChiSquareTail(3.841459, 1), .05, 1e-6);
  EXPECT_NEAR(ChiSquareTail(16.918978, 9), .05, 1e-6);
  EXPECT_NEAR(ChiSquareTail(124.342113, 100), .05, 1e-6);
  EXPECT_NEAR(ChiSquareTail(2, 2), std::exp(-1), 1e-12);
  EXPECT_NEAR(ChiSquareTail(200, 2) / std::exp(-100), 1, 1e-9);
  EXPECT_NEAR(ChiSquareTail(5, 10), .891178, 1e-6);
  EXPECT_NEAR(PoissonTail(1, .5), 1 - std::exp(-.5), 1e-12);
  EXPECT_NEAR(PoissonTail(3, 2), 1 - 5 * std::exp(-2), 1e-12);
  EXPECT_EQ(PoissonTail(0, 2), 1);
}

TEST(Statistics, AnImpossibleCellIsRejectedAtOnce) {
  EXPECT_EQ(ChiSquareP({500, 499, 1}, {.5, .5, 0}), 0);
  EXPECT_GT(ChiSquareP({500, 500, 0}, {.5, .5, 0}), .9);
}

// ---- the sampler

class DrawTrial : public testing::TestWithParam<Trial> {};

TEST_P(DrawTrial, IsSurvivedByTheSampler) {
  ASSERT_EQ(Trials().size(), kTrials);
  const auto drawer = MakeSamplerDrawer(*Targets()[0]);
  const double p = GetParam().run(drawer.get());
  std::cout << "  p = " << p << ", rejected below " << kAlpha << "\n";
  EXPECT_GE(p, kAlpha);
}

std::string TrialName(const testing::TestParamInfo<Trial>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(, DrawTrial, testing::ValuesIn(Trials()), TrialName);

// On rows of a language model: the 300 best tokens each, and the others in 100
// groups of neighbours in the rank.
TEST(Draw, FollowsTheSoftmaxOnRowsOfALanguageModel) {
  const auto rows = TrigramRows(0, kRealRowQuestions);
  ASSERT_FALSE(rows.empty()) << "install pocketsphinx-en-us";
  const int draws = Effort(12000, 1000);
  for (size_t r = 0; r < rows.size(); ++r) {
    Case c = Question(rows[r]);
    if (r % 2 == 1) c.params.temperature = 1.5;
    const std::vector<double> p = DistributionOf(c);
    std::vector<uint32_t> rank(p.size());
    std::iota(rank.begin(), rank.end(), 0u);
    std::stable_sort(rank.begin(), rank.end(),
                     [&](uint32_t a, uint32_t b) { return p[a] > p[b]; });
    std::vector<size_t> cell_of(p.size());
    std::vector<double> expected(401, 0.0);
    for (size_t i = 0; i < rank.size(); ++i) {
      const size_t cell =
          i < 300 ? i : 300 + (i - 300) * 100 / (rank.size() - 300);
      cell_of[rank[i]] = cell;
      expected[cell] += p[rank[i]];
    }
    const auto drawer = MakeSamplerDrawer(*Targets()[0]);
    drawer->Open(c);
    std::vector<uint64_t> counts(expected.size());
    for (int i = 0; i < draws; ++i) {
      const uint32_t position = static_cast<uint32_t>(i);
      const uint32_t token = drawer->Draw({{r}, position, 0});
      ASSERT_LT(token, p.size());
      ASSERT_GT(p[token], 0) << "a banned token was drawn";
      ++counts[cell_of[token]];
    }
    const double verdict = ChiSquareP(counts, expected);
    std::cout << "  p = " << verdict << "\n";
    EXPECT_GE(verdict, kAlpha) << "row " << r;
  }
}

// ---- the trials

TEST(KnownBugs, ABuggySamplerWithoutItsBugIsTheSampler) {
  const auto buggy = MakeBuggyDrawer(Bug::kNone);
  const auto right = MakeSamplerDrawer(*Targets()[0]);
  for (int i = 0; i < 400; ++i) {
    const uint64_t seed = static_cast<uint64_t>(i);
    Case c = MakeCase(Focus::kTruncations, SmallVocabulary(seed), seed);
    c.dtype = Dtype::kFloat32;
    c.logits.resize(c.vocab_size);
    if (c.params.temperature.value_or(1) < 1e-5) continue;
    c.params.xtc_probability.reset();  // a drawer keeps one set for all points
    buggy->Open(c);
    right->Open(c);
    for (uint32_t position = 0; position < 20; ++position) {
      const NoisePoint at = {{seed}, position, position % 3};
      ASSERT_EQ(buggy->Draw(at), right->Draw(at)) << c.name;
    }
  }
}

class KnownBug : public testing::TestWithParam<NamedBug> {};

// Below 1e-20 on these seeds: on others the power at kAlpha is above .999.
TEST_P(KnownBug, IsRejected) {
  const auto drawer = MakeBuggyDrawer(GetParam().bug);
  double least = 1;
  std::string by;
  for (const Trial& trial : Trials()) {
    const double p = trial.run(drawer.get());
    if (p < least) {
      least = p;
      by = trial.name;
    }
    if (least < 1e-20) break;
  }
  std::cout << "  p = " << least << " by " << by << "\n";
  EXPECT_LT(least, kSlow ? kAlpha : 1e-20);
}

std::string BugName(const testing::TestParamInfo<NamedBug>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(, KnownBug, testing::ValuesIn(KnownBugs()), BugName);

}  // namespace
}  // namespace logitd::tests
