#include "service/profiles/knob.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "sampler/knobs.h"

namespace logitd {
namespace {

using v1::SamplingParams;

const google::protobuf::Reflection& Reflect() {
  return *SamplingParams::GetReflection();
}

const RealKnob* FindReal(int number) {
  for (const RealKnob& knob : kRealKnobs) {
    if (knob.field == number) return &knob;
  }
  return nullptr;
}

const CountKnob* FindCount(int number) {
  for (const CountKnob& knob : kCountKnobs) {
    if (knob.field == number) return &knob;
  }
  return nullptr;
}

double OffOf(const Knob& knob, uint32_t vocab_size) {
  if (knob.number() == SamplingParams::kTopKFieldNumber) return vocab_size;
  if (const RealKnob* real = FindReal(knob.number())) return real->off;
  if (const CountKnob* count = FindCount(knob.number())) {
    return count->off == kNoOff ? kCountMax : count->off;
  }
  return 0;
}

// Enums whose first value is what happens anyway.
bool IsRule(const Knob& knob) {
  return knob.number() != SamplingParams::kDialectFieldNumber;
}

std::vector<const Knob*> FieldsOf(const Knob& knob) {
  if (knob.number() != kBiasIdsField) return {&knob};
  return {&knob, &KnobAt(kBiasValuesField)};
}

}  // namespace

const Knob* FindKnob(absl::string_view name) {
  return SamplingParams::descriptor()->FindFieldByName(std::string(name));
}

const Knob& KnobAt(int field_number) {
  return *SamplingParams::descriptor()->FindFieldByNumber(field_number);
}

Merge MergeOf(const Knob& knob) {
  switch (knob.number()) {
    case SamplingParams::kBannedIdsFieldNumber:
    case SamplingParams::kBadWordsFieldNumber:
    case SamplingParams::kSuppressedIdsFieldNumber:
    case SamplingParams::kBeginSuppressedIdsFieldNumber:
    case SamplingParams::kStopIdsFieldNumber:
    case SamplingParams::kStopSequencesFieldNumber:
      return Merge::kUnite;
    case SamplingParams::kAllowedIdsFieldNumber:
      return Merge::kIntersect;
    case SamplingParams::kLogitBiasIdsFieldNumber:
      return Merge::kPerId;
    default:
      return Merge::kReplace;
  }
}

std::vector<const Knob*> KnobsSet(const SamplingParams& params) {
  std::vector<const Knob*> fields;
  Reflect().ListFields(params, &fields);
  bool bias = false;
  std::vector<const Knob*> knobs;
  for (const Knob* field : fields) {
    const bool is_bias =
        field->number() == kBiasIdsField || field->number() == kBiasValuesField;
    if (is_bias && bias) continue;
    bias = bias || is_bias;
    const Knob& knob = is_bias ? KnobAt(kBiasIdsField) : *field;
    if (IsSet(params, knob)) knobs.push_back(&knob);
  }
  return knobs;
}

bool IsSet(const SamplingParams& params, const Knob& knob) {
  if (knob.number() == kBiasIdsField) {
    return !params.logit_bias_ids().empty() ||
           params.logit_bias_values_size() > 0;
  }
  if (knob.is_repeated()) return Reflect().FieldSize(params, &knob) > 0;
  if (!Reflect().HasField(params, &knob)) return false;
  return knob.cpp_type() != Knob::CPPTYPE_ENUM ||
         Reflect().GetEnumValue(params, &knob) != 0;
}

void MoveKnob(const Knob& knob, SamplingParams* from, SamplingParams* to) {
  ClearKnob(knob, to);
  Reflect().SwapFields(from, to, FieldsOf(knob));
}

void ClearKnob(const Knob& knob, SamplingParams* params) {
  for (const Knob* field : FieldsOf(knob)) Reflect().ClearField(params, field);
}

bool IsOff(const SamplingParams& params, const Knob& knob,
           uint32_t vocab_size) {
  if (!IsSet(params, knob)) return true;
  if (knob.is_repeated() || knob.number() == kBiasIdsField) return false;
  switch (knob.cpp_type()) {
    case Knob::CPPTYPE_ENUM:
      return IsRule(knob) && Reflect().GetEnumValue(params, &knob) == 1;
    case Knob::CPPTYPE_DOUBLE:
    case Knob::CPPTYPE_BOOL:
    case Knob::CPPTYPE_UINT32: {
      const CountKnob* count = FindCount(knob.number());
      const bool only_absent =
          count != nullptr && count->off == kNoOff &&
          knob.number() != SamplingParams::kTopKFieldNumber;
      return !only_absent &&
             EffectOf(params, knob, vocab_size) == OffOf(knob, vocab_size);
    }
    default:
      return false;
  }
}

bool NumberRange::Contains(double value) const {
  if (whole && value != std::floor(value)) return false;
  return (min_open ? value > min : value >= min) &&
         (max_open ? value < max : value <= max);
}

std::optional<NumberRange> RangeOf(const Knob& knob) {
  if (const RealKnob* real = FindReal(knob.number())) {
    return NumberRange{real->min, real->max, real->min_open, real->max_open,
                       false};
  }
  if (const CountKnob* count = FindCount(knob.number())) {
    return NumberRange{static_cast<double>(count->min),
                       static_cast<double>(count->max), false, false, true};
  }
  return std::nullopt;
}

double EffectOf(const SamplingParams& params, const Knob& knob,
                uint32_t vocab_size) {
  if (!IsSet(params, knob)) return OffOf(knob, vocab_size);
  switch (knob.cpp_type()) {
    case Knob::CPPTYPE_DOUBLE:
      return knob.is_repeated() ? 0 : Reflect().GetDouble(params, &knob);
    case Knob::CPPTYPE_BOOL:
      return Reflect().GetBool(params, &knob) ? 1 : 0;
    case Knob::CPPTYPE_UINT32: {
      const uint32_t value = Reflect().GetUInt32(params, &knob);
      const bool is_top_k = knob.number() == SamplingParams::kTopKFieldNumber;
      return is_top_k ? std::min(value, vocab_size) : value;
    }
    default:
      return 0;
  }
}

void SetNumber(const Knob& knob, double value, SamplingParams* params) {
  if (knob.cpp_type() == Knob::CPPTYPE_UINT32) {
    Reflect().SetUInt32(params, &knob, static_cast<uint32_t>(value));
  } else {
    Reflect().SetDouble(params, &knob, value);
  }
}

std::string Digits(double value, bool whole) {
  char text[512];  // a whole number has all its digits
  char* const last = text + sizeof(text);
  const bool fixed = whole && value == std::floor(value);
  char* const end =
      fixed ? std::to_chars(text, last, value, std::chars_format::fixed).ptr
            : std::to_chars(text, last, value).ptr;
  return std::string(text, end);
}

std::string RangeText(const NumberRange& range) {
  return absl::StrCat(
      range.min_open ? "(" : "[", Digits(range.min, range.whole), ", ",
      Digits(range.max, range.whole), range.max_open ? ")" : "]");
}

std::string Outside(double value, const NumberRange& range) {
  return absl::StrCat(Digits(value, range.whole), " is outside ",
                      RangeText(range));
}

}  // namespace logitd
