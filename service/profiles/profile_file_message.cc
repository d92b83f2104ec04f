#include "service/profiles/profile_file_message.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "sampler/status_macros.h"
#include "service/profiles/profile_file_value.h"

namespace logitd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = FileNode::Kind;

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
      LOGITD_ASSIGN_OR_RETURN(const uint32_t value,
                              ReadCount(path, node, field));
      add ? reflection.AddUInt32(message, &field, value)
          : reflection.SetUInt32(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_BOOL: {
      LOGITD_ASSIGN_OR_RETURN(const bool value, ReadBool(path, node));
      add ? reflection.AddBool(message, &field, value)
          : reflection.SetBool(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_ENUM: {
      LOGITD_ASSIGN_OR_RETURN(const int value, ReadEnum(path, node, field));
      add ? reflection.AddEnumValue(message, &field, value)
          : reflection.SetEnumValue(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES: {
      const bool is_text = field.type() == FieldDescriptor::TYPE_STRING;
      LOGITD_ASSIGN_OR_RETURN(std::string value, is_text ? ReadText(path, node)
                                                         : ReadIds(path, node));
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
  if (node.kind != Kind::kMap) return WrongValue(path, node, "is not a map");
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
  if (node.kind != Kind::kList) return WrongValue(path, node, "is not a list");
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
    return WrongValue(path.empty() ? "profile" : path, node,
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
