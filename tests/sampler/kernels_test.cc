// Every kernel of every target against one number at a time, bit for bit.
#include "sampler/kernels/kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <iostream>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "sampler/dtype.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"
#include "sampler/workspace.h"
#include "tests/sampler/targets.h"
#include "tests/support/kernels_scalar.h"
#include "tests/support/rows.h"

namespace logitd::tests {
namespace {

using kernels::Cut;
using kernels::RowView;
using kernels::Scale;
using ::testing::ElementsAreArray;

constexpr float kInf = std::numeric_limits<float>::infinity();

uint32_t Bits(float x) { return std::bit_cast<uint32_t>(x); }
uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }

TEST(Targets, AreListedBestFirstAndFoundByName) {
  const std::vector<Target> targets = Targets();
  ASSERT_FALSE(targets.empty());
  std::cout << "  targets executed here:";
  std::set<std::string> names;
  for (const Target target : targets) {
    std::cout << " " << target->name;
    EXPECT_TRUE(names.insert(target->name).second) << target->name;
    EXPECT_EQ(kernels::Find(target->name), target);
  }
  std::cout << "\n";
  EXPECT_EQ(kernels::Find("auto"), targets[0]);
  EXPECT_EQ(kernels::Find("Auto"), targets[0]);
  EXPECT_EQ(kernels::Find("no such set"), nullptr);
}

TEST(Targets, IncludeWhatThisProcessorHas) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    EXPECT_NE(kernels::Find("AVX2"), nullptr);
  }
  if (__builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    EXPECT_NE(kernels::Find("AVX3"), nullptr);
  }
#elif defined(__aarch64__)
  EXPECT_NE(kernels::Find("NEON"), nullptr);
#endif
}

// A row loaded by the target's kernel, and the same by hand.
class Kernels : public OnEachTarget {
 protected:
  void Load(const std::vector<float>& logits) {
    l_ = logits;
    workspace_.Reserve(static_cast<uint32_t>(logits.size()));
    uint32_t bad = 0;
    ASSERT_EQ(
        kernels().load_f32(logits.data(), vocab_size(), false, row(), &bad),
        kernels::kNone);
    for (float& x : l_) x += 0.0f;
  }

  RowView& row() { return workspace_.row(); }
  uint32_t vocab_size() const { return static_cast<uint32_t>(l_.size()); }
  float Largest() const { return *std::max_element(l_.begin(), l_.end()); }

  bool In(uint32_t id, Cut cut) const {
    return l_[id] > cut.value || (l_[id] == cut.value && id <= cut.id);
  }
  // Some id's own cut: the prefix that ends with it.
  Cut AnyCut(Dice* dice) const {
    const uint32_t id = dice->Below(vocab_size());
    if (l_[id] == -kInf || dice->Chance(0.2)) return kAllAllowed;
    const bool between = dice->Chance(0.3);
    return {l_[id], between ? dice->Below(vocab_size()) : id};
  }

  float D(uint32_t id, Scale scale) const {
    const float difference = l_[id] - scale.m;
    return difference * scale.inverse_temperature;
  }
  std::vector<float> WeightsIn(Scale scale,
                               const std::function<bool(uint32_t)>& in) const {
    std::vector<float> w(l_.size(), 0.0f);
    for (uint32_t i = 0; i < w.size(); ++i) {
      if (in(i)) w[i] = ScalarExpF(D(i, scale));
    }
    return w;
  }
  std::vector<float> WeightsIn(Scale scale, Cut cut) const {
    return WeightsIn(scale, [&](uint32_t id) { return In(id, cut); });
  }

  double Weigh(Scale scale, Cut cut) {
    uint32_t active = 0;
    const double mass = kernels().weigh(row(), scale, cut, &active);
    row().active_count = active;
    return mass;
  }

