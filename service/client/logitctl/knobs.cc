#include "service/client/logitctl/knobs.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/json.h"
#include "service/profiles/nearest.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

using google::protobuf::FieldDescriptor;

// Of ids and values, which are nothing without each other.
constexpr char kBias[] = "logit_bias";

constexpr Knob kScalarKnobs[] = {
    {"temperature", "T",
     "Divides the logits: below 1 the likely words win more often, above 1 the "
     "rare ones come up, 0 always takes the likeliest. [0,100], off 1"},
    {"dynamic_temperature_range", "R",
     "The temperature moves up to R below and above itself: down where the "
     "model is sure, up where it is not. [0,100], off 0"},
    {"dynamic_temperature_exponent", "E",
     "Above 1 only the flattest rows get a high dynamic temperature. (0,100], "
     "off 1"},
    {"smoothing_factor", "F",
     "Bends the logits by a square: those near the largest come closer, others "
     "fall away. [0,10], off 0"},
    {"smoothing_curve", "C",
     "From the square at 1 to a cube at 3, which spares the middle less. "
     "[1,3], off 1"},
    {"top_k", "K",
     "Keeps the K likeliest tokens, however likely they are. [1,1048576], "
     "off: the vocabulary's size or more"},
    {"top_p", "P",
     "Keeps the shortest list of likeliest tokens that together reach "
     "probability P: few where the model is sure, many where it is not. "
     "(0,1], off 1"},
    {"top_p_decay", "D",
     "Top-p shrinks by D with each token: loose at the start, stricter as the "
     "text goes on. (0,1], off 1"},
    {"top_p_min", "P",
     "Below which it shrinks no further. (0,1], absent: 1e-6"},
    {"min_p", "P",
     "Keeps tokens at least P times as likely as the likeliest one. [0,1], "
     "off 0"},
    {"top_n_sigma", "N",
     "Keeps logits within N standard deviations of the largest, whatever the "
     "temperature. [0,100], off 0"},
    {"typical_p", "P",
     "Keeps the tokens that surprise about as much as the row does on average, "
     "up to probability P; the likeliest may go. (0,1], off 1"},
    {"epsilon_cutoff", "P",
     "Keeps tokens of probability P or more. [0,1), off 0"},
    {"eta_cutoff", "P",
     "The same, with a lower limit where the row is flat. [0,1), off 0"},
    {"top_a", "A",
     "Keeps tokens of at least A times the square of the largest probability. "
     "[0,1], off 0"},
    {"tail_free", "Z",
     "Cuts where the sorted probabilities stop falling steeply. (0,1], off 1"},
    {"top_h", "H",
     "Keeps the likeliest tokens that together have at most H of the row's "
     "entropy. (0,1], off 1"},
    {"xtc_probability", "P",
     "At a share P of the steps removes the likeliest tokens, all but the last "
     "of those above --xtc-threshold. [0,1], off 0"},
    {"xtc_threshold", "P", "From which probability on. [0,0.5], absent: 0.1"},
    {"mirostat", "1|2",
     "Cuts the tail so that the text surprises by --mirostat-tau bits a token, "
     "in place of the other cuts. [0,2], off 0"},
    {"mirostat_tau", "BITS", "Mirostat's target. (0,100], absent: 5"},
    {"mirostat_eta", "E", "How fast mirostat learns. (0,1], absent: 0.1"},
    {"adaptive_p_target", "P",
     "Favours tokens whose probability is near P, and corrects itself by what "
     "was drawn. [0,1], off 0"},
    {"adaptive_p_decay", "D",
     "How much of what was drawn before it remembers. [0,1), absent: 0.9"},
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
    {"prompt_repetition_penalty", "R",
     "As the repetition penalty, over the tokens of the prompt alone. "
     "[0.1,10], off 1"},
    {"dry_multiplier", "M",
     "DRY: makes tokens less likely that would prolong a repeat, the more the "
     "longer it is. [0,100], off 0"},
    {"dry_base", "B",
     "By what factor that grows with each repeated token. [1,10], absent: "
     "1.75"},
    {"dry_allowed_length", "N",
     "The shortest repeat, in tokens, that DRY answers. [1,1048576], "
     "absent: 2"},
    {"dry_window", "N",
     "How many of the last tokens DRY sees. [1,1048576], absent: all"},
    {"no_repeat_ngram", "N",
     "No N tokens in a row come twice. [0,1048576], off 0"},
    {"length_penalty_start", "N",
     "After N tokens the end becomes more likely. [0,1048576], off 0"},
    {"length_penalty_factor", "F",
     "By what factor with each token. [1,10], off 1"},
    {"min_tokens", "N",
     "Before N tokens are generated nothing but --max-tokens ends the text. "
     "[0,1048576], off 0"},
    {"max_tokens", "N",
     "The text ends at N tokens at the latest; generate and sweep take 60 when "
     "absent. [1,1048576]"},
};

