// A message as a tree.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "service/profiles/profile_file_message.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;
using Kind = FileNode::Kind;

FileNode Text(std::string text) {
  FileNode node;
  node.text = std::move(text);
  node.quoted = true;
  return node;
}

FileNode Literal(std::string text) {
  FileNode node;
  node.text = std::move(text);
  return node;
}

// The shortest text that reads back as the same double.
FileNode Number(double value) {
  if (!std::isfinite(value)) {
    return Text(std::isnan(value) ? "NaN"
                : value > 0       ? "Infinity"
                                  : "-Infinity");
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return Literal(std::string(buffer, end));
}

FileNode Ids(const std::string& bytes, IdStyle style) {
  if (style == IdStyle::kBase64 || bytes.size() % 4 != 0) {
    return Text(absl::Base64Escape(bytes));
  }
  FileNode list;
  list.kind = Kind::kList;
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint32_t id = 0;
    for (size_t j = 4; j > 0; --j) {
      id = id << 8 | static_cast<unsigned char>(bytes[i + j - 1]);
    }
    list.items.push_back(Literal(absl::StrCat(id)));
  }
  return list;
}

class Writer {
 public:
  Writer(Fields fields, IdStyle ids) : fields_(fields), ids_(ids) {}

  FileNode Write(const Message& message) const {
    FileNode map;
    map.kind = Kind::kMap;
    const Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> set;
    reflection.ListFields(message, &set);  // by number
    for (const FieldDescriptor* field : set) {
      if (fields_ == Fields::kContent &&
          field->containing_type() == v1::Profile::descriptor() &&
          IsOutputOnly(field->number())) {
        continue;
      }
      map.keys.emplace_back(field->name(), 0);
      map.items.push_back(WriteField(message, *field));
    }
    return map;
  }

 private:
  FileNode WriteField(const Message& message,
                      const FieldDescriptor& field) const {
    if (!field.is_repeated()) return Value(message, field, -1);
    if (field.is_map()) return WriteMap(message, field);
    FileNode list;
    list.kind = Kind::kList;
    const int size = message.GetReflection()->FieldSize(message, &field);
    for (int i = 0; i < size; ++i) {
      list.items.push_back(Value(message, field, i));
    }
    return list;
  }

  // By key, whatever order the message has them in.
  FileNode WriteMap(const Message& message,
                    const FieldDescriptor& field) const {
    const Reflection& reflection = *message.GetReflection();
    std::vector<std::pair<std::string, FileNode>> members;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      const auto& type = *field.message_type();
      members.emplace_back(
          entry.GetReflection()->GetString(entry, type.map_key()),
          Value(entry, *type.map_value(), -1));
    }
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    FileNode map;
    map.kind = Kind::kMap;
    for (auto& [key, value] : members) {
      map.keys.emplace_back(key, 0);
      map.items.push_back(std::move(value));
    }
    return map;
  }

  FileNode MessageValue(const Message& message) const {
    if (message.GetDescriptor() != Timestamp::descriptor()) {
      return Write(message);
    }
    const auto& at = static_cast<const Timestamp&>(message);
    return Text(absl::FormatTime(
        "%Y-%m-%dT%H:%M:%E*SZ",
        absl::FromUnixSeconds(at.seconds()) + absl::Nanoseconds(at.nanos()),
        absl::UTCTimeZone()));
  }

  // Item `i` of a repeated field, the value of another.
  FileNode Value(const Message& message, const FieldDescriptor& field,
                 int i) const {
    const Reflection& get = *message.GetReflection();
    const bool item = i >= 0;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Number(item ? get.GetRepeatedDouble(message, &field, i)
                           : get.GetDouble(message, &field));
      case FieldDescriptor::CPPTYPE_UINT32:
        return Literal(
            absl::StrCat(item ? get.GetRepeatedUInt32(message, &field, i)
                              : get.GetUInt32(message, &field)));
      case FieldDescriptor::CPPTYPE_BOOL: {
        const bool value = item ? get.GetRepeatedBool(message, &field, i)
                                : get.GetBool(message, &field);
        return Literal(value ? "true" : "false");
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int value = item ? get.GetRepeatedEnumValue(message, &field, i)
                               : get.GetEnumValue(message, &field);
        const auto* known = field.enum_type()->FindValueByNumber(value);
        return known != nullptr ? Text(known->name())
                                : Literal(absl::StrCat(value));
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return MessageValue(item ? get.GetRepeatedMessage(message, &field, i)
                                 : get.GetMessage(message, &field));
      default: {  // the contract has no other types than text and bytes left
        std::string value = item ? get.GetRepeatedString(message, &field, i)
                                 : get.GetString(message, &field);
        return field.type() == FieldDescriptor::TYPE_BYTES
                   ? Ids(value, ids_)
                   : Text(std::move(value));
      }
    }
  }

  const Fields fields_;
  const IdStyle ids_;
};

}  // namespace

FileNode WriteTree(const v1::Profile& profile, Fields fields, IdStyle ids) {
  return Writer(fields, ids).Write(profile);
}

}  // namespace logitd
