#include "service/profiles/knob.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "sampler/knobs.h"
#include "sampler/step_values.h"

namespace logitd {
namespace {

using v1::SamplingParams;

const google::protobuf::Reflection& Reflect() {
  return *SamplingParams::GetReflection();
}

double OffOf(const Knob& knob, uint32_t vocab_size) {
  if (knob.number() == SamplingParams::kTopKFieldNumber) return vocab_size;
  if (const RealKnob* real = logitd::FindKnob(kRealKnobs, knob.number()))
    return real->off;
  if (const CountKnob* count = logitd::FindKnob(kCountKnobs, knob.number())) {
    return count->off == kNoOff ? kCountMax : count->off;
  }
  return 0;
}

// Enums whose first value is what happens anyway.
bool IsRule(const Knob& knob) {
  return knob.number() != SamplingParams::kDialectFieldNumber;
}

// The fields that hold its constant.
std::vector<const Knob*> FieldsOf(const Knob& knob) {
  if (knob.number() != kBiasIdsField) return {&knob};
  return {&knob, &KnobAt(kBiasValuesField)};
}

// The knob that it moves; `schedules` itself: none.
int NumberOf(const v1::Schedule& schedule) {
  const Knob* knob = FindKnob(schedule.knob());
  return knob != nullptr && CanBeScheduled(knob->number()) ? knob->number()
                                                           : kSchedulesField;
}

// Takes the schedules of a knob out of *from; *to may be nullptr.
void MoveSchedules(const Knob& knob, SamplingParams* from, SamplingParams* to) {
  google::protobuf::RepeatedPtrField<v1::Schedule> rest;
  for (v1::Schedule& schedule : *from->mutable_schedules()) {
    const bool moves = NumberOf(schedule) == knob.number();
    if (moves && to == nullptr) continue;
    *(moves ? to->add_schedules() : rest.Add()) = std::move(schedule);
  }
  from->mutable_schedules()->Swap(&rest);
}

uint32_t ToTopK(double value, uint32_t vocab_size) {
  // False for NaN.
  if (!(value < vocab_size)) return vocab_size;
  return static_cast<uint32_t>(std::max(value, 0.0));
}

// By its points, between which it is a line.
Extent ExtentOf(const v1::Schedule& schedule, const Knob& knob,
                uint32_t vocab_size) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Extent extent = {kInfinity, -kInfinity};
  for (const v1::SchedulePoint& point : schedule.points()) {
    double value = point.value();
    if (schedule.has_min()) value = std::max(value, schedule.min());
    if (schedule.has_max()) value = std::min(value, schedule.max());
    if (knob.number() == SamplingParams::kTopKFieldNumber) {
      value = ToTopK(value, vocab_size);
    }
    extent.least = std::min(extent.least, value);
    extent.most = std::max(extent.most, value);
  }
  return extent;
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
  std::set<int> numbers;
  for (const Knob* field : fields) {
    const bool is_bias = field->number() == kBiasValuesField;
    numbers.insert(is_bias ? kBiasIdsField : field->number());
  }
  if (numbers.erase(kSchedulesField) > 0) {
    for (const v1::Schedule& schedule : params.schedules()) {
      numbers.insert(NumberOf(schedule));
    }
  }
  std::vector<const Knob*> knobs;
  for (const int number : numbers) {
    const Knob& knob = KnobAt(number);
    if (IsSet(params, knob)) knobs.push_back(&knob);
  }
  return knobs;
}

bool IsSet(const SamplingParams& params, const Knob& knob) {
  if (knob.number() == kBiasIdsField) {
    return !params.logit_bias_ids().empty() ||
           params.logit_bias_values_size() > 0;
  }
  if (ScheduleOf(params, knob) != nullptr) return true;
  if (knob.is_repeated()) return Reflect().FieldSize(params, &knob) > 0;
  if (!Reflect().HasField(params, &knob)) return false;
  return knob.cpp_type() != Knob::CPPTYPE_ENUM ||
         Reflect().GetEnumValue(params, &knob) != 0;
}

const v1::Schedule* ScheduleOf(const SamplingParams& params, const Knob& knob) {
  for (const v1::Schedule& schedule : params.schedules()) {
    if (NumberOf(schedule) == knob.number()) return &schedule;
  }
  return nullptr;
}

void MoveKnob(const Knob& knob, SamplingParams* from, SamplingParams* to) {
  if (knob.number() != kSchedulesField) {
    ClearKnob(knob, to);
    Reflect().SwapFields(from, to, FieldsOf(knob));
  }
  MoveSchedules(knob, from, to);
}

void ClearKnob(const Knob& knob, SamplingParams* params) {
  for (const Knob* field : FieldsOf(knob)) Reflect().ClearField(params, field);
  MoveSchedules(knob, params, nullptr);
}

void TakeKnobs(SamplingParams from, SamplingParams* to) {
  for (const Knob* knob : KnobsSet(from)) MoveKnob(*knob, &from, to);
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
      const CountKnob* count = logitd::FindKnob(kCountKnobs, knob.number());
      const bool only_absent =
          count != nullptr && count->off == kNoOff &&
          knob.number() != SamplingParams::kTopKFieldNumber;
      return !only_absent &&
             EffectOf(params, knob, vocab_size).Is(OffOf(knob, vocab_size));
    }
    default:
      return false;
  }
}

