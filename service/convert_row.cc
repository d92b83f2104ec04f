#include "service/convert_row.h"

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/convert.h"
#include "service/transport/rows.h"

namespace logitd {
namespace {

absl::Status AddGuidance(const v1::Place& guidance, const RowShape& shape,
                         Row* row) {
  LOGITD_ASSIGN_OR_RETURN(const absl::string_view logits,
                          ReadPlace("guidance_row", guidance));
  const size_t expected = shape.row_width * SizeOf(shape.dtype);
  if (logits.size() != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("guidance_row: ", logits.size(),
                     " bytes are not the row's ", expected));
  }
  row->guidance = logits.data();
  return absl::OkStatus();
}

absl::Status AddMask(const std::string& mask, Row* row) {
  const size_t words_max = (size_t{row->width} + 31) / 32;
  if (mask.size() % 4 != 0 || mask.size() / 4 > words_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("mask: ", mask.size(), " bytes are not 1 to ", words_max,
                     " words of 4 bytes for a row of ", row->width));
  }
  row->mask = reinterpret_cast<const uint8_t*>(mask.data());
  row->mask_bytes = mask.size();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Row> ReadOneRow(const v1::Place& logits, v1::Dtype dtype,
                               const v1::Place* guidance,
                               const std::string& mask, const Limits& limits) {
  RowShape shape = {1, 0, Dtype::kFloat32};
  LOGITD_ASSIGN_OR_RETURN(shape.dtype, ReadDtype(dtype));
  LOGITD_ASSIGN_OR_RETURN(const absl::string_view bytes,
                          ReadPlace("logits", logits));
  // The remainder, if there is one, is refused with the tensor.
  shape.row_width = static_cast<uint32_t>(bytes.size() / SizeOf(shape.dtype));
  LOGITD_ASSIGN_OR_RETURN(const RowTensor rows,
                          RowTensor::Create(bytes, shape, limits));
  Row row = rows.At(0);
  if (guidance != nullptr) {
    LOGITD_RETURN_IF_ERROR(AddGuidance(*guidance, shape, &row));
  }
  if (!mask.empty()) LOGITD_RETURN_IF_ERROR(AddMask(mask, &row));
  return row;
}

}  // namespace logitd
