#include "service/transport/rows.h"

#include <string>

#include "gtest/gtest.h"
#include "service/transport/bounds.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::StatusIs;
using Code = absl::StatusCode;

TEST(InBounds, IsRightForEveryByteSizedQuestion) {
  for (uint64_t size = 0; size < 20; ++size) {
    for (uint64_t offset = 0; offset < 25; ++offset) {
      for (uint64_t length = 0; length < 25; ++length) {
        EXPECT_EQ(InBounds(offset, length, size), offset + length <= size);
      }
    }
  }
}

TEST(InBounds, NeverOverflows) {
  const uint64_t huge = ~uint64_t{0};
  EXPECT_FALSE(InBounds(huge, 1, huge));
  EXPECT_FALSE(InBounds(1, huge, 100));
  EXPECT_FALSE(InBounds(huge, huge, 100));
  EXPECT_TRUE(InBounds(huge, 0, huge));
}

TEST(RowTensor, ViewsEachRowInPlace) {
  const std::string bytes(2 * 3 * 2, 'x');
  const auto tensor =
      RowTensor::Create(bytes, {2, 3, Dtype::kBfloat16}, Limits());
  ASSERT_THAT(tensor, IsOk());
  for (uint32_t i = 0; i < 2; ++i) {
    const Row row = tensor->At(i);
    EXPECT_EQ(row.logits, bytes.data() + i * 6);
    EXPECT_EQ(row.width, 3u);
    EXPECT_EQ(row.dtype, Dtype::kBfloat16);
    EXPECT_EQ(row.mask, nullptr);
  }
}

TEST(RowTensor, WantsExactlyItsBytes) {
  for (const size_t size : {0u, 23u, 25u, 48u}) {
    EXPECT_THAT(RowTensor::Create(std::string(size, 'x'),
                                  {2, 3, Dtype::kFloat32}, Limits()),
                StatusIs(Code::kInvalidArgument, "are 24"));
  }
}

TEST(RowTensor, RefusesShapesWhoseProductWouldOverflow) {
  Limits limits;
  limits.max_rows = limits.max_vocab_size = 0xFFFFFFFFu;
  EXPECT_THAT(
      RowTensor::Create(std::string(16, 'x'),
                        {0xFFFFFFFFu, 0xFFFFFFFFu, Dtype::kFloat32}, limits),
      StatusIs(Code::kInvalidArgument, "logits: 16 bytes"));
}

TEST(MaskTable, PutsOneOfItsMasksOnARow) {
  const std::string bytes(3 * 8, 'm');
  const auto masks = MaskTable::Create(bytes, 2, 40);
  ASSERT_THAT(masks, IsOk());
  EXPECT_EQ(masks->count(), 3u);
  Row row;
  masks->Apply(2, &row);
  EXPECT_EQ(reinterpret_cast<const char*>(row.mask), bytes.data() + 16);
  EXPECT_EQ(row.mask_bytes, 8u);
}

TEST(MaskTable, HasAsManyWordsAsARowCanUse) {
  const std::string bytes(4 * 64, 'm');
  EXPECT_THAT(MaskTable::Create(bytes, 1, 1), IsOk());
  EXPECT_THAT(MaskTable::Create(bytes, 2, 33), IsOk());
  EXPECT_THAT(MaskTable::Create(bytes, 2, 32),
              StatusIs(Code::kInvalidArgument, "mask_words: 2 is outside"));
  EXPECT_THAT(MaskTable::Create(bytes, 0, 32),
              StatusIs(Code::kInvalidArgument, "mask_words: 0 is outside"));
}

}  // namespace
}  // namespace logitd