bool NumberRange::Contains(const Extent& extent) const {
  return Contains(extent.least) && Contains(extent.most);
}

bool NumberRange::Contains(double value) const {
  if (whole && value != std::floor(value)) return false;
  return (min_open ? value > min : value >= min) &&
         (max_open ? value < max : value <= max);
}

std::optional<NumberRange> RangeOf(const Knob& knob) {
  if (const RealKnob* real = logitd::FindKnob(kRealKnobs, knob.number())) {
    return NumberRange{real->min, real->max, real->min_open, real->max_open,
                       false};
  }
  if (const CountKnob* count = logitd::FindKnob(kCountKnobs, knob.number())) {
    return NumberRange{static_cast<double>(count->min),
                       static_cast<double>(count->max), false, false, true};
  }
  return std::nullopt;
}

Dialect DialectIn(const SamplingParams& params) {
  const bool known = v1::Dialect_IsValid(params.dialect());
  return known ? static_cast<Dialect>(params.dialect()) : Dialect::kLogitd;
}

bool IsGreedyAt(const SamplingParams& params, double temperature,
                double range) {
  return IsGreedy(temperature, range, RulesOf(DialectIn(params)));
}

Extent EffectOf(const SamplingParams& params, const Knob& knob,
                uint32_t vocab_size) {
  const auto both = [](double value) { return Extent{value, value}; };
  if (const v1::Schedule* schedule = ScheduleOf(params, knob)) {
    return ExtentOf(*schedule, knob, vocab_size);
  }
  if (!IsSet(params, knob)) return both(OffOf(knob, vocab_size));
  switch (knob.cpp_type()) {
    case Knob::CPPTYPE_DOUBLE:
      return both(knob.is_repeated() ? 0 : Reflect().GetDouble(params, &knob));
    case Knob::CPPTYPE_BOOL:
      return both(Reflect().GetBool(params, &knob) ? 1 : 0);
    case Knob::CPPTYPE_UINT32: {
      const uint32_t value = Reflect().GetUInt32(params, &knob);
      const bool is_top_k = knob.number() == SamplingParams::kTopKFieldNumber;
      return both(is_top_k ? ToTopK(value, vocab_size) : value);
    }
    default:
      return both(0);
  }
}

void Limit(const Knob& knob, double min, double max, uint32_t vocab_size,
           SamplingParams* params) {
  for (v1::Schedule& schedule : *params->mutable_schedules()) {
    if (NumberOf(schedule) != knob.number()) continue;
    const Extent extent = ExtentOf(schedule, knob, vocab_size);
    if (extent.least < min) schedule.set_min(min);
    if (extent.most > max) schedule.set_max(max);
    if (schedule.has_min() && schedule.min() > max) schedule.set_min(max);
    if (schedule.has_max() && schedule.max() < min) schedule.set_max(min);
    return;
  }
  const double value = EffectOf(*params, knob, vocab_size).least;
  SetNumber(knob, std::clamp(value, min, max), params);
}

void SetNumber(const Knob& knob, double value, SamplingParams* params) {
  if (knob.cpp_type() == Knob::CPPTYPE_UINT32) {
    Reflect().SetUInt32(params, &knob, static_cast<uint32_t>(value));
  } else {
    Reflect().SetDouble(params, &knob, value);
  }
}

std::string Digits(double value, bool whole) {
  if (!whole || value != std::floor(value)) return Digits(value);
  char text[512];
  char* const last = text + sizeof(text);
  return std::string(
      text, std::to_chars(text, last, value, std::chars_format::fixed).ptr);
}

std::string Text(const Extent& extent, bool whole) {
  std::string least = Digits(extent.least, whole);
  if (!(extent.least < extent.most)) return least;
  return absl::StrCat(least, " to ", Digits(extent.most, whole));
}

std::string RangeText(const NumberRange& range) {
  return absl::StrCat(
      range.min_open ? "(" : "[", Digits(range.min, range.whole), ", ",
      Digits(range.max, range.whole), range.max_open ? ")" : "]");
}

std::string Outside(double value, const NumberRange& range) {
  return Outside(Extent{value, value}, range);
}

std::string Outside(const Extent& extent, const NumberRange& range) {
  return absl::StrCat(Text(extent, range.whole), " is outside ",
                      RangeText(range));
}

}  // namespace logitd