  // w and block_mass of the active blocks, and +0 elsewhere.
  void ExpectWeights(const std::vector<float>& w) {
    std::vector<bool> active(row().block_count, false);
    for (uint32_t a = 0; a < row().active_count; ++a) {
      if (a > 0) {
        ASSERT_LT(row().active[a - 1], row().active[a]);
      }
      active[row().active[a]] = true;
    }
    for (uint32_t b = 0; b < row().block_count; ++b) {
      const size_t first = b * size_t{128};
      const size_t count = std::min<size_t>(128, w.size() - first);
      const float sum = ScalarBlockSum(&w[first], count);
      ASSERT_EQ(Bits(row().block_mass[b]), Bits(sum)) << "block " << b;
      for (size_t i = first; i < first + count; ++i) {
        if (!active[b]) {
          ASSERT_EQ(w[i], 0) << "id " << i;
        }
        if (active[b]) {
          ASSERT_EQ(Bits(row().w[i]), Bits(w[i])) << "id " << i;
        }
      }
    }
  }

  // What split_mass says of weights that the row holds.
  void ExpectSplit(const std::vector<float>& w, float value) {
    std::vector<float> above(row().block_count), reached(row().block_count);
    kernels().split_mass(row(), value, above.data(), reached.data());
    std::vector<float> greater = w, equal_too = w;
    for (uint32_t i = 0; i < w.size(); ++i) {
      if (!(l_[i] > value)) greater[i] = 0;
      if (!(l_[i] >= value)) equal_too[i] = 0;
    }
    for (uint32_t a = 0; a < row().active_count; ++a) {
      const uint32_t b = row().active[a];
      const size_t first = b * size_t{128};
      const size_t count = std::min<size_t>(128, w.size() - first);
      ASSERT_EQ(Bits(above[b]), Bits(ScalarBlockSum(&greater[first], count)));
      ASSERT_EQ(Bits(reached[b]),
                Bits(ScalarBlockSum(&equal_too[first], count)));
    }
  }

  Workspace workspace_;
  std::vector<float> l_;
};

Scale AnyScale(float m, Dice* dice) {
  const float values[] = {1, 0.5f, 2, 1e5f, 0.01f, 1 / 0.7f};
  return {m, values[dice->Below(6)]};
}

