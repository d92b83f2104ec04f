#include "service/client/messages.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "service/client/status.h"

namespace logitd::client {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the wire is little-endian");

template <typename T>
std::string Pack(absl::Span<const T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return bytes;
}

template <typename Array, typename T>
T At(const Array& array, int index, T absent) {
  return index < array.size() ? static_cast<T>(array[index]) : absent;
}

std::optional<std::uint32_t> Present(std::uint32_t value) {
  return value == kNone ? std::nullopt : std::optional(value);
}

std::uint16_t NarrowToBfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) {
    return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  }
  const std::uint32_t half = 0x7FFF + ((bits >> 16) & 1);
  return static_cast<std::uint16_t>((bits + half) >> 16);
}

std::uint16_t NarrowToFloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  const std::uint32_t size = bits & 0x7FFFFFFF;
  constexpr std::uint32_t kLeastInfinite = 0x477FF000;  // 65520
  constexpr std::uint32_t kLeastNormal = 0x38800000;    // 2^-14
  if (std::isnan(value)) {
    return static_cast<std::uint16_t>(sign | 0x7E00);
  }
  if (size >= kLeastInfinite) {
    return static_cast<std::uint16_t>(sign | 0x7C00);
  }
  if (size >= kLeastNormal) {
    const std::uint32_t half = 0xFFF + ((size >> 13) & 1);
    return static_cast<std::uint16_t>(sign |
                                      ((size + half - (112U << 23)) >> 13));
  }
  // The addition rounds to the last digit of binary16's subnormals, 2^-24.
  const float rounded = std::bit_cast<float>(size) + 0.5F;
  return static_cast<std::uint16_t>(
      sign | (std::bit_cast<std::uint32_t>(rounded) - 0x3F000000));
}

// The ids of one entry. None if the reply has not all of them.
std::vector<std::uint32_t> KeptIdsOf(const v1::StepResult& result, int index) {
  const std::string& bytes = result.kept_ids().inline_();
  const std::uint64_t begin = At(result.kept_offset(), index, std::uint64_t{0});
  const std::uint64_t end =
      At(result.kept_offset(), index + 1, std::uint64_t{0});
  if (begin >= end || end > bytes.size() / 4) {
    return {};
  }
  std::vector<std::uint32_t> ids(end - begin);
  std::memcpy(ids.data(), bytes.data() + 4 * begin, 4 * ids.size());
  return ids;
}

}  // namespace

std::size_t BytesOf(v1::Dtype dtype) {
  switch (dtype) {
    case v1::DTYPE_FLOAT32:
      return 4;
    case v1::DTYPE_FLOAT16:
    case v1::DTYPE_BFLOAT16:
      return 2;
    default:
      return 0;
  }
}

std::string PackIds(absl::Span<const std::uint32_t> ids) { return Pack(ids); }

absl::StatusOr<std::vector<std::uint32_t>> UnpackIds(absl::string_view bytes) {
  if (bytes.size() % sizeof(std::uint32_t) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("ids: ", bytes.size(), " bytes is not a multiple of 4"));
  }
  std::vector<std::uint32_t> ids(bytes.size() / sizeof(std::uint32_t));
  if (!ids.empty()) {
    std::memcpy(ids.data(), bytes.data(), bytes.size());
  }
  return ids;
}

v1::OpenSession MakeOpen(std::uint64_t session_id, std::uint32_t vocab_size,
                         const v1::SamplingParams& params,
                         std::optional<std::uint64_t> seed) {
  v1::OpenSession open;
  open.set_session_id(session_id);
  open.set_vocab_size(vocab_size);
  *open.mutable_params() = params;
  if (seed.has_value()) {
    open.set_seed(*seed);
  }
  return open;
}

absl::Status SetPackedRows(std::string rows, v1::Dtype dtype,
                           std::uint32_t row_width, v1::Step* step) {
  const std::size_t row_bytes = row_width * BytesOf(dtype);
  if (row_bytes == 0 || rows.size() % row_bytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows: ", rows.size(), " bytes is not a multiple of ",
                     row_width, " logits of ", BytesOf(dtype), " bytes"));
  }
  step->set_row_count(static_cast<std::uint32_t>(rows.size() / row_bytes));
  step->set_row_width(row_width);
  step->set_dtype(dtype);
  *step->mutable_logits()->mutable_inline_() = std::move(rows);
  return absl::OkStatus();
}

