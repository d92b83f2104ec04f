#include "service/client/logitctl/npy.h"

#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/files.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr char kHowTo[] =
    "; write it with numpy.save(file, "
    "numpy.ascontiguousarray(logits, dtype='<f4'))";

absl::Status Wrong(absl::string_view what) {
  return UsageError(absl::StrCat(what, kHowTo));
}

std::size_t LittleEndian(absl::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}

// Cuts magic, version and header off the content and returns the header.
absl::StatusOr<absl::string_view> TakeHeader(absl::string_view* content) {
  if (!absl::ConsumePrefix(content, kMagic) || content->size() < 2) {
    return Wrong("not a .npy file: it does not begin with \\x93NUMPY");
  }
  const int version = static_cast<unsigned char>((*content)[0]);
  if (version < 1 || version > 3) {
    return Wrong(absl::StrCat("version ", version, " of .npy is not known"));
  }
  content->remove_prefix(2);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t length = LittleEndian(content->substr(0, length_bytes));
  if (content->size() < length_bytes ||
      content->size() - length_bytes < length) {
    return Wrong("the .npy header is cut off");
  }
  const absl::string_view header = content->substr(length_bytes, length);
  content->remove_prefix(length_bytes + length);
  return header;
}

// The text between `open` and `close` after 'key': in a header.
absl::StatusOr<absl::string_view> Value(absl::string_view header,
                                        absl::string_view key,
                                        absl::string_view open,
                                        absl::string_view close) {
  const std::size_t at = header.find(absl::StrCat("'", key, "':"));
  if (at == absl::string_view::npos) {
    return Wrong(absl::StrCat("the .npy header has no '", key, "'"));
  }
  absl::string_view rest = header.substr(at + key.size() + 3);
  rest = absl::StripLeadingAsciiWhitespace(rest);
  const std::size_t end = rest.find(close, open.size());
  if (!absl::ConsumePrefix(&rest, open) || end == absl::string_view::npos) {
    return Wrong(absl::StrCat("the .npy header's '", key, "' is not readable"));
  }
  return rest.substr(0, end - open.size());
}

// What an array may be of.
struct Kind {
  absl::string_view descr;
  std::size_t bytes;
};

// The one of `kinds` that the array is of; `wanted` names them.
absl::StatusOr<Kind> KindOf(absl::string_view header,
                            absl::Span<const Kind> kinds,
                            absl::string_view wanted) {
  // A structured dtype is a list: not readable, and not wanted either.
  const auto descr = Value(header, "descr", "'", "'");
  if (!descr.ok()) {
    return descr.status();
  }
  for (const Kind& kind : kinds) {
    if (*descr == kind.descr) {
      return kind;
    }
  }
  return UsageError(
      absl::StrCat("the array's dtype is '", *descr, "', ", wanted));
}

