#include "service/profiles/profile_file_value.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/time_util.h"
#include "sampler/knobs.h"
#include "service/profiles/knob.h"
#include "service/profiles/nearest.h"
#include "service/profiles/profile_file_utf8.h"
#include "service/utf8.h"

namespace logitd {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using Kind = FileNode::Kind;

bool IsBareNumber(const FileNode& node) {
  return node.kind == Kind::kScalar && !node.quoted && IsNumber(node.text);
}

// How an error shows a value: numbers bare, as the validator does.
std::string Shown(const FileNode& node) {
  if (node.kind == Kind::kList) return "a list";
  if (node.kind == Kind::kMap) return "a map";
  const absl::string_view more = node.text.size() > kPrintableMax ? "..." : "";
  const absl::string_view quote = IsBareNumber(node) ? "" : "\"";
  return absl::StrCat(quote, Printable(node.text), more, quote);
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

// "010" is 10 to some readers of YAML and 8 to others.
bool BeginsWithZero(absl::string_view number) {
  if (!absl::ConsumePrefix(&number, "-")) absl::ConsumePrefix(&number, "+");
  return number.size() > 1 && number[0] == '0' &&
         absl::ascii_isdigit(static_cast<unsigned char>(number[1]));
}

// Decimal digits only, as JSON has them.
bool IsWhole(const FileNode& node) {
  if (!IsBareNumber(node) || BeginsWithZero(node.text)) return false;
  absl::string_view text = node.text;
  absl::ConsumePrefix(&text, "-");
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

void AddNotWhole(const std::string& path, const FileNode& node,
                 Violations* faults) {
  AddWrong(path, node, "is not a whole number", faults);
}

// What was meant: the nearest name, or all of them.
std::string Meant(const EnumDescriptor& type, absl::string_view asked) {
  // "CLAMP" is near CLAMP_MODE_CLAMP: what all names begin with says nothing.
  absl::string_view before = type.value(0)->name();
  absl::ConsumeSuffix(&before, "UNSPECIFIED");
  if (absl::StartsWithIgnoreCase(asked, before)) {
    asked.remove_prefix(before.size());
  }
  std::vector<std::string> names, all;
  for (int i = 1; i < type.value_count(); ++i) {
    all.push_back(type.value(i)->name());
    names.emplace_back(absl::StripPrefix(all.back(), before));
  }
  const std::string nearest = Nearest(asked, names);
  if (!nearest.empty()) return absl::StrCat("the nearest is ", before, nearest);
  return absl::StrCat("it is ", absl::StrJoin(all, " or "));
}

void AppendId(uint32_t id, std::string* bytes) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes->push_back(static_cast<char>(id >> shift & 0xff));
  }
}

void ReadId(const std::string& path, size_t index, const FileNode& node,
            std::string* bytes, Violations* faults) {
  const std::string item = absl::StrCat(path, "[", index, "]");
  if (AddNoted(item, node, faults)) return;
  if (!IsWhole(node)) return AddNotWhole(item, node, faults);
  uint32_t id = 0;
  if (!absl::SimpleAtoi(node.text, &id)) {
    faults->push_back(
        FileFault(path,
                  absl::StrCat("id ", Shown(node), " at index ", index,
                               " is outside [0, ", kCountMax, ")"),
                  node.line));
  }
  AppendId(id, bytes);
}

}  // namespace

void AddWrong(const std::string& path, const FileNode& node,
              absl::string_view what, Violations* faults) {
  faults->push_back(
      FileFault(path, absl::StrCat(Shown(node), " ", what), node.line));
}

bool AddNoted(const std::string& path, const FileNode& node,
              Violations* faults) {
  if (node.fault.empty()) return false;
  faults->push_back(FileFault(path, node.fault, node.line));
  return true;
}

std::optional<double> ReadDouble(const std::string& path, const FileNode& node,
                                 Violations* faults) {
  double value = 0;
  if (IsBareNumber(node) && !BeginsWithZero(node.text) &&
      absl::SimpleAtod(node.text, &value)) {
    return value;
  }
  const auto not_finite =
      node.kind == Kind::kScalar ? NotFinite(node) : std::nullopt;
  if (!not_finite) AddWrong(path, node, "is not a number", faults);
  return not_finite;
}

std::optional<uint32_t> ReadCount(const std::string& path, const FileNode& node,
                                  const FieldDescriptor& field,
                                  Violations* faults) {
  uint32_t value = 0;
  if (!IsWhole(node)) {
    AddNotWhole(path, node, faults);
  } else if (absl::SimpleAtoi(node.text, &value)) {
    return value;
  } else {
    AddWrong(path, node, absl::StrCat("is outside ", CountRange(field)),
             faults);
  }
  return std::nullopt;
}

std::optional<bool> ReadBool(const std::string& path, const FileNode& node,
                             Violations* faults) {
  const bool is_word = node.kind == Kind::kScalar && !node.quoted;
  if (is_word && node.text == "true") return true;
  if (is_word && node.text == "false") return false;
  AddWrong(path, node, "is neither true nor false", faults);
  return std::nullopt;
}

std::optional<std::string> ReadText(const std::string& path,
                                    const FileNode& node, Violations* faults) {
  if (node.kind != Kind::kScalar) {
    AddWrong(path, node, "is not text", faults);
  } else if (!node.quoted && !IsPlainText(node.text)) {
    AddWrong(path, node, "is not text: put it into quotes", faults);
  } else if (!IsUtf8(node.text)) {
    AddWrong(path, node, "is not UTF-8", faults);
  } else {
    return node.text;
  }
  return std::nullopt;
}

std::optional<std::string> ReadIds(const std::string& path,
                                   const FileNode& node, Violations* faults) {
  std::string bytes;
  if (node.kind == Kind::kMap) {
    AddWrong(path, node, "is not a list of token ids", faults);
    return std::nullopt;
  }
  if (node.kind == Kind::kScalar) {
    if (!IsBareNumber(node) && absl::Base64Unescape(node.text, &bytes)) {
      return bytes;
    }
    AddWrong(path, node, "is neither a list of token ids nor base64", faults);
    return std::nullopt;
  }
  for (size_t i = 0; i < node.items.size() && !IsFull(*faults); ++i) {
    ReadId(path, i, node.items[i], &bytes, faults);
  }
  return bytes;
}

std::optional<int> ReadEnum(const std::string& path, const FileNode& node,
                            const FieldDescriptor& field, Violations* faults) {
  const EnumDescriptor& type = *field.enum_type();
  std::string why = absl::StrCat("is not a value of ", type.name());
  int number = 0;
  if (node.kind == Kind::kScalar) {
    if (const auto* named = type.FindValueByName(node.text)) {
      return named->number();
    }
    if (!IsWhole(node)) {
      absl::StrAppend(&why, ", ", Meant(type, node.text));
    } else if (absl::SimpleAtoi(node.text, &number)) {
      const auto* known = type.FindValueByNumber(number);
      if (known == nullptr) return number;
      why = absl::StrCat("is not a name: write ", known->name());
    }
  }
  AddWrong(path, node, why, faults);
  return std::nullopt;
}

std::optional<google::protobuf::Timestamp> ReadTime(const std::string& path,
                                                    const FileNode& node,
                                                    Violations* faults) {
  google::protobuf::Timestamp time;
  if (node.kind == Kind::kScalar &&
      google::protobuf::util::TimeUtil::FromString(node.text, &time)) {
    return time;
  }
  AddWrong(path, node, "is not a time", faults);
  return std::nullopt;
}

}  // namespace logitd