// Calls visit(row, dice) for rows of every shape and size.
template <class Visit>
void ForRows(const Visit& visit) {
  Dice dice(20);
  const int rounds = Effort(12, 1);
  for (int shape = 0; shape < kShapeCount; ++shape) {
    for (int round = 0; round < rounds; ++round) {
      const uint32_t size =
          round == 0 ? 32001 : dice.OneOf(SmallVocabularies());
      SCOPED_TRACE(std::string(Name(static_cast<Shape>(shape))) + " of " +
                   std::to_string(size));
      visit(MakeRow(static_cast<Shape>(shape), size, dice.Next()), &dice);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST_P(Kernels, LoadCopiesPadsAndTakesBlockMaxima) {
  ForRows([&](const std::vector<float>& logits, Dice*) {
    Load(logits);
    for (uint32_t b = 0; b < row().block_count; ++b) {
      float max = -kInf;
      for (uint32_t i = b * 128; i < (b + 1) * 128; ++i) {
        const float expected = i < vocab_size() ? l_[i] : -kInf;
        ASSERT_EQ(Bits(row().l[i]), Bits(expected)) << "id " << i;
        max = std::max(max, expected);
      }
      ASSERT_EQ(Bits(row().block_max[b]), Bits(max)) << "block " << b;
    }
  });
}

TEST_P(Kernels, LoadWidensBfloat16ExactlyAtAnyAddress) {
  ForRows([&](std::vector<float> logits, Dice* dice) {
    for (float& x : logits) {
      if (std::abs(x) > 1e38f) x = 0;
    }
    const std::vector<uint16_t> narrow = ToBfloat16(logits);
    for (size_t i = 0; i < narrow.size(); ++i) {
      logits[i] = FromBfloat16(narrow[i]) + 0.0f;
    }
    std::vector<uint8_t> bytes(narrow.size() * 2 + 4);
    uint8_t* at = bytes.data() + dice->Below(4);
    std::memcpy(at, narrow.data(), narrow.size() * 2);
    workspace_.Reserve(static_cast<uint32_t>(narrow.size()));
    uint32_t bad = 0;
    const uint32_t count = static_cast<uint32_t>(narrow.size());
    ASSERT_EQ(kernels().load_bf16(at, count, false, row(), &bad),
              kernels::kNone);
    for (size_t i = 0; i < logits.size(); ++i) {
      ASSERT_EQ(Bits(row().l[i]), Bits(logits[i])) << "id " << i;
    }
  });
}

TEST_P(Kernels, LoadWidensEveryFloat16Exactly) {
  std::vector<uint16_t> all;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    all.push_back(static_cast<uint16_t>(bits));
  }
  std::vector<uint8_t> bytes(all.size() * 2 + 1);
  for (const size_t misaligned : {0u, 1u}) {
    std::memcpy(bytes.data() + misaligned, all.data(), all.size() * 2);
    workspace_.Reserve(0x10000);
    uint32_t bad = 0;
    EXPECT_EQ(kernels().load_f16(bytes.data() + misaligned, 0x10000, true,
                                 row(), &bad),
              0x7C00u);
    EXPECT_EQ(bad, 1024u + 1023u) << "+inf, and NaN of both signs";
    for (uint32_t i = 0; i < 0x10000; ++i) {
      const float wide = FromFloat16(all[i]);
      const float expected = wide < kInf ? wide + 0.0f : -kInf;
      ASSERT_EQ(Bits(row().l[i]), Bits(expected)) << "bits " << i;
      const float one = Widen(bytes.data() + misaligned, Dtype::kFloat16, i);
      ASSERT_EQ(std::isnan(one), std::isnan(wide)) << "bits " << i;
      if (!std::isnan(wide)) ASSERT_EQ(Bits(one), Bits(wide)) << "bits " << i;
    }
  }
}

// The test's own rounding, against what binary16 is.
TEST(Float16, IsNarrowedToTheNearestAndEveryOneComesBack) {
  EXPECT_EQ(ToFloat16(1), 0x3C00);
  EXPECT_EQ(ToFloat16(-2), 0xC000);
  EXPECT_EQ(ToFloat16(65504), 0x7BFF);
  EXPECT_EQ(ToFloat16(65519.9f), 0x7BFF);
  EXPECT_EQ(ToFloat16(65520), 0x7C00);
  EXPECT_EQ(ToFloat16(0x1p-24f), 1);
  EXPECT_EQ(ToFloat16(0x1p-25f), 0) << "a tie goes to even";
  EXPECT_EQ(ToFloat16(0x1.8p-24f), 2);
  EXPECT_EQ(ToFloat16(0x1.ffcp-15f), 0x3FF + 1) << "the carry makes it normal";
  EXPECT_EQ(FromFloat16(0x3555), 0x1.554p-2f);
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    if ((half & 0x7FFF) > 0x7C00) continue;  // NaN
    ASSERT_EQ(ToFloat16(FromFloat16(half)), half);
  }
}

TEST_P(Kernels, LoadFindsTheFirstNanOrInfinityWhereverItStands) {
  for (const uint32_t size : {1u, 129u, 1000u}) {
    for (uint32_t at = 0; at<size; at += size> 200 ? 37 : 1) {
      for (const float value : {kInf, std::nanf(""), -std::nanf("")}) {
        std::vector<float> logits(size, 1.0f);
        logits[at] = value;
        logits[size - 1] = at + 1 == size ? value : kInf;
        workspace_.Reserve(size);
        uint32_t bad = 0;
        ASSERT_EQ(kernels().load_f32(logits.data(), size, false, row(), &bad),
                  at);
        const auto narrow = ToBfloat16(logits);
        ASSERT_EQ(kernels().load_bf16(narrow.data(), size, false, row(), &bad),
                  at);
        const auto half = ToFloat16(logits);
        ASSERT_EQ(kernels().load_f16(half.data(), size, false, row(), &bad),
                  at);
      }
    }
  }
}

TEST_P(Kernels, LoadTurnsNanAndInfinityIntoBansWhenAsked) {
  std::vector<float> logits(300, 2.0f);
  for (uint32_t id : {0u, 5u, 127u, 128u, 299u}) logits[id] = kInf;
  logits[200] = std::nanf("");
  workspace_.Reserve(300);
  uint32_t bad = 0;
  EXPECT_EQ(kernels().load_f32(logits.data(), 300, true, row(), &bad), 0u);
  EXPECT_EQ(bad, 6u);
  for (uint32_t i = 0; i < 300; ++i) {
    EXPECT_EQ(row().l[i], logits[i] == 2.0f ? 2.0f : -kInf) << "id " << i;
  }
  EXPECT_EQ(row().block_max[2], 2.0f);
}

TEST_P(Kernels, GuideIsTheFormulaOfTheSpecification) {
  ForRows([&](const std::vector<float>& logits, Dice* dice) {
    Load(logits);
    const Shape other = static_cast<Shape>(dice->Below(kShapeCount));
    const std::vector<float> second =
        MakeRow(other, vocab_size(), dice->Next());
    RowView& view = workspace_.ReserveSecond();
    uint32_t bad = 0;
    kernels().load_f32(second.data(), vocab_size(), false, view, &bad);
    const kernels::Guidance g = {dice->Unit() * 50, dice->Unit() * 50,
                                 dice->Chance(0.2) ? 0 : dice->Unit() * 100};
    kernels().guide(row(), view.l, g);
    constexpr double kMax = std::numeric_limits<float>::max();
    for (uint32_t b = 0; b < row().block_count; ++b) {
      float max = -kInf;
      for (uint32_t i = b * 128; i < (b + 1) * 128; ++i) {
        float expected = -kInf;
        if (i < vocab_size() && l_[i] != -kInf) {
          const double lc = double{l_[i]} - g.log_sum_exp;
          const double u = double{second[i]} + 0.0;
          const double lu = second[i] == -kInf ? lc : u - g.second_log_sum_exp;
          const double step = g.scale * (lc - lu);
          expected =
              static_cast<float>(std::clamp(lu + step, -kMax, kMax)) + 0.0f;
        }
        ASSERT_EQ(Bits(row().l[i]), Bits(expected)) << "id " << i;
        max = std::max(max, expected);
      }
      ASSERT_EQ(row().block_max[b], max) << "block " << b;
    }
  });
}

TEST_P(Kernels, MaskBansEveryIdWhoseBitIsMissing) {
  ForRows([&](const std::vector<float>& logits, Dice* dice) {
    Load(logits);
    std::vector<uint8_t> mask(dice->Below(vocab_size() / 8 + 2));
    for (uint8_t& byte : mask) byte = static_cast<uint8_t>(dice->Next());
    kernels().apply_mask(mask.data(), mask.size(), row());
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      const bool allowed =
          i / 8 < mask.size() && ((mask[i / 8] >> (i % 8)) & 1) != 0;
      if (!allowed) l_[i] = -kInf;
      ASSERT_EQ(Bits(row().l[i]), Bits(l_[i])) << "id " << i;
    }
    for (uint32_t b = 0; b < row().block_count; ++b) {
      const auto first = l_.begin() + b * 128;
      const auto last = l_.begin() + std::min(vocab_size(), (b + 1) * 128);
      ASSERT_EQ(row().block_max[b], *std::max_element(first, last));
    }
  });
}

