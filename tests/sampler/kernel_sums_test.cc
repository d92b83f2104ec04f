// The kernels that weigh and sum, and the functions they are made of, against
// one number at a time, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "sampler/natural_log.h"
#include "tests/sampler/kernel_rows.h"

namespace logitd::tests {
namespace {

class KernelSums : public OnKernelRows {};

TEST_P(KernelSums, WeightsAndMassAreThoseOfTheSpecification) {
  ForRows([&](const std::vector<float>& logits, Dice* dice) {
    Load(logits);
    const Scale scale = AnyScale(Largest(), dice);
    const Cut candidates = AnyCut(dice);
    std::vector<float> w = WeightsIn(scale, candidates);
    ASSERT_EQ(Bits(Weigh(scale, candidates)), Bits(ScalarSum(w)));
    ExpectWeights(w);

    float pivots[kernels::kPivots];
    for (float& pivot : pivots) {
      pivot = std::max(l_[dice->Below(vocab_size())], candidates.value);
    }
    double masses[kernels::kPivots];
    kernels().mass_ge(row(), pivots, masses);
    for (size_t p = 0; p < kernels::kPivots; ++p) {
      std::vector<float> part = w;
      for (uint32_t i = 0; i < vocab_size(); ++i) {
        if (!(l_[i] >= pivots[p])) part[i] = 0;
      }
      ASSERT_EQ(Bits(masses[p]), Bits(ScalarSum(part))) << "pivot " << p;
    }

    ExpectListed(w, std::min(pivots[0], pivots[1]),
                 std::max(pivots[0], pivots[1]), 1 + dice->Below(600),
                 [&](kernels::Listing* listing) {
                   kernels().gather_mass(row(), listing);
                 });

    Cut cut = AnyCut(dice);
    if (!AtMost(cut, candidates)) cut = candidates;
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      if (!In(i, cut)) w[i] = 0;
    }
    ASSERT_EQ(Bits(kernels().mass_cut(row(), cut)), Bits(ScalarSum(w)));
    const uint64_t members = MembersInActive(cut);
    uint64_t count = 0;
    ASSERT_EQ(
        Bits(kernels().restrict_to(row(), cut, &row().active_count, &count)),
        Bits(ScalarSum(w)));
    ASSERT_EQ(count, members);
    ExpectWeights(w);
    ASSERT_EQ(Bits(kernels().mass_of_blocks(row())), Bits(ScalarSum(w)));
    ExpectSplit(w, l_[dice->Below(vocab_size())]);

    std::vector<float> terms(w.size(), 0.0f);
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      if (w[i] > 0) terms[i] = w[i] * D(i, scale);
    }
    ASSERT_EQ(Bits(kernels().weighted_sum(row(), scale)),
              Bits(ScalarSum(terms)));
  });
}

TEST_P(KernelSums, SurprisalsAreListedLikeWeights) {
  ForRows([&](const std::vector<float>& logits, Dice* dice) {
    Load(logits);
    const Scale scale = AnyScale(Largest(), dice);
    const Cut candidates = AnyCut(dice);
    const auto log_mass = static_cast<float>(LogD(Weigh(scale, candidates)));
    std::vector<float> w = WeightsIn(scale, candidates);
    std::vector<float> surprisals = w;
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      if (w[i] > 0) surprisals[i] = w[i] * (log_mass - D(i, scale));
    }
    float ends[2];
    for (float& end : ends) {
      end = std::max(l_[dice->Below(vocab_size())], candidates.value);
    }
    ExpectListed(
        surprisals, std::min(ends[0], ends[1]), std::max(ends[0], ends[1]),
        1 + dice->Below(600), [&](kernels::Listing* listing) {
          ASSERT_EQ(Bits(kernels().surprisals(row(), scale, log_mass, listing)),
                    Bits(ScalarSum(surprisals)));
        });
    ExpectWeights(w);

    Cut cut = AnyCut(dice);
    if (!AtMost(cut, candidates)) cut = candidates;
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      if (!In(i, cut)) w[i] = surprisals[i] = 0;
    }
    const uint64_t members = MembersInActive(cut);
    uint64_t count = 0;
    RowView terms = workspace_.SecondWeights();
    ASSERT_EQ(
        Bits(kernels().restrict_to_surprisals(
            row(), scale, log_mass, cut, terms, &row().active_count, &count)),
        Bits(ScalarSum(w)));
    ASSERT_EQ(count, members);
    terms.active_count = row().active_count;
    ExpectWeights(w);
    ExpectActiveWeights(terms, surprisals);
  });
}

TEST_P(KernelSums, SubtractLeavesWhatTheDrafterGaveTooLittle) {
  ForRows([&](const std::vector<float>& logits, Dice* dice) {
    Load(logits);
    const Scale scale = AnyScale(Largest(), dice);
    const double mass = Weigh(scale, AnyCut(dice));
    if (!(mass > 0)) return;  // nothing to verify a draft with
    const auto inverse = static_cast<float>(1.0 / mass);
    RowView rest = workspace_.SecondWeights();
    std::vector<float> left(vocab_size());
    for (uint32_t a = 0; a < row().active_count; ++a) {
      for (uint32_t i = 0; i < 128; ++i) {
        const uint32_t id = row().active[a] * 128 + i;
        const float share = row().w[id] * inverse;
        // Some the same, some more, some less, some nothing.
        rest.w[id] = share * static_cast<float>(dice->Below(4)) / 2;
        if (id < vocab_size()) left[id] = std::max(share - rest.w[id], 0.0f);
      }
    }
    kernels().subtract(row(), inverse, rest);
    ExpectActiveWeights(rest, left);
  });
}

