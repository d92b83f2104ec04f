#include "service/transport/rows.h"

#include <cassert>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/transport/bounds.h"

namespace logitd {
namespace {

absl::Status CheckRange(const char* field, uint32_t value, uint32_t value_max,
                        const char* flag) {
  if (value == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": 0 is outside [1, ", value_max, "]"));
  }
  if (value <= value_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(field, ": ", value, " is more than ", flag, " ", value_max));
}

}  // namespace

absl::StatusOr<RowTensor> RowTensor::Create(absl::string_view bytes,
                                            RowShape shape,
                                            const Limits& limits) {
  LOGITD_RETURN_IF_ERROR(
      CheckRange("row_count", shape.row_count, limits.max_rows, "--max_rows"));
  LOGITD_RETURN_IF_ERROR(CheckRange("row_width", shape.row_width,
                                    limits.max_vocab_size, "--max_vocab_size"));
  const uint64_t needed =
      uint64_t{shape.row_count} * shape.row_width * SizeOf(shape.dtype);
  if (bytes.size() != needed) {
    return absl::InvalidArgumentError(
        absl::StrCat("logits: ", bytes.size(), " bytes; ", shape.row_count,
                     " rows of ", shape.row_width, " logits of ",
                     SizeOf(shape.dtype), " bytes are ", needed));
  }
  RowTensor tensor;
  tensor.bytes_ = bytes;
  tensor.shape_ = shape;
  return tensor;
}

Row RowTensor::At(uint32_t index) const {
  const uint64_t row_bytes = uint64_t{shape_.row_width} * SizeOf(shape_.dtype);
  assert(InBounds(index * row_bytes, row_bytes, bytes_.size()));
  Row row;
  row.logits = bytes_.data() + index * row_bytes;
  row.width = shape_.row_width;
  row.dtype = shape_.dtype;
  return row;
}

absl::StatusOr<MaskTable> MaskTable::Create(absl::string_view bytes,
                                            uint32_t mask_words,
                                            uint32_t row_width) {
  const uint64_t words_max = (uint64_t{row_width} + 31) / 32;
  if (mask_words == 0 || mask_words > words_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("mask_words: ", mask_words, " is outside [1, ", words_max,
                     "] for rows of ", row_width));
  }
  MaskTable table;
  table.mask_bytes_ = uint64_t{mask_words} * 4;
  if (bytes.size() % table.mask_bytes_ != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "mask_table: ", bytes.size(), " bytes are not a multiple of the ",
        table.mask_bytes_, " of a mask"));
  }
  table.bytes_ = bytes;
  table.count_ = static_cast<uint32_t>(bytes.size() / table.mask_bytes_);
  return table;
}

void MaskTable::Apply(uint32_t index, Row* row) const {
  assert(InBounds(index * mask_bytes_, mask_bytes_, bytes_.size()));
  row->mask =
      reinterpret_cast<const uint8_t*>(bytes_.data()) + index * mask_bytes_;
  row->mask_bytes = mask_bytes_;
}

}  // namespace logitd
