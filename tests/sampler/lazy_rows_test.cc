// Rows that are read once and copied where somebody looks: the same bits as
// rows that are loaded, and no harm where the source changes meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "sampler/history.h"
#include "sampler/race.h"
#include "sampler/sampler.h"
#include "tests/sampler/kernel_rows.h"

namespace logitd::tests {
namespace {

using kernels::kBlockSize;
using kernels::Stored;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> AnyRow(Dice* dice, uint32_t count) {
  const auto shape = static_cast<Shape>(dice->Below(kShapeCount));
  return MakeRow(shape, count, dice->Next());
}

float Less(Dice* dice) { return static_cast<float>(0.3 * dice->Unit()); }

std::vector<uint8_t> BytesOf(const std::vector<float>& values, Stored stored) {
  const size_t size = stored == Stored::kFloat32 ? 4 : 2;
  std::vector<uint8_t> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    // Of binary16 a pattern that is a number: which one does not matter.
    const auto half = static_cast<uint16_t>(
        stored == Stored::kBfloat16 ? bits >> 16 : (bits >> 16) % 0x7C00);
    std::memcpy(&bytes[i * size],
                size == 4 ? static_cast<const void*>(&bits)
                          : static_cast<const void*>(&half),
                size);
  }
  return bytes;
}

class LazyRows : public OnKernelRows {
 protected:
  // The row lazily; the same loaded is in whole_.
  void Screen(const std::vector<uint8_t>& bytes, uint32_t count, Stored stored,
              bool ban_bad = false) {
    whole_.Reserve(count);
    const auto load = stored == Stored::kFloat32    ? kernels().load_f32
                      : stored == Stored::kBfloat16 ? kernels().load_bf16
                                                    : kernels().load_f16;
    uint32_t expected_bad = 0, bad = 0;
    const uint32_t expected =
        load(bytes.data(), count, ban_bad, whole_.row(), &expected_bad);
    kernels::LazyRow& lazy = workspace_.ReserveLazy(count);
    lazy.source = bytes.data();
    lazy.stored = stored;
    lazy.kernels = &kernels();
    ASSERT_EQ(kernels().screen(row(), ban_bad, &bad), expected);
    if (expected != kernels::kNone && !ban_bad) return;
    ASSERT_EQ(bad, expected_bad);
    for (uint32_t b = 0; b < row().block_count; ++b) {
      ASSERT_EQ(Bits(row().block_max[b]), Bits(whole_.row().block_max[b]));
    }
    l_.assign(whole_.row().l, whole_.row().l + count);
  }

  void ExpectLogits() {
    for (uint32_t id = 0; id < row().block_count * kBlockSize; ++id) {
      ASSERT_EQ(Bits(LogitOf(row(), id)), Bits(whole_.row().l[id])) << id;
    }
  }

