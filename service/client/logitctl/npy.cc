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

absl::StatusOr<v1::Dtype> DtypeOf(absl::string_view header) {
  // A structured dtype is a list: not readable, and not wanted either.
  const auto descr = Value(header, "descr", "'", "'");
  if (!descr.ok()) {
    return descr.status();
  }
  if (*descr == "<f4") {
    return v1::DTYPE_FLOAT32;
  }
  if (*descr == "<f2") {
    return v1::DTYPE_FLOAT16;
  }
  return Wrong(absl::StrCat("the array's dtype is '", *descr,
                            "', neither little-endian float32 '<f4' nor "
                            "float16 '<f2'"));
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

}  // namespace

absl::StatusOr<NpyRows> ParseNpy(std::string content) {
  absl::string_view rest = content;
  const auto header = TakeHeader(&rest);
  if (!header.ok()) {
    return header.status();
  }
  const auto dtype = DtypeOf(*header);
  if (!dtype.ok()) {
    return dtype.status();
  }
  if (absl::Status status = CheckOrder(*header); !status.ok()) {
    return status;
  }
  const auto shape = Shape(*header);
  if (!shape.ok()) {
    return shape.status();
  }
  NpyRows rows;
  rows.dtype = *dtype;
  rows.row_count = shape->size() == 2 ? shape->front() : 1;
  rows.row_width = shape->back();
  // At most 2^64 - 2^33: no overflow before the times four.
  const std::uint64_t values = std::uint64_t{rows.row_count} * rows.row_width;
  const std::uint64_t values_max =
      std::numeric_limits<std::uint64_t>::max() / sizeof(float);
  const std::size_t each = client::BytesOf(rows.dtype);
  if (values > values_max || rest.size() != values * each) {
    return Wrong(absl::StrCat(
        "the file holds ", rest.size(), " bytes of numbers where its shape [",
        rows.row_count, ", ", rows.row_width, "] needs ", each, " for each"));
  }
  content.erase(0, content.size() - rest.size());
  rows.bytes = std::move(content);
  return rows;
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