TEST_P(Kernels, RefreshTakesTheMaximaOfTheGivenBlocksOnly) {
  Load(MakeRow(Shape::kNormal, 1000, 1));
  const float old = row().block_max[3];
  for (uint32_t id : {2u * 128 + 5, 3u * 128, 7u * 128 + 100}) {
    row().l[id] = 99;
  }
  const uint32_t blocks[] = {7, 2};
  kernels().refresh_block_max(blocks, 2, row());
  EXPECT_EQ(row().block_max[2], 99);
  EXPECT_EQ(row().block_max[7], 99);
  EXPECT_EQ(row().block_max[3], old);
}

TEST_P(Kernels, CountsAndListsAreThoseOfALinearSearch) {
  ForRows([&](const std::vector<float>& logits, Dice* dice) {
    Load(logits);
    float pivots[kernels::kPivots];
    for (float& pivot : pivots) {
      pivot = std::max(l_[dice->Below(vocab_size())], kAllAllowed.value);
    }
    uint64_t counts[kernels::kPivots];
    kernels().count_ge(row(), pivots, counts);
    for (size_t p = 0; p < kernels::kPivots; ++p) {
      ASSERT_EQ(counts[p], std::count_if(l_.begin(), l_.end(), [&](float x) {
                  return x >= pivots[p];
                }));
    }
    const Cut cut = AnyCut(dice);
    uint64_t members = 0;
    for (uint32_t i = 0; i < vocab_size(); ++i) members += In(i, cut) ? 1 : 0;
    ASSERT_EQ(kernels().count_cut(row(), cut), members);
    const auto equal = std::find(l_.begin(), l_.end(), pivots[0]);
    const bool found = equal != l_.end();
    ASSERT_EQ(
        kernels().first_equal(row(), pivots[0]),
        found ? static_cast<uint32_t>(equal - l_.begin()) : kernels::kNone);
    const float low = std::min(pivots[1], pivots[2]);
    const float high = std::max(pivots[1], pivots[2]);
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      if (l_[i] >= low && l_[i] < high) expected.push_back(i);
    }
    const uint32_t capacity = 1 + dice->Below(600);
    std::vector<uint32_t> ids(capacity + 1, 77);
    const uint32_t got =
        kernels().gather(row(), low, high, ids.data(), capacity);
    if (expected.size() > capacity) expected.resize(capacity);
    ASSERT_EQ(ids[capacity], 77u) << "wrote past the capacity";
    ids.resize(got);
    ASSERT_THAT(ids, ElementsAreArray(expected));
  });
}