  Workspace whole_;
};
LOGITD_ON_EACH_TARGET(LazyRows);

TEST_P(LazyRows, AreTheRowsThatAreLoaded) {
  Dice dice(61);
  for (const uint32_t count : {1u, 127u, 128u, 129u, 1000u, 4096u, 9001u}) {
    for (const Stored stored :
         {Stored::kFloat32, Stored::kBfloat16, Stored::kFloat16}) {
      std::vector<float> logits = AnyRow(&dice, count);
      logits[dice.Below(count)] = -0.0f;
      logits[dice.Below(count)] = stored == Stored::kFloat16 ? 1.0f : -kInf;
      const std::vector<uint8_t> bytes = BytesOf(logits, stored);
      ASSERT_NO_FATAL_FAILURE(Screen(bytes, count, stored));
      ExpectLogits();
      EXPECT_FALSE(workspace_.SourceChanged());
    }
  }
}

TEST_P(LazyRows, TellOfWhatIsNoNumber) {
  Dice dice(62);
  for (const float bad : {kNan, kInf, -kNan}) {
    for (const bool ban : {false, true}) {
      std::vector<float> logits = AnyRow(&dice, 3000);
      for (int i = 0; i < 5; ++i) logits[dice.Below(3000)] = bad;
      for (const Stored stored : {Stored::kFloat32, Stored::kBfloat16}) {
        const std::vector<uint8_t> bytes = BytesOf(logits, stored);
        ASSERT_NO_FATAL_FAILURE(Screen(bytes, 3000, stored, ban));
        if (ban) ExpectLogits();
      }
    }
  }
}

TEST_P(LazyRows, WeighWhatLoadedRowsWeigh) {
  Dice dice(63);
  for (int round = 0; round < 40; ++round) {
    const uint32_t count = 1 + dice.Below(20000);
    const Stored stored = static_cast<Stored>(dice.Below(3));
    const std::vector<uint8_t> bytes = BytesOf(AnyRow(&dice, count), stored);
    ASSERT_NO_FATAL_FAILURE(Screen(bytes, count, stored));
    Scale scale = AnyScale(Largest(), &dice);
    if (dice.Chance(0.2)) scale.square = 0.3f;
    const Cut cut = AnyCut(&dice);
    uint64_t members = 0, expected_members = 0;
    for (uint32_t id = 0; id < count; ++id) {
      expected_members += In(id, cut) && l_[id] > -kInf ? 1 : 0;
    }
    // Some blocks are there before, whatever they are needed for.
    for (int i = 0; i < 3; ++i) LogitOf(row(), dice.Below(count));
    RowView& whole = whole_.row();
    const double mass = kernels().weigh(whole, scale, cut, &whole.active_count);
    ASSERT_EQ(Bits(kernels().sum_weights(row(), scale, cut, &row().active_count,
                                         &members)),
              Bits(mass));
    ASSERT_EQ(members, expected_members);
    ASSERT_EQ(row().active_count, whole.active_count);
    for (uint32_t a = 0; a < whole.active_count; ++a) {
      const uint32_t b = whole.active[a];
      ASSERT_EQ(row().active[a], b);
      ASSERT_EQ(Bits(row().block_mass[b]), Bits(whole.block_mass[b]));
      const float* const w = WeightsOf(row(), b);
      for (uint32_t i = 0; i < kBlockSize; ++i) {
        ASSERT_EQ(Bits(w[i]), Bits(whole.w[b * kBlockSize + i])) << b;
      }
    }
  }
}

TEST_P(LazyRows, RestrictToAListedCutWhatOthersRestrictTo) {
  Dice dice(64);
  for (int round = 0; round < 40; ++round) {
    const uint32_t count = 200 + dice.Below(20000);
    const std::vector<uint8_t> bytes =
        BytesOf(AnyRow(&dice, count), Stored::kFloat32);
    ASSERT_NO_FATAL_FAILURE(Screen(bytes, count, Stored::kFloat32));
    const Scale scale = {Largest(), 1.0f};
    RowView& whole = whole_.row();
    uint64_t members = 0, expected_members = 0;
    kernels().weigh(whole, scale, kAllAllowed, &whole.active_count);
    kernels().sum_weights(row(), scale, kAllAllowed, &row().active_count,
                          &members);
    const uint32_t id = dice.Below(count);
    if (!(l_[id] > Largest() - 80)) continue;
    const Cut cut = {l_[id], id};
    std::vector<uint32_t> ids(500);
    std::vector<float> block_high(row().block_count);
    kernels::Listing listing = {cut.value - Less(&dice),
                                std::nextafter(cut.value, kInf) + Less(&dice),
                                ids.data(), 500};
    listing.block_high = block_high.data();
    kernels().gather_mass(row(), &listing);
    const double mass = kernels().restrict_to(whole, cut, &whole.active_count,
                                              &expected_members);
    ASSERT_EQ(Bits(kernels().restrict_to_listed(row(), cut, listing,
                                                &row().active_count, &members)),
              Bits(mass));
    ASSERT_EQ(members, expected_members);
    ASSERT_EQ(row().active_count, whole.active_count);
    for (uint32_t a = 0; a < whole.active_count; ++a) {
      const uint32_t b = whole.active[a];
      ASSERT_EQ(Bits(row().block_mass[b]), Bits(whole.block_mass[b]));
      const float* const w = WeightsOf(row(), b);
      for (uint32_t i = 0; i < kBlockSize; ++i) {
        ASSERT_EQ(Bits(w[i]), Bits(whole.w[b * kBlockSize + i])) << b;
      }
    }
  }
}

TEST_P(LazyRows, ATornBlockKeepsItsMaximum) {
  std::vector<float> logits(300, 1.0f);
  logits[5] = 4.0f;
  logits[200] = 2.0f;
  const std::vector<uint8_t> before = BytesOf(logits, Stored::kFloat32);
  std::vector<uint8_t> bytes = before;
  ASSERT_NO_FATAL_FAILURE(Screen(bytes, 300, Stored::kFloat32));
  // Between the reads: NaN and more than the maximum in one block, its maximum
  // gone from the other.
  for (const auto& [id, value] :
       {std::pair(7, kNan), std::pair(8, 100.0f), std::pair(200, -3.0f)}) {
    std::memcpy(&bytes[static_cast<size_t>(id) * 4], &value, 4);
  }
  EXPECT_EQ(LogitOf(row(), 7), 4.0f);
  EXPECT_EQ(LogitOf(row(), 8), 4.0f);
  EXPECT_EQ(LogitOf(row(), 6), 1.0f);
  EXPECT_TRUE(workspace_.SourceChanged());
  EXPECT_EQ(LogitOf(row(), 128), 2.0f) << "the first stands for the maximum";
  EXPECT_EQ(LogitOf(row(), 200), -3.0f);
}

TEST_P(LazyRows, SpreadIsHowManyBlocksShareTheWeight) {
  std::vector<float> logits(100 * kBlockSize, -50.0f);
  for (uint32_t b = 0; b < 10; ++b) logits[b * 7 * kBlockSize + b] = 3.0f;
  const std::vector<uint8_t> bytes = BytesOf(logits, Stored::kFloat32);
  ASSERT_NO_FATAL_FAILURE(Screen(bytes, 100 * kBlockSize, Stored::kFloat32));
  EXPECT_NEAR(kernels().spread_of_blocks(row(), {3.0f, 1.0f}), 10, 1e-4);
}

TEST_P(LazyRows, NoiseOfManyIsThatOfEach) {
  const NoisePoint at = {{0x123456789ABCDEFu}, 77, 5};
  for (const uint32_t pairs : {1u, 3u, 8u, 64u}) {
    for (const uint32_t first : {0u, 63u, 0x7FFFFFC0u}) {
      std::vector<uint64_t> noise(2 * pairs + 1, 9);
      kernels().noise(KeyOfNoise(at, Purpose::kTokenRace), first, pairs,
                      noise.data());
      for (uint32_t i = 0; i < 2 * pairs; ++i) {
        ASSERT_EQ(noise[i], Noise(at, Purpose::kTokenRace, 2 * first + i));
      }
      ASSERT_EQ(noise[2 * pairs], 9u) << "wrote past the end";
    }
  }
}

// Who writes a row while it is sampled: another table's screen lets him in.
std::vector<float>* torn = nullptr;
const kernels::KernelTable* behind = nullptr;
float torn_to = 0;

uint32_t ScreenAndTear(const RowView& row, bool ban_bad, uint32_t* bad_count) {
  const uint32_t bad = behind->screen(row, ban_bad, bad_count);
  std::fill(torn->begin(), torn->end(), torn_to);
  return bad;
}

TEST_P(LazyRows, ARowThatChangesIsAnErrorOrATokenAndNothingElse) {
  kernels::KernelTable table = kernels();
  behind = &kernels();
  table.screen = ScreenAndTear;
  std::vector<Params> all(5);
  all[1].temperature = 0;
  all[2].top_k = 40;
  all[3].top_p = 0.9;
  all[4].min_p = 0.1;
  all[4].repetition_penalty = 1.3;
  Dice dice(65);
  for (const float value : {kNan, kInf, -kInf, 1e30f, -1e30f, 3.0f}) {
    for (const Params& params : all) {
      const Plan plan = *Plan::Compile(params, 20000);
      History history({1, 2, 3});
      ASSERT_TRUE(history.Follow(plan).ok());
      std::vector<float> logits = MakeRow(Shape::kNormal, 20000, dice.Next());
      torn = &logits;
      torn_to = value;
      Row source;
      source.logits = logits.data();
      source.width = 20000;
      Outcome outcome;
      const absl::Status status =
          Sampler(table).Sample(plan, history, {}, {StreamKey{3}, 3, 0}, source,
                                {}, {}, &workspace_, &outcome);
      // What sinks where only the sum of a block was wanted goes unnoticed.
      if (status.ok() && value < 0) {
        EXPECT_LT(outcome.token, 20000u);
        continue;
      }
      EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << value;
    }
  }
}

}  // namespace
}  // namespace logitd::tests
