#include "service/profiles/validate_params.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "sampler/params.h"
#include "sampler/status_macros.h"
#include "service/convert_params.h"
#include "service/profiles/knob.h"
#include "service/profiles/nearest.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status CheckParams(const v1::SamplingParams& wire, const Limits& limits,
                         uint32_t vocab_size) {
  Params params;
  LOGITD_RETURN_IF_ERROR(ReadParams(wire, limits, &params));
  return Validate(params, vocab_size);
}

void ValidateBound(const std::string& path, const Knob& knob, double bound,
                   Violations* violations) {
  const NumberRange range = *RangeOf(knob);
  if (range.Contains(bound)) return;
  const NumberRange real = {range.min, range.max, range.min_open,
                            range.max_open, false};
  violations->push_back(
      {path, real.Contains(bound)
                 ? absl::StrCat(Digits(bound), " is not a whole number")
                 : Outside(bound, range)});
}

// Of the knobs that have a number.
std::string NearestClampable(const std::string& name) {
  const auto& type = *v1::SamplingParams::descriptor();
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) {
    if (RangeOf(*type.field(i))) names.push_back(type.field(i)->name());
  }
  return Nearest(name, names);
}

std::string WhyNotClampable(const v1::Clamp& clamp) {
  const Knob* knob = FindKnob(clamp.knob());
  if (knob == nullptr) {
    const std::string nearest = NearestClampable(clamp.knob());
    return absl::StrCat(Quote(clamp.knob()),
                        " is not a field of SamplingParams",
                        nearest.empty() ? "" : ", the nearest is ", nearest);
  }
  if (!RangeOf(*knob)) {
    return absl::StrCat(knob->name(), " has no number to limit");
  }
  return "";
}

// Each alone, so that every one is told of.
void ValidateSchedules(const std::string& path,
                       const Repeated<v1::Schedule>& schedules,
                       const Limits& limits, uint32_t vocab_size,
                       Violations* violations) {
  for (int i = 0; i < schedules.size() && !IsFull(*violations); ++i) {
    v1::SamplingParams one;
    *one.add_schedules() = schedules[i];
    const absl::Status status = CheckParams(one, limits, vocab_size);
    if (status.ok()) continue;
    Violation violation = ViolationOf("", status);
    const std::string rest = violation.field.substr(violation.field.find(']'));
    violation.field = absl::StrCat(path, "schedules[", i, rest);
    violations->push_back(std::move(violation));
  }
}

std::string WhyNoMode(const v1::Clamp& clamp) {
  if (clamp.mode() == v1::CLAMP_MODE_UNSPECIFIED) {
    return "is not set, and is CLAMP_MODE_CLAMP or CLAMP_MODE_REJECT";
  }
  if (v1::ClampMode_IsValid(clamp.mode())) return "";
  return absl::StrCat(static_cast<int>(clamp.mode()),
                      " is not a value of ClampMode");
}

void ValidateClamp(const std::string& path, const v1::Clamp& clamp,
                   Violations* violations) {
  const std::string why = WhyNotClampable(clamp);
  if (!why.empty()) {
    violations->push_back({path + ".knob", why});
  }
  if (const std::string mode = WhyNoMode(clamp); !mode.empty()) {
    violations->push_back({path + ".mode", mode});
  }
  if (!clamp.has_min() && !clamp.has_max()) {
    violations->push_back({path, "has neither min nor max"});
  }
  if (!why.empty()) return;
  const Knob& knob = *FindKnob(clamp.knob());
  const auto bound = [&](bool has, double value, const char* name) {
    if (has) ValidateBound(path + name, knob, value, violations);
  };
  bound(clamp.has_min(), clamp.min(), ".min");
  bound(clamp.has_max(), clamp.max(), ".max");
  if (clamp.has_min() && clamp.has_max() && clamp.min() > clamp.max()) {
    violations->push_back(
        {path + ".min", absl::StrCat(Digits(clamp.min()), " is more than max ",
                                     Digits(clamp.max()))});
  }
}

}  // namespace

void ValidateKnown(const std::string& path, const Message& message,
                   Violations* violations) {
  const auto& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count() && !IsFull(*violations); ++i) {
    violations->push_back({absl::StrCat(path, unknown.field(i).number()),
                           "a field of this number is unknown to this server"});
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() != FieldDescriptor::TYPE_MESSAGE || field->is_map()) {
      continue;
    }
    const std::string name = absl::StrCat(path, field->name());
    if (!field->is_repeated()) {
      ValidateKnown(name + ".", reflection.GetMessage(message, field),
                    violations);
      continue;
    }
    const int count = reflection.FieldSize(message, field);
    for (int i = 0; i < count && !IsFull(*violations); ++i) {
      ValidateKnown(absl::StrCat(name, "[", i, "]."),
                    reflection.GetRepeatedMessage(message, field, i),
                    violations);
    }
  }
}

void ValidateParams(const std::string& path, const v1::SamplingParams& params,
                    const Limits& limits, uint32_t vocab_size,
                    Violations* violations) {
  v1::SamplingParams rest = params;
  rest.DiscardUnknownFields();  // ValidateKnown told of them
  const v1::SamplingParams whole = rest;
  const size_t before = violations->size();
  ValidateSchedules(path, rest.schedules(), limits, vocab_size, violations);
  rest.clear_schedules();
  for (const Knob* knob : KnobsSet(rest)) {
    v1::SamplingParams one;
    MoveKnob(*knob, &rest, &one);
    const absl::Status status = CheckParams(one, limits, vocab_size);
    if (!status.ok()) violations->push_back(ViolationOf(path, status));
  }
  // An order is wrong only together with the knobs that it forgets, a schedule
  // beside another value of its knob.
  if (whole.steps_size() == 0 && whole.schedules_size() == 0) return;
  if (violations->size() > before) return;
  const absl::Status status = CheckParams(whole, limits, vocab_size);
  if (!status.ok()) violations->push_back(ViolationOf(path, status));
}

void ValidateSequences(const std::string& path,
                       const Repeated<v1::TokenSequence>& sequences,
                       const Limits& limits, uint32_t vocab_size,
                       Violations* violations) {
  const auto most = static_cast<int64_t>(limits.max_stop_sequences);
  if (sequences.size() > most) {
    violations->push_back(
        {path,
         absl::StrCat(sequences.size(),
                      " sequences are more than --max_stop_sequences ", most),
         absl::StatusCode::kResourceExhausted});
    return;
  }
  for (int i = 0; i < sequences.size() && !IsFull(*violations); ++i) {
    v1::SamplingParams one;
    one.add_stop_sequences()->set_tokens(sequences[i].tokens());
    const absl::Status status = CheckParams(one, limits, vocab_size);
    if (status.ok()) continue;
    Violation violation = ViolationOf("", status);
    violation.field = absl::StrCat(path, "[", i, "].tokens");
    violations->push_back(std::move(violation));
  }
}

void ValidateClamps(const std::string& path, const Repeated<v1::Clamp>& clamps,
                    Violations* violations) {
  for (int i = 0; i < clamps.size() && !IsFull(*violations); ++i) {
    ValidateClamp(absl::StrCat(path, "clamps[", i, "]"), clamps[i], violations);
  }
}

}  // namespace logitd
