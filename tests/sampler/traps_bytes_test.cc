// Rows as bytes: their order, their alignment, and NaN of every payload. A trap
// of samplers, traps.tsv has them all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "sampler/row_digest.h"
#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

// The lowest `size` bytes of each value, low byte first.
Bytes Packed(const std::vector<uint32_t>& values, size_t size) {
  Bytes bytes;
  for (const uint32_t value : values) {
    for (size_t i = 0; i < size; ++i) {
      bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
  }
  return bytes;
}

class RowBytes : public OnEachTarget {
 protected:
  // One token for a row stored `misaligned` bytes behind an aligned address.
  absl::Status Sample(const Bytes& bytes, Dtype dtype, size_t misaligned,
                      OnNonFinite on_non_finite) {
    stored_.assign(misaligned + bytes.size(), 0xFF);
    std::memcpy(stored_.data() + misaligned, bytes.data(), bytes.size());
    Row row;
    row.logits = stored_.data() + misaligned;
    row.width = static_cast<uint32_t>(bytes.size() / SizeOf(dtype));
    row.dtype = dtype;
    Params params;
    params.on_non_finite = on_non_finite;
    const auto plan = Plan::Compile(params, row.width);
    History history;
    const absl::Status followed = history.Follow(*plan);
    EXPECT_TRUE(followed.ok());
    return sampler_.Sample(*plan, history, {}, {}, row, Question({}).report, {},
                           &workspace_, &outcome_);
  }

  Bytes stored_;
  Outcome outcome_;
  Workspace workspace_;
  Sampler sampler_{kernels()};
};

TEST_P(RowBytes, ComeLowByteFirst) {
  const std::pair<Dtype, Bytes> rows[] = {
      {Dtype::kBfloat16, {0, 0, 0x80, 0x3F}},
      {Dtype::kFloat16, {0, 0, 0, 0x3C}},
      {Dtype::kFloat32, {0, 0, 0, 0, 0, 0, 0x80, 0x3F}}};
  for (const auto& [dtype, bytes] : rows) {
    ASSERT_TRUE(Sample(bytes, dtype, 0, OnNonFinite::kReject).ok());
    EXPECT_THAT(KeptIds(outcome_), ::testing::ElementsAre(1, 0));  // 1 and 0
    EXPECT_THAT(Probabilities(outcome_), AreAbout({.7311, .2689}));
  }
}

// All there are of two bytes. The digest is of the row as loaded.
TEST_P(RowBytes, OfEveryValueAreWidenedExactlyAndNanOfAnyPayloadIsBanned) {
  std::vector<uint32_t> all(0x10000);
  for (uint32_t bits = 0; bits < 0x10000; ++bits) all[bits] = bits;
  for (const Dtype dtype : {Dtype::kBfloat16, Dtype::kFloat16}) {
    const bool is_bfloat16 = dtype == Dtype::kBfloat16;
    std::vector<float> expected;
    uint32_t bad = 0;
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const auto half = static_cast<uint16_t>(bits);
      const float wide = is_bfloat16 ? FromBfloat16(half) : FromFloat16(half);
      const bool is_bad = std::isnan(wide) || wide == HUGE_VALF;
      bad += is_bad ? 1 : 0;
      expected.push_back(is_bad ? kBannedLogit : wide + 0.0f);
    }
    ASSERT_EQ(bad, is_bfloat16 ? 2 * 127 + 1 : 2 * 1023 + 1);
    for (const size_t misaligned : {0u, 1u, 2u, 3u}) {
      ASSERT_TRUE(
          Sample(Packed(all, 2), dtype, misaligned, OnNonFinite::kBan).ok());
      EXPECT_EQ(outcome_.non_finite_banned, bad);
      EXPECT_EQ(outcome_.row_digest, RowDigest(expected.data(), 0x10000));
      EXPECT_EQ(outcome_.kept, 0x10000 - bad - 1) << "and -inf";
      EXPECT_TRUE(std::isfinite(outcome_.final_logprob));
      EXPECT_TRUE(std::isfinite(outcome_.raw_logprob));
    }
  }
}

struct NonFinite {
  Dtype dtype;
  uint32_t bits;
};

// Quiet and signalling, of both signs, the least payload and the largest.
constexpr NonFinite kNonFinite[] = {
    {Dtype::kBfloat16, 0x7F81},    {Dtype::kBfloat16, 0x7FC0},
    {Dtype::kBfloat16, 0x7FFF},    {Dtype::kBfloat16, 0xFF81},
    {Dtype::kBfloat16, 0xFFFF},    {Dtype::kBfloat16, 0x7F80},
    {Dtype::kFloat16, 0x7C01},     {Dtype::kFloat16, 0x7E00},
    {Dtype::kFloat16, 0x7FFF},     {Dtype::kFloat16, 0xFC01},
    {Dtype::kFloat16, 0xFFFF},     {Dtype::kFloat16, 0x7C00},
    {Dtype::kFloat32, 0x7F800001}, {Dtype::kFloat32, 0x7FC00000},
    {Dtype::kFloat32, 0x7FFFFFFF}, {Dtype::kFloat32, 0xFF800001},
    {Dtype::kFloat32, 0xFFFFFFFF}, {Dtype::kFloat32, 0x7F800000}};

TEST_P(RowBytes, WithANanAnywhereAreRefusedByItsIndex) {
  for (const NonFinite& bad : kNonFinite) {
    for (const uint32_t index : {0u, 7u, 130u, 299u}) {
      std::vector<uint32_t> values(300, 0);
      values[index] = bad.bits;
      const Bytes bytes = Packed(values, SizeOf(bad.dtype));
      const std::string name =
          "index " + std::to_string(index) + " of " + std::to_string(bad.bits);
      for (const size_t misaligned : {0u, 1u, 3u}) {
        const absl::Status status =
            Sample(bytes, bad.dtype, misaligned, OnNonFinite::kReject);
        EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
        EXPECT_THAT(std::string(status.message()),
                    HasSubstr("index " + std::to_string(index) + " "));
        EXPECT_TRUE(
            Sample(bytes, bad.dtype, misaligned, OnNonFinite::kBan).ok());
        EXPECT_EQ(outcome_.non_finite_banned, 1u) << name;
        EXPECT_EQ(outcome_.kept, 299u) << name;
      }
    }
  }
}

TEST_P(RowBytes, OfMinusInfinityAreNoNan) {
  const std::pair<Dtype, uint32_t> all[] = {{Dtype::kBfloat16, 0xFF80},
                                            {Dtype::kFloat16, 0xFC00},
                                            {Dtype::kFloat32, 0xFF800000}};
  for (const auto& [dtype, bits] : all) {
    const Bytes bytes = Packed({0, bits, 0}, SizeOf(dtype));
    ASSERT_TRUE(Sample(bytes, dtype, 1, OnNonFinite::kReject).ok());
    EXPECT_EQ(outcome_.kept, 2u);
    EXPECT_EQ(outcome_.non_finite_banned, 0u);
  }
}

LOGITD_ON_EACH_TARGET(RowBytes);

}  // namespace
}  // namespace logitd::tests
