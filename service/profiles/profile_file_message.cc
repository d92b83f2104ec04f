#include "service/profiles/profile_file_message.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = FileNode::Kind;

constexpr size_t kShownMax = 40;

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

// Of text that may be anything, what fits into an error.
std::string Printable(absl::string_view text) {
  const absl::string_view head = text.substr(0, kShownMax);
  return IsUtf8(head) ? absl::Utf8SafeCHexEscape(head) : absl::CHexEscape(head);
}

// How an error shows a value.
std::string Shown(const FileNode& node) {
  if (node.kind == Kind::kList) return "a list";
  if (node.kind == Kind::kMap) return "a map";
  return absl::StrCat("\"", Printable(node.text),
                      node.text.size() > kShownMax ? "...\"" : "\"");
}

absl::Status Wrong(const std::string& path, const FileNode& node,
                   absl::string_view what) {
  return FileError(path, absl::StrCat(Shown(node), " ", what), node.line);
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

// The name nearest to `asked`, for what was meant.
class Nearest {
 public:
  explicit Nearest(absl::string_view asked)
      : asked_(absl::AsciiStrToLower(asked.substr(0, kShownMax))) {}
  void Offer(const std::string& name) {
    const size_t distance = EditDistance(asked_, absl::AsciiStrToLower(name));
    if (name_.empty() || distance < distance_) {
      name_ = name;
      distance_ = distance;
    }
  }
  const std::string& name() const { return name_; }

 private:
  const std::string asked_;
  std::string name_;
  size_t distance_ = 0;
};

absl::StatusOr<double> ReadDouble(const std::string& path,
                                  const FileNode& node) {
  if (node.kind == Kind::kScalar && !node.quoted && !IsNumber(node.text)) {
    absl::string_view word = node.text;
    if (!absl::ConsumePrefix(&word, "-")) absl::ConsumePrefix(&word, "+");
    absl::ConsumePrefix(&word, ".");
    const std::string low = absl::AsciiStrToLower(word);
    if (low == "nan" || low == "inf" || low == "infinity") {
      return Wrong(path, node, "is not finite");
    }
  }
  double value = 0;
  if (node.kind != Kind::kScalar || node.quoted || !IsNumber(node.text) ||
      !absl::SimpleAtod(node.text, &value)) {
    return Wrong(path, node, "is not a number");
  }
  if (!std::isfinite(value)) return Wrong(path, node, "is not finite");
  return value;
}

// Decimal digits only, as JSON has them.
bool IsWhole(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

absl::StatusOr<uint32_t> ReadCount(const std::string& path,
                                   const FileNode& node) {
  if (node.kind != Kind::kScalar || node.quoted || !IsWhole(node.text)) {
    return Wrong(path, node, "is not a whole number");
  }
  uint32_t value = 0;
  if (!absl::SimpleAtoi(node.text, &value)) {
    return Wrong(path, node,
                 absl::StrCat("is outside [0, ",
                              std::numeric_limits<uint32_t>::max(), "]"));
  }
  return value;
}

absl::StatusOr<std::string> ReadText(const std::string& path,
                                     const FileNode& node) {
  if (node.kind != Kind::kScalar) return Wrong(path, node, "is not text");
  if (!node.quoted && !IsPlainText(node.text)) {
    return Wrong(path, node, "is not text: put it into quotes");
  }
  if (!IsUtf8(node.text)) return Wrong(path, node, "is not UTF-8");
  return node.text;
}

absl::Status CheckFault(const std::string& path, const FileNode& node) {
  if (node.fault.empty()) return absl::OkStatus();
  return FileError(path, node.fault, node.line);
}

void AppendId(uint32_t id, std::string* bytes) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes->push_back(static_cast<char>(id >> shift & 0xff));
  }
}

// All `bytes` of a profile are token ids.
absl::StatusOr<std::string> ReadIdBytes(const std::string& path,
                                        const FileNode& node) {
  std::string bytes;
  if (node.kind == Kind::kScalar) {
    const bool is_base64 = absl::Base64Unescape(node.text, &bytes);
    if (!is_base64 || (!node.quoted && IsNumber(node.text))) {
      return Wrong(path, node, "is neither a list of token ids nor base64");
    }
    return bytes;
  }
  if (node.kind != Kind::kList) {
    return Wrong(path, node, "is not a list of token ids");
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const std::string item = absl::StrCat(path, "[", i, "]");
    LOGITD_RETURN_IF_ERROR(CheckFault(item, node.items[i]));
    LOGITD_ASSIGN_OR_RETURN(const uint32_t id, ReadCount(item, node.items[i]));
    AppendId(id, &bytes);
  }
  return bytes;
}

absl::StatusOr<const EnumValueDescriptor*> ReadEnum(const std::string& path,
                                                    const FileNode& node,
                                                    const FieldDescriptor& f) {
  if (node.kind == Kind::kScalar) {
    const auto* value = f.enum_type()->FindValueByName(node.text);
    if (value != nullptr) return value;
    Nearest nearest(node.text);
    for (int i = 0; i < f.enum_type()->value_count(); ++i) {
      nearest.Offer(f.enum_type()->value(i)->name());
    }
    return Wrong(
        path, node,
        absl::StrCat("is none of its values, the nearest is ", nearest.name()));
  }
  return Wrong(path, node, "is not the name of a value");
}

absl::Status ReadMessage(const std::string& path, const FileNode& node,
                         Message* message);

