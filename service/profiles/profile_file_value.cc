#include "service/profiles/profile_file_value.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/knobs.h"
#include "sampler/status_macros.h"
#include "service/profiles/knob.h"

namespace logitd {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using Kind = FileNode::Kind;

constexpr size_t kShownMax = 40;

bool IsBareNumber(const FileNode& node) {
  return node.kind == Kind::kScalar && !node.quoted && IsNumber(node.text);
}

// How an error shows a value: numbers bare, as the validator does.
std::string Shown(const FileNode& node) {
  if (node.kind == Kind::kList) return "a list";
  if (node.kind == Kind::kMap) return "a map";
  const absl::string_view more = node.text.size() > kShownMax ? "..." : "";
  const absl::string_view quote = IsBareNumber(node) ? "" : "\"";
  return absl::StrCat(quote, Printable(node.text), more, quote);
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above + 1, row[j - 1] + 1, replaced});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// "-.inf", "NaN"; in quotes what the proto3 JSON mapping has so.
std::optional<double> NotFinite(const FileNode& node) {
  absl::string_view word = node.text;
  const bool is_negative = absl::ConsumePrefix(&word, "-");
  if (node.quoted && word != "NaN" && word != "Infinity") return std::nullopt;
  if (!is_negative) absl::ConsumePrefix(&word, "+");
  absl::ConsumePrefix(&word, ".");
  const std::string low = absl::AsciiStrToLower(word);
  if (low == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (low != "inf" && low != "infinity") return std::nullopt;
  const double infinity = std::numeric_limits<double>::infinity();
  return is_negative ? -infinity : infinity;
}

// Decimal digits only, as JSON has them.
bool IsWhole(const FileNode& node) {
  if (!IsBareNumber(node)) return false;
  absl::string_view text = node.text;
  absl::ConsumePrefix(&text, "-");
  if (text.size() > 1 && text.front() == '0') return false;
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// What a count may be, as the validator says it.
std::string CountRange(const FieldDescriptor& field) {
  const bool is_knob =
      field.containing_type() == v1::SamplingParams::descriptor();
  const auto range = is_knob ? RangeOf(field) : std::nullopt;
  if (range) return RangeText(*range);
  return absl::StrCat("[0, ", std::numeric_limits<uint32_t>::max(), "]");
}

absl::Status NotWhole(const std::string& path, const FileNode& node) {
  return WrongValue(path, node, "is not a whole number");
}

std::string NearestValue(const EnumDescriptor& type, absl::string_view asked) {
  Nearest nearest(asked);
  for (int i = 0; i < type.value_count(); ++i) {
    nearest.Offer(type.value(i)->name());
  }
  return nearest.name();
}

void AppendId(uint32_t id, std::string* bytes) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes->push_back(static_cast<char>(id >> shift & 0xff));
  }
}

absl::Status ReadId(const std::string& path, size_t index, const FileNode& node,
                    std::string* bytes) {
  const std::string item = absl::StrCat(path, "[", index, "]");
  LOGITD_RETURN_IF_ERROR(CheckFault(item, node));
  if (!IsWhole(node)) return NotWhole(item, node);
  uint32_t id = 0;
  if (!absl::SimpleAtoi(node.text, &id)) {
    return FileError(path,
                     absl::StrCat("id ", Shown(node), " at index ", index,
                                  " is outside [0, ", kCountMax, ")"),
                     node.line);
  }
  AppendId(id, bytes);
  return absl::OkStatus();
}

}  // namespace

Nearest::Nearest(absl::string_view asked)
    : asked_(absl::AsciiStrToLower(asked.substr(0, kShownMax))) {}

void Nearest::Offer(const std::string& name) {
  const size_t distance = EditDistance(asked_, absl::AsciiStrToLower(name));
  if (!name_.empty() && distance >= distance_) return;
  name_ = name;
  distance_ = distance;
}

