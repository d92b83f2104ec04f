#include "service/client/logitctl/profile_leaves.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/reflection.h>

#include <cmath>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/client/logitctl/json.h"
#include "service/client/logitctl/knobs.h"
#include "service/client/messages.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Token ids as numbers, other bytes by their digits: they may be no text.
std::string BytesText(const std::string& bytes) {
  const auto ids = client::UnpackIds(bytes);
  return ids.ok() ? absl::StrCat("[", absl::StrJoin(*ids, ", "), "]")
                  : JsonString(absl::CHexEscape(bytes));
}

// NaN is a value here, and null would be none.
std::string DoubleText(double number) {
  return std::isnan(number) ? JsonString("NaN") : JsonNumber(number);
}

// A value that is no message; index -1: the field is not repeated.
std::string LeafText(const Message& message, const FieldDescriptor* field,
                     int index) {
  const auto* of = message.GetReflection();
  const bool one = index < 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return DoubleText(one ? of->GetDouble(message, field)
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
      return JsonString(of->GetEnum(message, field)->name());
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          one ? of->GetString(message, field)
              : of->GetRepeatedString(message, field, index);
      return field->type() == FieldDescriptor::TYPE_BYTES ? BytesText(text)
                                                          : JsonString(text);
    }
    default:  // A type that profiles do not have yet: seen, if not read.
      return JsonString(field->cpp_type_name());
  }
}

// What an item of a list goes by; empty: by its place.
std::string NameOf(const Message& item) {
  if (item.GetDescriptor() == v1::Clamp::descriptor()) {
    return static_cast<const v1::Clamp&>(item).knob();
  }
  if (item.GetDescriptor() == v1::Phase::descriptor()) {
    return static_cast<const v1::Phase&>(item).name();
  }
  return "";
}

class Taker {
 public:
  // What is around the fields of a message.
  struct Place {
    std::string path;
    std::string phase;
    std::string knob;
  };

  void Take(const Message& message, const Place& place) {
    std::vector<const FieldDescriptor*> fields;
    const auto* of = message.GetReflection();
    of->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      Place inner = place;
      inner.path = absl::StrCat(place.path, field->name());
      if (field->containing_type() == v1::SamplingParams::descriptor()) {
        inner.knob = KnobOf(field->name());
      }
      if (field->is_map()) {
        continue;  // The labels, which LeavesOf takes.
      }
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        Add(inner, TextOf(message, field));
      } else if (field->is_repeated()) {
        TakeList(message, field, inner);
      } else {
        absl::StrAppend(&inner.path, ".");
        Take(of->GetMessage(message, field), inner);
      }
    }
  }

  void Add(const Place& place, std::string text) {
    leaves_.values[place.path] = {std::move(text), place.phase, place.knob};
  }

  Leaves Result() { return std::move(leaves_); }

 private:
  static std::string TextOf(const Message& message,
                            const FieldDescriptor* field) {
    if (!field->is_repeated()) {
      return LeafText(message, field, -1);
    }
    const int size = message.GetReflection()->FieldSize(message, field);
    std::vector<std::string> texts;
    texts.reserve(static_cast<size_t>(size));
    for (int i = 0; i < size; ++i) {
      texts.push_back(LeafText(message, field, i));
    }
    return JsonArray(texts);
  }

  void TakeList(const Message& message, const FieldDescriptor* field,
                const Place& list) {
    const auto* of = message.GetReflection();
    std::map<std::string, int> seen;
    for (int i = 0; i < of->FieldSize(message, field); ++i) {
      const Message& item = of->GetRepeatedMessage(message, field, i);
      std::string name = NameOf(item);
      Place place = list;
      if (item.GetDescriptor() == v1::Clamp::descriptor()) {
        place.knob = KnobOf(name);
      }
      if (name.empty()) {
        name = absl::StrCat(i);
      } else {
        const int count = ++seen[name];
        absl::StrAppend(&name, count > 1 ? absl::StrCat("#", count) : "");
        leaves_.orders[list.path].push_back(name);
      }
      const std::string path = absl::StrCat(list.path, "[", name, "]");
      if (item.GetDescriptor() == v1::Phase::descriptor()) {
        place.phase = path;
      }
      place.path = path + ".";
      Take(item, place);
    }
  }

  Leaves leaves_;
};

}  // namespace

Leaves LeavesOf(const v1::Profile& profile) {
  v1::Profile content = ContentOf(profile);
  content.clear_name();
  Taker taker;
  taker.Take(content, {});
  for (const auto& [key, value] : content.labels()) {
    taker.Add({absl::StrCat("labels.", key), "", ""}, JsonString(value));
  }
  return taker.Result();
}

std::map<std::string, std::string> ValuesOf(const v1::SamplingParams& params) {
  Taker taker;
  taker.Take(params, {});
  const Leaves leaves = taker.Result();
  std::map<std::string, std::string> values;
  for (const auto& [path, leaf] : leaves.values) {
    const std::size_t end = path.find_first_of(".[");
    std::string& text = values[path.substr(0, end)];
    if (end == std::string::npos) {
      text = leaf.text;
    } else {
      absl::StrAppend(&text, text.empty() ? "" : ", ", path.substr(end), "=",
                      leaf.text);
    }
  }
  return values;
}

}  // namespace logitd::logitctl
