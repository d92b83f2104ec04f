// Every kernel of every target against one number at a time, bit for bit.
#include "sampler/kernels/kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "sampler/dtype.h"
#include "tests/sampler/kernel_rows.h"

namespace logitd::tests {
namespace {

using ::testing::ElementsAreArray;

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

// Or comparing them would compare one with itself.
TEST(KernelTables, HaveCodeOfTheirOwn) {
  const kernels::KernelList list = kernels::Available();
  for (size_t i = 0; i < list.count; ++i) {
    for (size_t k = 0; k < i; ++k) {
      EXPECT_NE(list.tables[i]->weigh, list.tables[k]->weigh)
          << list.tables[i]->name << " and " << list.tables[k]->name;
    }
  }
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

class Kernels : public OnKernelRows {};

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
      if (!std::isnan(wide)) {
        ASSERT_EQ(Bits(one), Bits(wide)) << "bits " << i;
      }
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
    if (members > 0) {
      const Cut last = kernels().last_of(row(), cut);
      ASSERT_TRUE(In(last.id, cut));
      ASSERT_EQ(last.value, l_[last.id]);
      ASSERT_EQ(kernels().count_cut(row(), last), members);
    }
    ASSERT_EQ(kernels().largest(row()), Largest());
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

// Whatever a register of block maxima holds of them.
TEST_P(Kernels, FindABlockWhereverItStands) {
  for (uint32_t blocks = 1; blocks <= 40; ++blocks) {
    for (uint32_t b = 0; b < blocks; ++b) {
      const uint32_t id = b * 128 + 77;
      std::vector<float> logits(blocks * 128, -2);
      logits[id] = 5;
      Load(logits);
      ASSERT_EQ(kernels().largest(row()), 5);
      ASSERT_EQ(kernels().first_equal(row(), 5), id);
      ASSERT_EQ(kernels().first_equal(row(), 6), kernels::kNone);
      ASSERT_EQ(kernels().first_equal(row(), -2), 0u);
      ASSERT_EQ(kernels().count_cut(row(), {5, kernels::kNone}), 1u);
      ASSERT_EQ(kernels().count_cut(row(), kAllAllowed), logits.size());
      uint32_t active = 0;
      ASSERT_EQ(kernels().weigh(row(), {5, 1}, {5, kernels::kNone}, &active),
                1);
      ASSERT_EQ(active, 1u);
      ASSERT_EQ(row().active[0], b);
    }
  }
  Load(std::vector<float>(300, -kInf));
  EXPECT_EQ(kernels().largest(row()), -kInf);
}

LOGITD_ON_EACH_TARGET(Kernels);

}  // namespace
}  // namespace logitd::tests
