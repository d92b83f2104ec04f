#include "service/profiles/profile_file_message.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "service/profiles/profile_file_unknown.h"
#include "service/profiles/profile_file_utf8.h"
#include "service/profiles/profile_file_value.h"
#include "service/utf8.h"

namespace logitd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;
using Kind = FileNode::Kind;

class Reader {
 public:
  Reader(Fields fields, Violations* faults)
      : fields_(fields), faults_(faults) {}

  void ReadMessage(const std::string& path, const FileNode& node,
                   Message* message) {
    if (node.kind != Kind::kMap) {
      const bool is_sequence =
          message->GetDescriptor() == v1::TokenSequence::descriptor();
      return AddWrong(path.empty() ? "profile" : path, node,
                      is_sequence ? "is not a map of fields: a sequence is "
                                    "{tokens: [1, 2]}"
                                  : "is not a map of fields",
                      faults_);
    }
    const Descriptor& type = *message->GetDescriptor();
    std::set<std::string> seen;
    for (size_t i = 0; i < node.items.size() && !IsFull(*faults_); ++i) {
      const auto& [key, line] = node.keys[i];
      const std::string shown = Printable(key);
      const std::string item =
          path.empty() ? shown : absl::StrCat(path, ".", shown);
      const FieldDescriptor* field = type.FindFieldByName(key);
      if (field == nullptr) {
        Add(item, WhyUnknown(key, type), line);
      } else if (fields_ == Fields::kContent && IsOutputOnlyField(*field)) {
        Add(item, "the server sets it, a file may not", line);
      } else if (!seen.insert(key).second) {
        Add(item, "is there twice", line);
      } else {
        ReadField(item, node.items[i], *field, message);
      }
    }
  }

 private:
  void Add(const std::string& path, const std::string& why, int line) {
    faults_->push_back(FileFault(path, why, line));
  }

  void ReadField(const std::string& path, const FileNode& node,
                 const FieldDescriptor& field, Message* message) {
    if (!field.is_repeated()) return ReadValue(path, node, field, message);
    if (AddNoted(path, node, faults_)) return;
    if (field.is_map()) return ReadMap(path, node, field, message);
    if (node.kind != Kind::kList) {
      return AddWrong(path, node, "is not a list", faults_);
    }
    for (size_t i = 0; i < node.items.size() && !IsFull(*faults_); ++i) {
      ReadValue(absl::StrCat(path, "[", i, "]"), node.items[i], field, message);
    }
  }

  // `labels`: the only map of the contract, text to text.
  void ReadMap(const std::string& path, const FileNode& node,
               const FieldDescriptor& field, Message* message) {
    if (node.kind != Kind::kMap) {
      return AddWrong(path, node, "is not a map", faults_);
    }
    const Descriptor& entry = *field.message_type();
    std::set<std::string> seen;
    for (size_t i = 0; i < node.items.size() && !IsFull(*faults_); ++i) {
      const auto& [key, line] = node.keys[i];
      const std::string item = absl::StrCat(path, ".", Printable(key));
      if (!IsUtf8(key)) {
        Add(path, "a key is not UTF-8", line);
      } else if (!seen.insert(key).second) {
        Add(item, "is there twice", line);
      } else {
        Message* added = message->GetReflection()->AddMessage(message, &field);
        added->GetReflection()->SetString(added, entry.map_key(), key);
        ReadValue(item, node.items[i], *entry.map_value(), added);
      }
    }
  }

  // One value; of a repeated field it is added.
  void ReadValue(const std::string& path, const FileNode& node,
                 const FieldDescriptor& field, Message* message) {
    if (AddNoted(path, node, faults_)) return;
    const Reflection& reflection = *message->GetReflection();
    const bool add = field.is_repeated();
    switch (field.type()) {
      case FieldDescriptor::TYPE_DOUBLE:
        if (const auto value = ReadDouble(path, node, faults_)) {
          add ? reflection.AddDouble(message, &field, *value)
              : reflection.SetDouble(message, &field, *value);
        }
        return;
      case FieldDescriptor::TYPE_UINT32:
        if (const auto value = ReadCount(path, node, field, faults_)) {
          add ? reflection.AddUInt32(message, &field, *value)
              : reflection.SetUInt32(message, &field, *value);
        }
        return;
      case FieldDescriptor::TYPE_BOOL:
        if (const auto value = ReadBool(path, node, faults_)) {
          add ? reflection.AddBool(message, &field, *value)
              : reflection.SetBool(message, &field, *value);
        }
        return;
      case FieldDescriptor::TYPE_ENUM:
        if (const auto value = ReadEnum(path, node, field, faults_)) {
          add ? reflection.AddEnumValue(message, &field, *value)
              : reflection.SetEnumValue(message, &field, *value);
        }
        return;
      case FieldDescriptor::TYPE_STRING:
      case FieldDescriptor::TYPE_BYTES: {
        const bool is_text = field.type() == FieldDescriptor::TYPE_STRING;
        auto value = is_text ? ReadText(path, node, faults_)
                             : ReadIds(path, node, faults_);
        if (!value) return;
        add ? reflection.AddString(message, &field, *std::move(value))
            : reflection.SetString(message, &field, *std::move(value));
        return;
      }
      case FieldDescriptor::TYPE_MESSAGE:
        return ReadPart(path, node,
                        add ? reflection.AddMessage(message, &field)
                            : reflection.MutableMessage(message, &field));
      default:
        Add(path, "this server cannot read such a field", node.line);
    }
  }

  void ReadPart(const std::string& path, const FileNode& node, Message* part) {
    if (part->GetDescriptor() != Timestamp::descriptor()) {
      return ReadMessage(path, node, part);
    }
    if (const auto time = ReadTime(path, node, faults_)) {
      *static_cast<Timestamp*>(part) = *time;
    }
  }

  const Fields fields_;
  Violations* const faults_;
};

}  // namespace

void ReadTree(const FileNode& root, Fields fields, v1::Profile* profile,
              Violations* faults) {
  if (AddNoted("profile", root, faults)) return;
  Reader(fields, faults).ReadMessage("", root, profile);
}

}  // namespace logitd