// In a profile, of which a value is read as a part.
constexpr char kPart[] = "default_params";
constexpr char kOfLine[] = " (line 1)";

std::string FieldName(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"-", "_"}});
}

absl::Status NoKnob(absl::string_view name) {
  const auto* type = v1::SamplingParams::descriptor();
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(type->field_count()));
  for (int i = 0; i < type->field_count(); ++i) {
    names.push_back(type->field(i)->name());
  }
  const std::string nearest = Nearest(FieldName(name), names);
  const std::string taught = absl::StrJoin(
      ScalarKnobs(), ", ",
      [](std::string* text, const Knob& knob) { text->append(knob.field); });
  return UsageError(absl::StrCat(
      "no knob is called \"", name, "\"; ",
      nearest.empty()
          ? absl::StrCat("there are ", taught,
                         " and what proto/logitd/v1/params.proto adds")
          : absl::StrCat("the nearest is ", nearest)));
}

// ON_EMPTY_ERROR may be written as "error": enum values begin with the field's
// own name.
std::string WholeName(const FieldDescriptor& field, absl::string_view value) {
  if (field.enum_type() != nullptr) {
    const std::string name = absl::AsciiStrToUpper(value);
    const std::string whole =
        absl::StrCat(absl::AsciiStrToUpper(field.name()), "_", name);
    for (const std::string& candidate : {name, whole}) {
      if (field.enum_type()->FindValueByName(candidate) != nullptr) {
        return candidate;
      }
    }
  }
  return std::string(value);
}

// Bare where it can only be one word to a reader of files, else quoted.
std::string Scalar(const std::string& value) {
  const auto is_letter = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c));
  };
  const bool is_word = std::any_of(value.begin(), value.end(), is_letter) &&
                       std::all_of(value.begin(), value.end(), [&](char c) {
                         return is_letter(c) || absl::StrContains("+-._", c);
                       });
  return is_word ? value : JsonString(value);
}

}  // namespace

absl::Span<const Knob> ScalarKnobs() { return kScalarKnobs; }

std::string FlagOf(absl::string_view field) {
  return absl::StrCat("--", absl::StrReplaceAll(field, {{"_", "-"}}));
}

absl::StatusOr<std::string> KnobField(absl::string_view name) {
  std::string field = FieldName(name);
  if (v1::SamplingParams::descriptor()->FindFieldByName(field) == nullptr) {
    return NoKnob(name);
  }
  return field;
}

absl::Status SetKnob(absl::string_view name, absl::string_view value,
                     v1::SamplingParams* params) {
  const auto* field =
      v1::SamplingParams::descriptor()->FindFieldByName(FieldName(name));
  if (field == nullptr) {
    return NoKnob(name);
  }
  if (field->is_repeated() ||
      field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return UsageError(
        absl::StrCat(field->name(), " is a list: it cannot be one value"));
  }
  // Files say what a value may be, and in which words it is refused.
  v1::Profile profile;
  const Violations faults =
      ReadProfileText(absl::StrCat(kPart, ": {", field->name(), ": ",
                                   Scalar(WholeName(*field, value)), "}"),
                      "", Fields::kContent, &profile);
  if (!faults.empty()) {
    return UsageError(
        absl::StrCat(field->name(), ": ",
                     absl::StripSuffix(faults.front().description, kOfLine)));
  }
  params->MergeFrom(profile.default_params());
  return absl::OkStatus();
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

std::string KnobOf(absl::string_view field) {
  return absl::StartsWith(field, kBias) ? kBias : std::string(field);
}

absl::Status ClearKnob(absl::string_view name, v1::SamplingParams* params) {
  const std::string knob = KnobOf(FieldName(name));
  const auto* type = v1::SamplingParams::descriptor();
  bool is_known = false;
  for (int i = 0; i < type->field_count(); ++i) {
    if (KnobOf(type->field(i)->name()) == knob) {
      params->GetReflection()->ClearField(params, type->field(i));
      is_known = true;
    }
  }
  return is_known ? absl::OkStatus() : NoKnob(name);
}

}  // namespace logitd::logitctl