absl::Status CheckOrder(absl::string_view header) {
  const auto fortran = Value(header, "fortran_order", "", ",");
  if (!fortran.ok()) {
    return fortran.status();
  }
  if (*fortran != "False") {
    return Wrong("the array is in Fortran order, not C order");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::uint32_t>> Shape(absl::string_view header) {
  const auto text = Value(header, "shape", "(", ")");
  if (!text.ok()) {
    return text.status();
  }
  std::vector<std::uint32_t> shape;
  for (const absl::string_view number :
       absl::StrSplit(*text, ',', absl::SkipWhitespace())) {
    std::uint32_t length = 0;
    if (!absl::SimpleAtoi(number, &length) || length == 0) {
      return Wrong(absl::StrCat("the array's shape (", *text,
                                ") is empty, "
                                "too large or not readable"));
    }
    shape.push_back(length);
  }
  if (shape.empty() || shape.size() > 2) {
    return Wrong(absl::StrCat("the array's shape (", *text,
                              ") is neither [V] nor [R, V]"));
  }
  return shape;
}

struct Array {
  Kind kind;
  std::uint32_t row_count;
  std::uint32_t row_width;
  std::string bytes;
};

absl::StatusOr<Array> ParseArray(std::string content,
                                 absl::Span<const Kind> kinds,
                                 absl::string_view wanted) {
  absl::string_view rest = content;
  const auto header = TakeHeader(&rest);
  if (!header.ok()) {
    return header.status();
  }
  const auto kind = KindOf(*header, kinds, wanted);
  if (!kind.ok()) {
    return kind.status();
  }
  if (absl::Status status = CheckOrder(*header); !status.ok()) {
    return status;
  }
  const auto shape = Shape(*header);
  if (!shape.ok()) {
    return shape.status();
  }
  Array array = {
      *kind, shape->size() == 2 ? shape->front() : 1, shape->back(), {}};
  // At most 2^64 - 2^33: no overflow before the times four.
  const std::uint64_t values = std::uint64_t{array.row_count} * array.row_width;
  const std::uint64_t values_max =
      std::numeric_limits<std::uint64_t>::max() / sizeof(float);
  if (values > values_max || rest.size() != values * kind->bytes) {
    return Wrong(absl::StrCat("the file holds ", rest.size(),
                              " bytes of numbers where its shape [",
                              array.row_count, ", ", array.row_width,
                              "] needs ", kind->bytes, " for each"));
  }
  content.erase(0, content.size() - rest.size());
  array.bytes = std::move(content);
  return array;
}

}  // namespace

absl::StatusOr<NpyRows> ParseNpy(std::string content) {
  constexpr Kind kKinds[] = {{"<f4", 4}, {"<f2", 2}};
  auto array = ParseArray(
      std::move(content), kKinds,
      absl::StrCat("neither little-endian float32 '<f4' nor float16 '<f2'",
                   kHowTo));
  if (!array.ok()) {
    return array.status();
  }
  return NpyRows{array->kind.bytes == 4 ? v1::DTYPE_FLOAT32 : v1::DTYPE_FLOAT16,
                 array->row_count, array->row_width, std::move(array->bytes)};
}

absl::StatusOr<NpyMasks> ReadNpyMasks(const std::string& file) {
  auto content = ReadFile(file);
  if (!content.ok()) {
    return content.status();
  }
  constexpr Kind kKinds[] = {{"<u4", 4}, {"|u1", 1}};
  auto array = ParseArray(
      *std::move(content), kKinds,
      "neither little-endian uint32 '<u4' nor bytes '|u1' as "
      "numpy.packbits(allowed, axis=-1, bitorder='little') gives them");
  if (!array.ok()) {
    return UsageError(absl::StrCat(file, ": ", array.status().message()));
  }
  const std::size_t bytes = array->row_width * array->kind.bytes;
  NpyMasks masks;
  masks.words = static_cast<std::uint32_t>((bytes + 3) / 4);
  for (std::uint32_t row = 0; row < array->row_count; ++row) {
    absl::StrAppend(&masks.bytes,
                    absl::string_view(array->bytes).substr(row * bytes, bytes));
    masks.bytes.resize((row + 1) * (std::size_t{masks.words} * 4));
  }
  return masks;
}

absl::StatusOr<NpyRows> ReadNpy(const std::string& file) {
  auto content = ReadFile(file);
  if (!content.ok()) {
    return content.status();
  }
  auto rows = ParseNpy(*std::move(content));
  if (!rows.ok()) {
    return UsageError(absl::StrCat(file, ": ", rows.status().message()));
  }
  return rows;
}

absl::StatusOr<GuidedNpyRows> ReadGuidedNpy(const std::string& file,
                                            const std::string& guidance) {
  auto rows = ReadNpy(file);
  if (!rows.ok()) {
    return rows.status();
  }
  GuidedNpyRows both = {*std::move(rows), {}};
  if (guidance.empty()) {
    return both;
  }
  auto guiding = ReadNpy(guidance);
  if (!guiding.ok()) {
    return guiding.status();
  }
  both.guidance = *std::move(guiding);
  if (both.guidance.row_count != both.rows.row_count ||
      both.guidance.row_width != both.rows.row_width ||
      both.guidance.dtype != both.rows.dtype) {
    return UsageError(
        absl::StrCat(guidance, ": not of the shape and dtype of ", file));
  }
  return both;
}

std::string FormatNpy(const NpyRows& rows) {
  const char* descr = rows.dtype == v1::DTYPE_FLOAT16 ? "<f2" : "<f4";
  std::string header = absl::StrCat(
      "{'descr': '", descr, "', 'fortran_order': False, 'shape': (",
      rows.row_count, ", ", rows.row_width, "), }");
  // The numbers begin at a multiple of 64.
  constexpr std::size_t kPrefix = 10;
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  const char version_and_length[] = {1, 0, static_cast<char>(header.size()),
                                     static_cast<char>(header.size() >> 8)};
  return absl::StrCat(
      kMagic, absl::string_view(version_and_length, sizeof(version_and_length)),
      header, rows.bytes);
}

}  // namespace logitd::logitctl