bool IsUtf8(absl::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t more = lead < 0x80         ? 0
                        : lead >> 5 == 0x06 ? 1
                        : lead >> 4 == 0x0e ? 2
                        : lead >> 3 == 0x1e ? 3
                                            : text.size();
    if (more > text.size() - i - 1) return false;
    uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
    for (size_t j = 1; j <= more; ++j) {
      const auto byte = static_cast<unsigned char>(text[i + j]);
      if (byte >> 6 != 0x02) return false;
      point = point << 6 | (byte & 0x3fu);
    }
    static constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (point < kLeast[more] || point > 0x10ffff) return false;
    if (point >> 11 == 0xd800u >> 11) return false;  // half of a pair
    i += more + 1;
  }
  return true;
}

std::string Printable(absl::string_view text) {
  const absl::string_view head = text.substr(0, kShownMax);
  return IsUtf8(head) ? absl::Utf8SafeCHexEscape(head) : absl::CHexEscape(head);
}

absl::Status WrongValue(const std::string& path, const FileNode& node,
                        absl::string_view what) {
  return FileError(path, absl::StrCat(Shown(node), " ", what), node.line);
}

absl::Status CheckFault(const std::string& path, const FileNode& node) {
  if (node.fault.empty()) return absl::OkStatus();
  return FileError(path, node.fault, node.line);
}

absl::StatusOr<double> ReadDouble(const std::string& path,
                                  const FileNode& node) {
  double value = 0;
  if (IsBareNumber(node) && absl::SimpleAtod(node.text, &value)) return value;
  const auto not_finite =
      node.kind == Kind::kScalar ? NotFinite(node) : std::nullopt;
  if (not_finite) return *not_finite;
  return WrongValue(path, node, "is not a number");
}

absl::StatusOr<uint32_t> ReadCount(const std::string& path,
                                   const FileNode& node,
                                   const FieldDescriptor& field) {
  if (!IsWhole(node)) return NotWhole(path, node);
  uint32_t value = 0;
  if (absl::SimpleAtoi(node.text, &value)) return value;
  return WrongValue(path, node, absl::StrCat("is outside ", CountRange(field)));
}

absl::StatusOr<bool> ReadBool(const std::string& path, const FileNode& node) {
  const bool is_word = node.kind == Kind::kScalar && !node.quoted;
  if (is_word && node.text == "true") return true;
  if (is_word && node.text == "false") return false;
  return WrongValue(path, node, "is neither true nor false");
}

absl::StatusOr<std::string> ReadText(const std::string& path,
                                     const FileNode& node) {
  if (node.kind != Kind::kScalar) return WrongValue(path, node, "is not text");
  if (!node.quoted && !IsPlainText(node.text)) {
    return WrongValue(path, node, "is not text: put it into quotes");
  }
  if (!IsUtf8(node.text)) return WrongValue(path, node, "is not UTF-8");
  return node.text;
}

absl::StatusOr<std::string> ReadIds(const std::string& path,
                                    const FileNode& node) {
  std::string bytes;
  if (node.kind == Kind::kMap) {
    return WrongValue(path, node, "is not a list of token ids");
  }
  if (node.kind == Kind::kScalar) {
    if (IsBareNumber(node) || !absl::Base64Unescape(node.text, &bytes)) {
      return WrongValue(path, node,
                        "is neither a list of token ids nor base64");
    }
    return bytes;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    LOGITD_RETURN_IF_ERROR(ReadId(path, i, node.items[i], &bytes));
  }
  return bytes;
}

absl::StatusOr<int> ReadEnum(const std::string& path, const FileNode& node,
                             const FieldDescriptor& field) {
  const EnumDescriptor& type = *field.enum_type();
  const std::string what = absl::StrCat("is not a value of ", type.name());
  if (node.kind != Kind::kScalar) return WrongValue(path, node, what);
  if (const auto* named = type.FindValueByName(node.text)) {
    return named->number();
  }
  if (IsWhole(node)) {
    int number = 0;
    if (!absl::SimpleAtoi(node.text, &number)) {
      return WrongValue(path, node, what);
    }
    const auto* known = type.FindValueByNumber(number);
    if (known == nullptr) return number;
    return WrongValue(path, node,
                      absl::StrCat("is not a name: write ", known->name()));
  }
  return WrongValue(
      path, node,
      absl::StrCat(what, ", the nearest is ", NearestValue(type, node.text)));
}

}  // namespace logitd
