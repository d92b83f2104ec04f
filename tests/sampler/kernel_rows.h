// A row in a workspace, loaded by a target's kernel, and the same numbers by
// hand.
//
// Knows GoogleTest. Confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_KERNEL_ROWS_H_
#define LOGITD_TESTS_SAMPLER_KERNEL_ROWS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "sampler/kernels/kernels.h"
#include "sampler/prefix.h"
#include "sampler/workspace.h"
#include "tests/sampler/targets.h"
#include "tests/support/kernels_scalar.h"
#include "tests/support/rows.h"

namespace logitd::tests {

using kernels::Cut;
using kernels::RowView;
using kernels::Scale;

inline constexpr float kInf = std::numeric_limits<float>::infinity();

inline uint32_t Bits(float x) { return std::bit_cast<uint32_t>(x); }
inline uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }

// A row loaded by the target's kernel, and the same by hand.
class OnKernelRows : public OnEachTarget {
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
  uint64_t MembersInActive(Cut cut) {
    uint64_t members = 0;
    for (uint32_t a = 0; a < row().active_count; ++a) {
      const uint32_t first = row().active[a] * 128;
      for (uint32_t id = first; id < first + 128; ++id) {
        members += id < vocab_size() && In(id, cut) ? 1 : 0;
      }
    }
    return members;
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
    ExpectActiveWeights(row(), w);
    std::vector<bool> active(row().block_count, false);
    for (uint32_t a = 0; a < row().active_count; ++a) {
      active[row().active[a]] = true;
    }
    for (uint32_t b = 0; b < row().block_count; ++b) {
      if (!active[b]) {
        ASSERT_EQ(Bits(row().block_mass[b]), 0u) << "block " << b;
      }
    }
    for (uint32_t i = 0; i < w.size(); ++i) {
      if (!active[i / 128]) {
        ASSERT_EQ(w[i], 0) << "id " << i;
      }
    }
  }

  // w and block_mass of the active blocks, which rise.
  static void ExpectActiveWeights(const RowView& row,
                                  const std::vector<float>& w) {
    for (uint32_t a = 0; a < row.active_count; ++a) {
      const uint32_t b = row.active[a];
      if (a > 0) {
        ASSERT_LT(row.active[a - 1], b);
      }
      const size_t first = b * size_t{128};
      const size_t count = std::min<size_t>(128, w.size() - first);
      const float sum = ScalarBlockSum(&w[first], count);
      ASSERT_EQ(Bits(row.block_mass[b]), Bits(sum)) << "block " << b;
      for (size_t i = first; i < first + count; ++i) {
        ASSERT_EQ(Bits(row.w[i]), Bits(w[i])) << "id " << i;
      }
    }
  }

  // What a kernel that makes listings lists of weights w: make(&listing).
  template <class Make>
  void ExpectListed(const std::vector<float>& w, float low, float high,
                    uint32_t capacity, const Make& make) {
    std::vector<uint32_t> expected, ids(capacity + 1, 77);
    std::vector<float> from_low = w, from_high = w;
    for (uint32_t a = 0; a < row().active_count; ++a) {
      for (uint32_t i = 0; i < 128; ++i) {
        const uint32_t id = row().active[a] * 128 + i;
        if (id < w.size() && l_[id] >= low && l_[id] < high) {
          expected.push_back(id);
        }
      }
    }
    for (uint32_t i = 0; i < w.size(); ++i) {
      if (!(l_[i] >= low)) from_low[i] = 0;
      if (!(l_[i] >= high)) from_high[i] = 0;
    }
    std::vector<float> block_high(row().block_count, 7);
    kernels::Listing listing = {low, high, ids.data(), capacity};
    listing.block_high = block_high.data();
    listing.count = 5;
    listing.others = 5;
    listing.from_low = listing.from_high = -1;
    make(&listing);
    ExpectToldOfBlocks(listing, from_high);
    ASSERT_EQ(Bits(listing.from_low), Bits(ScalarSum(from_low)));
    ASSERT_EQ(Bits(listing.from_high), Bits(ScalarSum(from_high)));
    ASSERT_EQ(ids[capacity], 77u) << "wrote past the capacity";
    if (expected.size() > capacity) expected.resize(capacity);
    ids.resize(listing.count);
    ASSERT_EQ(ids, expected);
  }

  // What a listing tells of the active blocks; `high`: the weights of l >=
  // high.
  void ExpectToldOfBlocks(const kernels::Listing& listing,
                          const std::vector<float>& high) {
    uint64_t others = 0;
    for (uint32_t a = 0; a < row().active_count; ++a) {
      const size_t first = row().active[a] * size_t{128};
      const size_t count = std::min<size_t>(128, high.size() - first);
      uint64_t listed = 0, above = 0;
      for (size_t id = first; id < first + count; ++id) {
        above += l_[id] >= listing.high ? 1 : 0;
        listed += l_[id] >= listing.low && l_[id] < listing.high ? 1 : 0;
      }
      others += listed == 0 ? above : 0;
      const float expected =
          listed > 0 ? -1 : ScalarBlockSum(&high[first], count);
      ASSERT_EQ(Bits(listing.block_high[row().active[a]]), Bits(expected));
    }
    ASSERT_EQ(listing.others, others);
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

inline Scale AnyScale(float m, Dice* dice) {
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

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_KERNEL_ROWS_H_
