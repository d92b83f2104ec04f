// The search by mass against one that tries prefixes of the sorted row, on rows
// that mislead its aim too.
#include "sampler/mass_prefix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

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

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr uint32_t kBlock = kernels::kBlockSize;

uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }

class MassPrefixes : public OnEachTarget {
 protected:
  // Loads and weighs; the largest logit is the scale's m.
  void Weigh(const std::vector<float>& logits, float inverse_temperature) {
    l_ = logits;
    inverse_temperature_ = inverse_temperature;
    ranks_.clear();
    for (uint32_t i = 0; i < l_.size(); ++i) {
      if (l_[i] > -kInf) ranks_.push_back(i);
    }
    std::sort(ranks_.begin(), ranks_.end(), [&](uint32_t a, uint32_t b) {
      return l_[a] != l_[b] ? l_[a] > l_[b] : a < b;
    });
    WeighAgain();
    w_.assign(l_.size(), 0);
    for (uint32_t a = 0; a < row().active_count; ++a) {
      const size_t first = size_t{row().active[a]} * kBlock;
      const size_t end = std::min<size_t>(first + kBlock, l_.size());
      std::copy(row().w + first, row().w + end,
                w_.begin() + static_cast<std::ptrdiff_t>(first));
    }
  }

  void WeighAgain() {
    workspace_.Reserve(static_cast<uint32_t>(l_.size()));
    uint32_t bad = 0;
    kernels().load_f32(l_.data(), static_cast<uint32_t>(l_.size()), false,
                       row(), &bad);
    scale_ = {kernels().largest(row()), inverse_temperature_};
    // Of some row before; nothing may look at it.
    for (size_t i = 0; i < size_t{row().block_count} * kBlock; ++i) {
      row().w[i] = i % 2 == 0 ? 1e30f : -3000.0f;
    }
    mass_ = kernels().weigh(row(), scale_, kAllAllowed, &row().active_count);
  }

  // `terms` of the first n of the rank, +0 for others.
  std::vector<float> FirstOf(const std::vector<float>& terms, size_t n) const {
    std::vector<float> first(l_.size(), 0.0f);
    for (size_t i = 0; i < n; ++i) first[ranks_[i]] = terms[ranks_[i]];
    return first;
  }
  std::vector<float> First(size_t n) const { return FirstOf(w_, n); }

  // Of the shortest prefix whose terms add up to at least this.
  size_t LengthOf(const std::vector<float>& terms, double target) const {
    size_t low = 0, high = ranks_.size();
    while (high - low > 1) {
      const size_t middle = (low + high) / 2;
      (ScalarSum(FirstOf(terms, middle)) >= target ? high : low) = middle;
    }
    return high;
  }

  void Expect(double target) {
    SCOPED_TRACE("target " + std::to_string(target) + " of " +
                 std::to_string(mass_));
    WeighAgain();
    const Scale aimed = {scale_.m, scale_.inverse_temperature * aim_};
    const MassPrefix found = RestrictToMass(kernels(), aimed, kAllAllowed,
                                            target, mass_, &row(), &workspace_);
    ExpectFound(found, LengthOf(w_, target));
  }

  void ExpectFound(const MassPrefix& found, size_t length) {
    ASSERT_EQ(found.cut.id, ranks_[length - 1]);
    ASSERT_EQ(found.cut.value, l_[found.cut.id]);
    const std::vector<float> kept = First(length);
    ASSERT_EQ(Bits(found.mass), Bits(ScalarSum(kept)));
    ExpectRestrictedTo(kept);
  }

  // The prefix beyond a share of the surprisals.
  void ExpectBeyond(double share) {
    SCOPED_TRACE("share " + std::to_string(share));
    WeighAgain();
    const auto log_mass = static_cast<float>(LogD(mass_));
    std::vector<float> surprisals = w_;
    for (uint32_t i = 0; i < l_.size(); ++i) {
      if (w_[i] > 0) surprisals[i] *= log_mass - DOf(scale_, l_[i]);
    }
    const double sum = ScalarSum(surprisals);
    const double target = std::nextafter(share * sum, kInf);
    const std::optional<MassPrefix> found =
        RestrictToSurprisal(kernels(), scale_, kAllAllowed, mass_, log_mass,
                            share, &row(), &workspace_);
    ASSERT_EQ(found.has_value(), target <= sum);
    if (found.has_value()) ExpectFound(*found, LengthOf(surprisals, target));
  }

