#include "service/profiles/profile_file_unknown.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "logitd/v1/profiles.pb.h"
#include "service/profiles/nearest.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Knobs as other engines call them, where Nearest finds another or none.
struct ForeignName {
  const char* foreign;
  const char* ours;
};
constexpr ForeignName kForeignNames[] = {
    {"max_new_tokens", "max_tokens"},
    {"stop", "stop_sequences"},
    {"stop_strings", "stop_sequences"},
    {"logit_bias", "logit_bias_ids and logit_bias_values"},
    {"repeat_penalty", "repetition_penalty"},
};

// Fields of `type` that hold parameters: default_params, force_params.
std::string ParamsOf(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->message_type() == v1::SamplingParams::descriptor()) {
      names.push_back(type.field(i)->name());
    }
  }
  return absl::StrJoin(names, " or ");
}

std::string NearestField(const std::string& key, const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) {
    if (!IsOutputOnlyField(*type.field(i))) {
      names.push_back(type.field(i)->name());
    }
  }
  return Nearest(key, names);
}

// The knob that was meant; empty: none.
std::string OurKnob(const std::string& key) {
  for (const ForeignName& name : kForeignNames) {
    if (absl::EqualsIgnoreCase(key, name.foreign)) return name.ours;
  }
  return "";
}

// `{temperature: 0,7}` is a temperature of 0 and a key 7.
bool IsDigits(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

}  // namespace

bool IsOutputOnlyField(const FieldDescriptor& field) {
  return field.containing_type() == v1::Profile::descriptor() &&
         IsOutputOnly(field.number());
}

std::string WhyUnknown(const std::string& key, const Descriptor& type) {
  constexpr char kHere[] = "unknown key, here it is called ";
  if (IsDigits(key)) return "unknown key: a number has a point, not a comma";
  std::string knob = OurKnob(key);
  if (!knob.empty() && &type == v1::SamplingParams::descriptor()) {
    return absl::StrCat(kHere, knob);
  }
  const std::string params = ParamsOf(type);
  if (!params.empty() && key == "params") return absl::StrCat(kHere, params);
  if (knob.empty() || params.empty()) {
    const std::string nearest = NearestField(key, type);
    if (!nearest.empty()) {
      return absl::StrCat("unknown key, the nearest known one is ", nearest);
    }
    knob = params.empty()
               ? ""
               : NearestField(key, *v1::SamplingParams::descriptor());
  }
  if (knob.empty()) return "unknown key, and no known one is near";
  return absl::StrCat("unknown key, ", knob, " is written below ", params);
}

}  // namespace logitd