TEST_P(Kernels, WeightsAndMassAreThoseOfTheSpecification) {
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

    Cut cut = AnyCut(dice);
    if (!AtMost(cut, candidates)) cut = candidates;
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      if (!In(i, cut)) w[i] = 0;
    }
    ASSERT_EQ(Bits(kernels().mass_cut(row(), cut)), Bits(ScalarSum(w)));
    ASSERT_EQ(Bits(kernels().restrict_to(row(), cut, &row().active_count)),
              Bits(ScalarSum(w)));
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

TEST_P(Kernels, SurprisalsTakeThePlaceOfWeights) {
  ForRows([&](const std::vector<float>& logits, Dice* dice) {
    Load(logits);
    const Scale scale = AnyScale(Largest(), dice);
    const Cut candidates = AnyCut(dice);
    const auto log_mass = static_cast<float>(LogD(Weigh(scale, candidates)));
    std::vector<float> terms = WeightsIn(scale, candidates);
    for (uint32_t i = 0; i < vocab_size(); ++i) {
      if (terms[i] > 0) terms[i] = terms[i] * (log_mass - D(i, scale));
    }
    ASSERT_EQ(Bits(kernels().to_surprisals(row(), scale, log_mass)),
              Bits(ScalarSum(terms)));
    ExpectWeights(terms);
  });
}

TEST_P(Kernels, MassOfAGrowingPrefixNeverFalls) {
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

TEST_P(Kernels, ExpFIsTheSpecifiedOneAtEveryStepFromZeroToItsFloor) {
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

LOGITD_ON_EACH_TARGET(Kernels);

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
    worst = std::max(worst, std::abs(ScalarExpF(d) / exact - 1));
  }
  EXPECT_LT(worst, 1.2e-7L);
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