  // As ExpectAll.
  void ExpectAllBeyond(Dice* dice, int count) {
    for (const double share : {1e-9, 0.1, 0.5, 0.9, 0.999, 0.9999999, 1.0}) {
      ASSERT_NO_FATAL_FAILURE(ExpectBeyond(share));
    }
    for (int i = 0; i < count; ++i) {
      const double share = dice->Unit();
      ASSERT_NO_FATAL_FAILURE(ExpectBeyond(share));
      ASSERT_NO_FATAL_FAILURE(ExpectBeyond(1 - share * share * 0x1p-16));
    }
  }

  // What stands in the row are these weights and no others.
  void ExpectRestrictedTo(const std::vector<float>& kept) {
    std::vector<float> standing(row().block_count * kBlock, 0.0f);
    for (uint32_t a = 0; a < row().active_count; ++a) {
      const uint32_t b = row().active[a];
      if (a > 0) {
        ASSERT_LT(row().active[a - 1], b);
      }
      std::copy(row().w + size_t{b} * kBlock, row().w + size_t{b + 1} * kBlock,
                standing.begin() + std::ptrdiff_t{b} * kBlock);
      ASSERT_EQ(row().block_mass[b],
                ScalarBlockSum(&standing[size_t{b} * kBlock], kBlock))
          << "block " << b;
    }
    for (uint32_t b = 0; b < row().block_count; ++b) {
      const bool active = std::binary_search(
          row().active, row().active + row().active_count, b);
      ASSERT_TRUE(active || row().block_mass[b] == 0) << "block " << b;
    }
    standing.resize(kept.size());
    ASSERT_EQ(standing, kept);
  }

  // At shares that people set, at the ends, and within a rounding error of
  // masses that prefixes have.
  void ExpectAll(Dice* dice, int count) {
    for (const double p : {1e-9, 0.1, 0.5, 0.9, 0.95, 0.999, 0.9999999, 1.0}) {
      ASSERT_NO_FATAL_FAILURE(Expect(std::max(p * mass_, 0x1p-1070)));
    }
    for (int i = 0; i < count; ++i) {
      const size_t length =
          1 + dice->Below(static_cast<uint32_t>(ranks_.size()));
      const double exact = ScalarSum(First(length));
      ASSERT_NO_FATAL_FAILURE(Expect(exact));
      const double beyond = std::nextafter(exact, 2 * exact);
      if (beyond <= mass_) {
        ASSERT_NO_FATAL_FAILURE(Expect(beyond));
      }
    }
  }

  RowView& row() { return workspace_.row(); }

  Workspace workspace_;
  std::vector<float> l_, w_;
  std::vector<uint32_t> ranks_;
  float inverse_temperature_ = 1;
  Scale scale_ = {0, 1};
  float aim_ = 1;  // what the search is told of it is off by this factor
  double mass_ = 0;
};

TEST_P(MassPrefixes, AreTheShortestOnRowsOfEveryShape) {
  Dice dice(31);
  const std::vector<uint32_t> large = {20000, 40961};
  for (int shape = 0; shape < kShapeCount; ++shape) {
    const int rounds = Effort(3, 1);
    for (int round = 0; round < rounds; ++round) {
      const uint32_t size = round < 2 ? large[static_cast<size_t>(round)]
                                      : dice.OneOf(SmallVocabularies());
      SCOPED_TRACE(std::string(Name(static_cast<Shape>(shape))) + " of " +
                   std::to_string(size));
      Weigh(MakeRow(static_cast<Shape>(shape), size, dice.Next()),
            dice.OneOf<float>({1, 0.5f, 2, 1 / 0.7f}));
      ASSERT_NO_FATAL_FAILURE(ExpectAll(&dice, Effort(3, 1)));
      ASSERT_NO_FATAL_FAILURE(ExpectAllBeyond(&dice, Effort(3, 1)));
    }
  }
}

