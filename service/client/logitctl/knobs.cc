#include "service/client/logitctl/knobs.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "service/client/logitctl/exit_code.h"

namespace logitd::logitctl {
namespace {

using google::protobuf::FieldDescriptor;

constexpr Knob kScalarKnobs[] = {
    {"temperature", "T",
     "Divides the logits: below 1 the likely words win more often, above 1 the "
     "rare ones come up, 0 always takes the likeliest. [0,100], off 1"},
    {"top_k", "K",
     "Keeps the K likeliest tokens, however likely they are. [1,1048576], "
     "off: the vocabulary's size or more"},
    {"top_p", "P",
     "Keeps the shortest list of likeliest tokens that together reach "
     "probability P: few where the model is sure, many where it is not. "
     "(0,1], off 1"},
    {"min_p", "P",
     "Keeps tokens at least P times as likely as the likeliest one. [0,1], "
     "off 0"},
    {"repetition_penalty", "R",
     "Makes tokens of prompt and text less likely: positive logits are divided "
     "by R, others multiplied. [0.1,10], off 1"},
    {"repetition_window", "N",
     "How many of the last tokens the repetition penalty sees. [1,1048576], "
     "absent: all"},
    {"frequency_penalty", "X",
     "Subtracts X from a token's logit each time it occurs in the text; "
     "negative values reward repetition. [-2,2], off 0"},
    {"frequency_window", "N",
     "How many of the last tokens the frequency penalty sees. [1,1048576], "
     "absent: all"},
    {"presence_penalty", "X",
     "Subtracts X once from the logit of every token that occurs in the text. "
     "[-2,2], off 0"},
    {"presence_window", "N",
     "How many of the last tokens the presence penalty sees. [1,1048576], "
     "absent: all"},
    {"min_tokens", "N",
     "Before N tokens are generated nothing but --max-tokens ends the text. "
     "[0,1048576], off 0"},
    {"max_tokens", "N",
     "The text ends at N tokens at the latest; generate and sweep take 60 when "
     "absent. [1,1048576]"},
};

std::string FieldName(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"-", "_"}});
}

absl::Status NotA(absl::string_view what, const FieldDescriptor* field,
                  absl::string_view value) {
  return UsageError(
      absl::StrCat(field->name(), ": \"", value, "\" is not ", what));
}

absl::Status SetEnum(const FieldDescriptor* field, absl::string_view text,
                     v1::SamplingParams* params) {
  // ON_EMPTY_ERROR may be written as "error": enum values begin with the
  // field's own name.
  const std::string name = absl::AsciiStrToUpper(text);
  for (const std::string& candidate :
       {name, absl::StrCat(absl::AsciiStrToUpper(field->name()), "_", name)}) {
    const auto* value = field->enum_type()->FindValueByName(candidate);
    if (value != nullptr) {
      params->GetReflection()->SetEnum(params, field, value);
      return absl::OkStatus();
    }
  }
  return NotA(absl::StrCat("one of the values of ", field->enum_type()->name()),
              field, text);
}

absl::Status SetField(const FieldDescriptor* field, absl::string_view text,
                      v1::SamplingParams* params) {
  const auto* reflection = params->GetReflection();
  double number = 0;
  std::uint32_t count = 0;
  bool truth = false;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (!absl::SimpleAtod(text, &number)) {
        return NotA("a number", field, text);
      }
      reflection->SetDouble(params, field, number);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_UINT32:
      if (!absl::SimpleAtoi(text, &count)) {
        return NotA("a whole number", field, text);
      }
      reflection->SetUInt32(params, field, count);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL:
      if (!absl::SimpleAtob(text, &truth)) {
        return NotA("true or false", field, text);
      }
      reflection->SetBool(params, field, truth);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(field, text, params);
    default:
      return UsageError(
          absl::StrCat(field->name(), " is a list: it cannot be one value"));
  }
}

std::string KnownKnobs() {
  std::string names;
  for (const Knob& knob : ScalarKnobs()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", knob.field);
  }
  return names;
}

}  // namespace

absl::Span<const Knob> ScalarKnobs() { return kScalarKnobs; }

std::string FlagOf(absl::string_view field) {
  return absl::StrCat("--", absl::StrReplaceAll(field, {{"_", "-"}}));
}

absl::Status SetKnob(absl::string_view name, absl::string_view value,
                     v1::SamplingParams* params) {
  const auto* field =
      v1::SamplingParams::descriptor()->FindFieldByName(FieldName(name));
  if (field == nullptr) {
    return UsageError(absl::StrCat("no knob is called \"", name,
                                   "\"; there are ", KnownKnobs(),
                                   " and what proto/logitd/v1/params.proto "
                                   "adds"));
  }
  if (field->is_repeated()) {
    return UsageError(
        absl::StrCat(field->name(), " is a list: it cannot be one value"));
  }
  return SetField(field, value, params);
}

absl::Status SetKnobFrom(absl::string_view assignment,
                         v1::SamplingParams* params) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  if (!absl::StrContains(assignment, "=")) {
    return UsageError(absl::StrCat("\"", assignment, "\" is not KNOB=VALUE"));
  }
  return SetKnob(parts.first, parts.second, params);
}

}  // namespace logitd::logitctl