absl::Status SetRows(absl::Span<const float> rows, std::uint32_t row_width,
                     v1::Step* step) {
  return SetPackedRows(Pack(rows), v1::DTYPE_FLOAT32, row_width, step);
}

std::string PackBfloat16(absl::Span<const float> values) {
  std::vector<std::uint16_t> narrowed;
  narrowed.reserve(values.size());
  for (const float value : values) {
    narrowed.push_back(NarrowToBfloat16(value));
  }
  return Pack(absl::MakeConstSpan(narrowed));
}

std::string PackFloat16(absl::Span<const float> values) {
  std::vector<std::uint16_t> narrowed;
  narrowed.reserve(values.size());
  for (const float value : values) {
    narrowed.push_back(NarrowToFloat16(value));
  }
  return Pack(absl::MakeConstSpan(narrowed));
}

std::size_t RowsOfAStep(std::size_t row_bytes) {
  constexpr std::size_t kRowsMax = 64;
  constexpr std::size_t kBytesMax = 32 << 20;
  return std::clamp<std::size_t>(kBytesMax / row_bytes, 1, kRowsMax);
}

void AddEntry(std::uint64_t session_id, std::uint32_t position,
              std::uint32_t row, v1::Step* step) {
  step->add_session_id(session_id);
  step->add_position(position);
  step->add_row(row);
  if (step->guidance_row_size() > 0) {
    step->add_guidance_row(kNone);
  }
}

void AddGuidedEntry(std::uint64_t session_id, std::uint32_t position,
                    std::uint32_t row, std::uint32_t guidance_row,
                    v1::Step* step) {
  step->mutable_guidance_row()->Resize(step->session_id_size(), kNone);
  AddEntry(session_id, position, row, step);
  step->mutable_guidance_row()->Resize(step->session_id_size(), kNone);
  step->set_guidance_row(step->session_id_size() - 1, guidance_row);
}

absl::StatusOr<Entry> ReadEntry(const v1::StepResult& result, int index) {
  if (index < 0 || index >= result.status_size()) {
    return absl::OutOfRangeError(absl::StrCat(
        "entry ", index, " of a result with ", result.status_size()));
  }
  Entry entry;
  entry.token = Present(At(result.token(), index, kNone));
  entry.status = result.status(index);
  entry.finish_reason = At(result.finish_reason(), index, entry.finish_reason);
  entry.kept = At(result.kept(), index, 0U);
  entry.rank = At(result.rank(), index, 0U);
  entry.flags = At(result.flags(), index, 0U);
  entry.phase = At(result.phase(), index, 0U);
  entry.drawn_token = Present(At(result.drawn_token(), index, kNone));
  entry.final_logprob = At(result.final_logprob(), index, kNotAsked);
  entry.raw_logprob = At(result.raw_logprob(), index, kNotAsked);
  entry.tempered_logprob = At(result.tempered_logprob(), index, kNotAsked);
  entry.kept_mass = At(result.kept_mass(), index, kNotAsked);
  entry.raw_entropy = At(result.raw_entropy(), index, kNotAsked);
  entry.final_entropy = At(result.final_entropy(), index, kNotAsked);
  if (index < result.row_digest_size()) {
    entry.row_digest = result.row_digest(index);
  }
  entry.kept_ids = KeptIdsOf(result, index);
  if (index < result.state_size()) entry.state = result.state(index);
  if (entry.status == v1::ENTRY_STATUS_ERROR) {
    const std::uint32_t error = At(result.error_index(), index, kNone);
    entry.error = error < static_cast<std::uint32_t>(result.errors_size())
                      ? ToStatus(result.errors(static_cast<int>(error)))
                      : absl::UnknownError("the entry failed without a reason");
  }
  return entry;
}

std::string FinishName(v1::FinishReason reason) {
  if (reason == v1::FINISH_REASON_UNSPECIFIED) {
    return "";
  }
  return std::string(
      absl::StripPrefix(v1::FinishReason_Name(reason), "FINISH_REASON_"));
}

}  // namespace logitd::client
