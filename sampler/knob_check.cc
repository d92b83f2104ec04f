#include "sampler/knob_check.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

absl::Status Outside(absl::string_view field, absl::string_view value,
                     const CountKnob& knob) {
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": ", value, " is outside [", knob.min, ", ", knob.max, "]"));
}

// The knob that a schedule moves: one of the two. Neither: it moves none.
struct Scheduled {
  const RealKnob* real;
  const CountKnob* count;

  bool is_none() const { return real == nullptr && count == nullptr; }
  const char* name() const {
    return real != nullptr ? real->name : count->name;
  }
  bool HasConstant(const Params& params) const {
    return real != nullptr ? (params.*real->value).has_value()
                           : (params.*count->value).has_value();
  }
  absl::Status Check(const std::string& field, double value) const {
    if (real != nullptr) return CheckReal(field, *real, value);
    if (!(value >= count->min && value <= count->max)) {
      return Outside(field, Digits(value), *count);
    }
    if (value == std::floor(value)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", Digits(value), " is not a whole number"));
  }
};

// All real knobs, and of those that count the one that decides nothing of what
// is remembered.
Scheduled KnobOf(int field) {
  const CountKnob* count = FindKnob(kCountKnobs, field);
  const bool is_top_k = count != nullptr && count->value == &Params::top_k;
  return {FindKnob(kRealKnobs, field), is_top_k ? count : nullptr};
}

absl::Status CheckPoints(const std::string& path, const Schedule& schedule,
                         const Scheduled& knob) {
  const auto& points = schedule.points;
  if (points.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, "points: 0 points are outside [1, ", kSchedulePointsMax, "]"));
  }
  if (points.size() > kSchedulePointsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, "points: ", points.size(), " points are more than ",
                     kSchedulePointsMax));
  }
  for (size_t i = 0; i < points.size(); ++i) {
    const std::string point = absl::StrCat(path, "points[", i, "].");
    if (points[i].at > kCountMax) {
      return absl::InvalidArgumentError(absl::StrCat(
          point, "at: ", points[i].at, " is outside [0, ", kCountMax, "]"));
    }
    if (i > 0 && points[i].at <= points[i - 1].at) {
      return absl::InvalidArgumentError(
          absl::StrCat(point, "at: ", points[i].at, " is not above ",
                       points[i - 1].at, " of the point before"));
    }
    LOGITD_RETURN_IF_ERROR(knob.Check(point + "value", points[i].value));
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const std::string& path, const Schedule& schedule,
                         const Scheduled& knob) {
  const auto& [min, max] = std::tie(schedule.min, schedule.max);
  if (min) LOGITD_RETURN_IF_ERROR(knob.Check(path + "min", *min));
  if (max) LOGITD_RETURN_IF_ERROR(knob.Check(path + "max", *max));
  if (!min || !max || *min <= *max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path, "min: ", Digits(*min), " is more than max ", Digits(*max)));
}

}  // namespace

std::string Digits(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return std::string(text, end);
}

bool CanBeScheduled(int field) { return !KnobOf(field).is_none(); }

absl::Status CheckReal(absl::string_view field, const RealKnob& knob,
                       double value) {
  // Both false for NaN.
  const bool above = knob.min_open ? value > knob.min : value >= knob.min;
  const bool below = knob.max_open ? value < knob.max : value <= knob.max;
  if (above && below) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": ", Digits(value), " is outside ", knob.min_open ? "(" : "[",
      Digits(knob.min), ", ", Digits(knob.max), knob.max_open ? ")" : "]"));
}

absl::Status CheckCount(absl::string_view field, const CountKnob& knob,
                        uint32_t value) {
  if (value >= knob.min && value <= knob.max) return absl::OkStatus();
  return Outside(field, absl::StrCat(value), knob);
}

absl::Status CheckSchedules(const Params& params) {
  const auto& schedules = params.schedules;
  for (size_t i = 0; i < schedules.size(); ++i) {
    const Schedule& schedule = schedules[i];
    const std::string path = absl::StrCat("schedules[", i, "].");
    const Scheduled knob = KnobOf(schedule.field);
    const auto refuse = [&](auto... why) {
      return absl::InvalidArgumentError(absl::StrCat(path, "knob: ", why...));
    };
    if (knob.is_none()) {
      return refuse("field ", schedule.field,
                    " cannot be a function of the position");
    }
    if (knob.HasConstant(params))
      return refuse(knob.name(), " has a constant too");
    const auto same = [&](const Schedule& other) {
      return other.field == schedule.field;
    };
    if (std::find_if(schedules.begin(), schedules.end(), same) !=
        schedules.begin() + static_cast<ptrdiff_t>(i)) {
      return refuse(knob.name(), " has two schedules");
    }
    LOGITD_RETURN_IF_ERROR(CheckPoints(path, schedule, knob));
    LOGITD_RETURN_IF_ERROR(CheckLimits(path, schedule, knob));
  }
  return absl::OkStatus();
}

}  // namespace logitd