// One value; of a repeated field it is added.
absl::Status ReadValue(const std::string& path, const FileNode& node,
                       const FieldDescriptor& field, Message* message) {
  LOGITD_RETURN_IF_ERROR(CheckFault(path, node));
  const Reflection& reflection = *message->GetReflection();
  const bool add = field.is_repeated();
  switch (field.type()) {
    case FieldDescriptor::TYPE_DOUBLE: {
      LOGITD_ASSIGN_OR_RETURN(const double value, ReadDouble(path, node));
      add ? reflection.AddDouble(message, &field, value)
          : reflection.SetDouble(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_UINT32: {
      LOGITD_ASSIGN_OR_RETURN(const uint32_t value, ReadCount(path, node));
      add ? reflection.AddUInt32(message, &field, value)
          : reflection.SetUInt32(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_BOOL: {
      const bool is_bool = node.kind == Kind::kScalar && !node.quoted &&
                           (node.text == "true" || node.text == "false");
      if (!is_bool) return Wrong(path, node, "is neither true nor false");
      add ? reflection.AddBool(message, &field, node.text == "true")
          : reflection.SetBool(message, &field, node.text == "true");
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_ENUM: {
      LOGITD_ASSIGN_OR_RETURN(const EnumValueDescriptor* value,
                              ReadEnum(path, node, field));
      add ? reflection.AddEnum(message, &field, value)
          : reflection.SetEnum(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES: {
      const bool is_text = field.type() == FieldDescriptor::TYPE_STRING;
      LOGITD_ASSIGN_OR_RETURN(std::string value, is_text
                                                     ? ReadText(path, node)
                                                     : ReadIdBytes(path, node));
      add ? reflection.AddString(message, &field, std::move(value))
          : reflection.SetString(message, &field, std::move(value));
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_MESSAGE:
      return ReadMessage(path, node,
                         add ? reflection.AddMessage(message, &field)
                             : reflection.MutableMessage(message, &field));
    default:
      return FileError(path, "this server cannot read such a field", node.line);
  }
}

// `labels`: the only map of the contract, text to text.
absl::Status ReadMap(const std::string& path, const FileNode& node,
                     const FieldDescriptor& field, Message* message) {
  if (node.kind != Kind::kMap) return Wrong(path, node, "is not a map");
  const Descriptor& entry = *field.message_type();
  std::set<std::string> seen;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const auto& [key, line] = node.keys[i];
    const std::string item = absl::StrCat(path, ".", Printable(key));
    if (!IsUtf8(key)) return FileError(path, "a key is not UTF-8", line);
    if (!seen.insert(key).second) {
      return FileError(item, "is there twice", line);
    }
    Message* added = message->GetReflection()->AddMessage(message, &field);
    added->GetReflection()->SetString(added, entry.map_key(), key);
    LOGITD_RETURN_IF_ERROR(
        ReadValue(item, node.items[i], *entry.map_value(), added));
  }
  return absl::OkStatus();
}

absl::Status ReadField(const std::string& path, const FileNode& node,
                       const FieldDescriptor& field, Message* message) {
  if (!field.is_repeated()) return ReadValue(path, node, field, message);
  LOGITD_RETURN_IF_ERROR(CheckFault(path, node));
  if (field.is_map()) return ReadMap(path, node, field, message);
  if (node.kind != Kind::kList) return Wrong(path, node, "is not a list");
  for (size_t i = 0; i < node.items.size(); ++i) {
    LOGITD_RETURN_IF_ERROR(ReadValue(absl::StrCat(path, "[", i, "]"),
                                     node.items[i], field, message));
  }
  return absl::OkStatus();
}

bool IsOutputOnlyField(const FieldDescriptor& field) {
  return field.containing_type() == v1::Profile::descriptor() &&
         IsOutputOnly(field.number());
}

absl::Status UnknownKey(const std::string& path, int line,
                        const std::string& key, const Descriptor& type) {
  Nearest nearest(key);
  for (int i = 0; i < type.field_count(); ++i) {
    if (!IsOutputOnlyField(*type.field(i))) {
      nearest.Offer(type.field(i)->name());
    }
  }
  return FileError(
      path,
      absl::StrCat("unknown key, the nearest known one is ", nearest.name()),
      line);
}

absl::Status ReadMessage(const std::string& path, const FileNode& node,
                         Message* message) {
  if (node.kind != Kind::kMap) {
    return Wrong(path.empty() ? "profile" : path, node,
                 "is not a map of fields");
  }
  const Descriptor& type = *message->GetDescriptor();
  std::set<std::string> seen;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const auto& [key, line] = node.keys[i];
    const std::string shown = Printable(key);
    const std::string item =
        path.empty() ? shown : absl::StrCat(path, ".", shown);
    const FieldDescriptor* field = type.FindFieldByName(key);
    if (field == nullptr) return UnknownKey(item, line, key, type);
    if (IsOutputOnlyField(*field)) {
      return FileError(item, "the server sets it, a file may not", line);
    }
    if (!seen.insert(key).second) {
      return FileError(item, "is there twice", line);
    }
    LOGITD_RETURN_IF_ERROR(ReadField(item, node.items[i], *field, message));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadTree(const FileNode& root, v1::Profile* profile) {
  LOGITD_RETURN_IF_ERROR(CheckFault("profile", root));
  return ReadMessage("", root, profile);
}

}  // namespace logitd
