#include "service/client/logitctl/profile_diff.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/reflection.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/profile_text.h"
#include "service/client/messages.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Leaves = std::map<std::string, std::string>;  // Path -> JSON.

// Token ids as numbers, other bytes by their digits: they may be no text.
std::string BytesText(const std::string& bytes) {
  const auto ids = client::UnpackIds(bytes);
  return ids.ok() ? absl::StrCat("[", absl::StrJoin(*ids, ", "), "]")
                  : JsonString(absl::CHexEscape(bytes));
}

// The shortest text that reads back as the same number.
std::string NumberText(double number) {
  const std::string brief = absl::StrCat(number);
  double back = 0;
  return absl::SimpleAtod(brief, &back) && back == number ? brief
                                                          : JsonNumber(number);
}

// A value that is no message; index -1: the field is not repeated.
std::string LeafText(const Message& message, const FieldDescriptor* field,
                     int index) {
  const auto* of = message.GetReflection();
  const bool one = index < 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return NumberText(one ? of->GetDouble(message, field)
                            : of->GetRepeatedDouble(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(one ? of->GetUInt32(message, field)
                              : of->GetRepeatedUInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(one ? of->GetInt32(message, field)
                              : of->GetRepeatedInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return of->GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return of->GetEnum(message, field)->name();
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          one ? of->GetString(message, field)
              : of->GetRepeatedString(message, field, index);
      return field->type() == FieldDescriptor::TYPE_BYTES ? BytesText(text)
                                                          : JsonString(text);
    }
    default:  // A type that profiles do not have yet: seen, if not read.
      return field->cpp_type_name();
  }
}

void AddLeaves(const Message& message, const std::string& prefix,
               Leaves* leaves);

void AddField(const Message& message, const FieldDescriptor* field,
              const std::string& path, Leaves* leaves) {
  const auto* of = message.GetReflection();
  const bool nested = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (!field->is_repeated()) {
    nested ? AddLeaves(of->GetMessage(message, field), path + ".", leaves)
           : (void)leaves->emplace(path, LeafText(message, field, -1));
    return;
  }
  std::vector<std::string> texts;
  for (int i = 0; i < of->FieldSize(message, field); ++i) {
    if (nested) {
      AddLeaves(of->GetRepeatedMessage(message, field, i),
                absl::StrCat(path, "[", i, "]."), leaves);
    } else {
      texts.push_back(LeafText(message, field, i));
    }
  }
  if (!nested) {
    (*leaves)[path] = JsonArray(texts);
  }
}

void AddLeaves(const Message& message, const std::string& prefix,
               Leaves* leaves) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (!field->is_map()) {
      AddField(message, field, absl::StrCat(prefix, field->name()), leaves);
    }
  }
}

Leaves LeavesOf(v1::Profile profile) {
  std::vector<const FieldDescriptor*> fields;
  const auto* of = profile.GetReflection();
  of->ListFields(profile, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsOutputOnly(field->number())) {
      of->ClearField(&profile, field);
    }
  }
  profile.clear_name();
  Leaves leaves;
  AddLeaves(profile, "", &leaves);
  for (const auto& [key, value] : profile.labels()) {
    leaves[absl::StrCat("labels.", key)] = JsonString(value);
  }
  return leaves;
}

// The knob or clamp that a path is in; empty: neither.
std::string KnobOf(const std::string& path) {
  std::vector<std::string> knob;
  bool in_params = false;
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    if (in_params) {
      knob.emplace_back(part.substr(0, part.find('[')));
      return absl::StrJoin(knob, ".");
    }
    knob.emplace_back(part);
    if (absl::StartsWith(part, "clamps[")) {
      return absl::StrJoin(knob, ".");
    }
    in_params = absl::EndsWith(part, "_params");
  }
  return "";
}

}  // namespace

std::vector<Change> Diff(const v1::Profile& before, const v1::Profile& after) {
  const Leaves old_leaves = LeavesOf(before);
  std::map<std::string, Change> changes;
  for (const auto& [path, text] : old_leaves) {
    changes[path] = {path, text, kAbsent};
  }
  for (const auto& [path, text] : LeavesOf(after)) {
    Change& change = changes[path];
    if (change.before == text) {
      changes.erase(path);
    } else {
      change = {path, change.path.empty() ? kAbsent : change.before, text};
    }
  }
  std::vector<Change> list;
  list.reserve(changes.size());
  for (const auto& [path, change] : changes) {
    list.push_back(change);
  }
  return list;
}

std::string ChangeText(const Change& change) {
  return absl::StrCat(change.path, ": ", change.before, " -> ", change.after);
}

std::string DiffJson(const v1::Profile& before, const v1::Profile& after) {
  const auto value = [](const std::string& text) {
    return text == kAbsent ? std::string("null") : text;
  };
  const auto name = [](const v1::Profile& profile) {
    return profile.revision().empty() ? std::string("null")
                                      : JsonString(RevisionName(profile));
  };
  std::vector<std::string> changes;
  for (const Change& change : Diff(before, after)) {
    changes.push_back(JsonObject({{"field", JsonString(change.path)},
                                  {"before", value(change.before)},
                                  {"after", value(change.after)}}));
  }
  return JsonObject({{"before", name(before)},
                     {"after", name(after)},
                     {"changes", JsonArray(changes)}});
}

std::string ManyKnobsWarning(const std::vector<Change>& changes) {
  std::set<std::string> knobs;
  for (const Change& change : changes) {
    knobs.insert(KnobOf(change.path));
  }
  knobs.erase("");
  if (knobs.size() < 2) {
    return "";
  }
  return absl::StrCat(
      knobs.size() == 2 ? std::string("two") : absl::StrCat(knobs.size()),
      " knobs changed at once: you will not know which one did it");
}

}  // namespace logitd::logitctl