// Rows whose blocks are of two kinds, so that a sample of a few, whichever they
// are, says little of the others.
TEST_P(MassPrefixes, AreTheShortestWhereASampleMisleads) {
  constexpr uint32_t kBlocks = 300;
  Dice dice(32);
  for (int round = 0; round < Effort(12, 3); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const uint32_t every = 2 + dice.Below(60), phase = dice.Below(every);
    const float lift = dice.OneOf<float>({-1000, -30, -3, 3, 30});
    const float spread = dice.OneOf<float>({0, 0.001f, 1, 8});
    std::vector<float> logits(size_t{kBlocks} * kBlock);
    for (uint32_t i = 0; i < logits.size(); ++i) {
      logits[i] = spread * dice.Normal();
      if (i / kBlock % every == phase) logits[i] += lift;
    }
    Weigh(logits, 1);
    ASSERT_NO_FATAL_FAILURE(ExpectAll(&dice, 2));
    ASSERT_NO_FATAL_FAILURE(ExpectAllBeyond(&dice, 2));
  }
}

// Blocks of nearly equal mass, one token or many in each, beside blocks of
// twice the mass: a regression on the mass makes sums below 0 of surprisals.
TEST_P(MassPrefixes, AreTheShortestWhereMassSaysNothingOfSurprisal) {
  constexpr uint32_t kBlocks = 300;
  Dice dice(36);
  for (uint32_t phase = 0; phase < 9; ++phase) {
    SCOPED_TRACE("phase " + std::to_string(phase));
    std::vector<float> logits(size_t{kBlocks} * kBlock, -60.0f);
    for (uint32_t b = 0; b < kBlocks; ++b) {
      float* const block = &logits[size_t{b} * kBlock];
      const bool is_sampled = b % 9 == phase;
      const bool is_peak = b / 9 % 2 == 0;
      const double mass = is_sampled ? (is_peak ? 1.01 : 0.99) : 2;
      const uint32_t tokens = is_peak ? 1 : kBlock;
      for (uint32_t i = 0; i < tokens; ++i) {
        block[i] =
            static_cast<float>(std::log(mass / tokens)) + 1e-4f * dice.Normal();
      }
    }
    Weigh(logits, 1);
    ASSERT_NO_FATAL_FAILURE(ExpectAll(&dice, 1));
    ASSERT_NO_FATAL_FAILURE(ExpectAllBeyond(&dice, 3));
  }
}

// Tokens that have no weight, in blocks that have some and in others, on rows
// that a list holds whole and on longer ones. The weights of typical_p are not
// those of its keys, so that its search looks too low.
TEST_P(MassPrefixes, DoNotLookAtWhatHasNoWeight) {
  Dice dice(35);
  aim_ = 0.01f;
  for (const uint32_t blocks : {30u, 300u}) {
    for (const uint32_t every : {1u, 3u, 40u}) {
      for (const float lift : {-86.5f, -87.5f, -300.0f}) {
        std::vector<float> logits(size_t{blocks} * kBlock);
        for (uint32_t i = 0; i < logits.size(); ++i) {
          logits[i] = dice.Normal();
          if (i / kBlock % every != 0 || dice.Chance(0.2)) logits[i] += lift;
        }
        Weigh(logits, 1);
        ASSERT_NO_FATAL_FAILURE(ExpectAll(&dice, 2));
      }
    }
  }
}

// More ids of one value than a list holds, among others above and below.
TEST_P(MassPrefixes, EndWithinManyEqualLogits) {
  Dice dice(33);
  for (const float below : {-1.0f, -20.0f, -kInf}) {
    std::vector<float> logits(60000, 0.0f);
    for (float& logit : logits) {
      if (dice.Chance(0.02)) logit = dice.Normal();
      if (dice.Chance(0.3)) logit = below;
    }
    Weigh(logits, 1);
    ASSERT_NO_FATAL_FAILURE(ExpectAll(&dice, Effort(8, 2)));
    ASSERT_NO_FATAL_FAILURE(ExpectAllBeyond(&dice, Effort(4, 2)));
  }
}

// A tail so light that sums cannot feel thousands of its tokens.
TEST_P(MassPrefixes, EndWhereSumsHardlyGrow) {
  Dice dice(34);
  std::vector<float> logits(50000);
  for (uint32_t i = 0; i < logits.size(); ++i) {
    logits[i] = i % 1000 == 0 ? 0.0f : -16 + 0.5f * dice.Normal();
  }
  Weigh(logits, 1);
  ASSERT_NO_FATAL_FAILURE(ExpectAll(&dice, Effort(10, 2)));
  ASSERT_NO_FATAL_FAILURE(ExpectAllBeyond(&dice, Effort(5, 2)));
}

LOGITD_ON_EACH_TARGET(MassPrefixes);

}  // namespace
}  // namespace logitd::tests
