// Checked views of row-sized data: a tensor of logits, a table of masks.
//
// After these nobody knows how the bytes came. They copy nothing and own
// nothing: the bytes must outlive them. Values may be anything, alignment too.
// Thread-safe to read. Errors read "<field>: <why>", fields as in Step.
#ifndef LOGITD_SERVICE_TRANSPORT_ROWS_H_
#define LOGITD_SERVICE_TRANSPORT_ROWS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sampler/sampler.h"
#include "service/limits.h"

namespace logitd {

// row_count rows of row_width logits, one after the other.
struct RowShape {
  uint32_t row_count = 0;
  uint32_t row_width = 0;
  Dtype dtype = Dtype::kFloat32;
};

class RowTensor {
 public:
  RowTensor() = default;
  // INVALID_ARGUMENT unless `bytes` holds exactly the shape;
  // RESOURCE_EXHAUSTED for a shape over --max_rows or --max_vocab_size.
  static absl::StatusOr<RowTensor> Create(absl::string_view bytes,
                                          RowShape shape, const Limits& limits);

  const RowShape& shape() const { return shape_; }
  // A row without mask. index < row_count.
  Row At(uint32_t index) const;

 private:
  absl::string_view bytes_;
  RowShape shape_;
};

class MaskTable {
 public:
  MaskTable() = default;
  // `mask_words` little-endian uint32 for each mask, for rows of row_width.
  static absl::StatusOr<MaskTable> Create(absl::string_view bytes,
                                          uint32_t mask_words,
                                          uint32_t row_width);

  uint32_t count() const { return count_; }
  // Puts mask `index` < count() on the row.
  void Apply(uint32_t index, Row* row) const;

 private:
  absl::string_view bytes_;
  uint64_t mask_bytes_ = 0;
  uint32_t count_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_TRANSPORT_ROWS_H_