TEST_P(KernelSums, MassOfAGrowingPrefixNeverFalls) {
  for (const Shape shape : {Shape::kNormal, Shape::kPeaked, Shape::kLevels}) {
    Load(MakeRow(shape, 700, 3));
    Weigh({Largest(), 1}, kAllAllowed);
    std::vector<uint32_t> rank(vocab_size());
    for (uint32_t i = 0; i < rank.size(); ++i) rank[i] = i;
    std::stable_sort(rank.begin(), rank.end(),
                     [&](uint32_t a, uint32_t b) { return l_[a] > l_[b]; });
    double before = 0;
    for (const uint32_t id : rank) {
      const double mass = kernels().mass_cut(row(), {l_[id], id});
      ASSERT_GE(mass, before);
      before = mass;
    }
  }
}

TEST_P(KernelSums, ExpFIsTheSpecifiedOneAtEveryStepFromZeroToItsFloor) {
  // Every 8,191st fp32 of [-88, 0], and all around the floor and zero.
  std::vector<float> d;
  const uint32_t last = Bits(-88.0f);
  const uint32_t step = kSlow ? 2000003 : 8191;
  for (uint32_t bits = Bits(-0.0f); bits <= last; bits += step) {
    d.push_back(std::bit_cast<float>(bits));
  }
  for (uint32_t i = 0; i < 300; ++i) {
    d.push_back(std::bit_cast<float>(Bits(-87.0f) - 150 + i));
    d.push_back(std::bit_cast<float>(Bits(-0.0f) + i));
  }
  d.push_back(0);
  Load(d);
  Weigh({0, 1}, kAllAllowed);
  ExpectWeights(WeightsIn({0, 1}, kAllAllowed));
}

LOGITD_ON_EACH_TARGET(KernelSums);

TEST(ExpF, IsWithinItsStatedErrorAndOneAtZero) {
  EXPECT_EQ(ScalarExpF(0), 1.0f);
  EXPECT_EQ(ScalarExpF(-0.0f), 1.0f);
  EXPECT_EQ(ScalarExpF(-kInf), 0.0f);
  EXPECT_EQ(ScalarExpF(std::nextafter(-87.0f, -kInf)), 0.0f);
  EXPECT_TRUE(std::isnormal(ScalarExpF(-87.0f)));
  long double worst = 0;
  for (uint32_t bits = Bits(-0.0f); bits <= Bits(-87.0f); bits += 1009) {
    const float d = std::bit_cast<float>(bits);
    const long double exact = std::exp(static_cast<long double>(d));
    const long double error = std::abs(ScalarExpF(d) / exact - 1);
    worst = std::max(worst, error - 1.4e-8L * std::abs(d));
  }
  EXPECT_LT(worst, 1.9e-7L);
}

TEST(LogD, HasTheBitsOfTheSpecificationAndErrsByTwoAndAHalfUlpAtMost) {
  Dice dice(5);
  for (int i = 0; i < Effort(2000000, 50000); ++i) {
    // Every exponent, and often the neighbourhood of 1, where races are won.
    uint64_t bits = dice.Next() >> 2;
    if (i % 3 == 0) bits = Bits(1.0) - (dice.Next() >> (11 + dice.Below(50)));
    if (i % 3 == 1) bits = Bits(1.0) + (dice.Next() >> (12 + dice.Below(50)));
    const double x = std::bit_cast<double>(bits);
    if (!std::isnormal(x) || x == 1) continue;
    const double got = LogD(x);
    ASSERT_EQ(Bits(got), Bits(ScalarLogD(x))) << x;
    const long double exact = std::log(static_cast<long double>(x));
    const double ulp = std::nextafter(std::abs(got), HUGE_VAL) - std::abs(got);
    ASSERT_LE(std::abs(static_cast<double>(got - exact)), 2.5 * ulp) << x;
  }
  EXPECT_EQ(LogD(1), 0);
}

// Where the last bit of a coefficient shows: 1/7, 1/9 and 1/11 one bit lower
// and one higher, and 1/13 one lower. Chance finds these points once in 3e5 to
// 1e10 tries; the coefficients before 1/13 show 25 times less each.
TEST(LogD, ShowsTheLastBitOfItsCoefficients) {
  for (const double x :
       {0x1.69cb0fef74a9ep+0, 0x1.69f5089028752p+0, 0x1.69b3865832737p+0,
        0x1.696affaac4f48p+0, 0x1.69796bb0ae366p+0, 0x1.6974f7952759ep+0,
        0x1.6916043667b8bp+0}) {
    EXPECT_EQ(Bits(LogD(x)), Bits(ScalarLogD(x))) << x;
  }
}

}  // namespace
}  // namespace logitd::tests
