#include "sampler/knobs_at.h"

#include <algorithm>

namespace logitd {

KnobsAt::KnobsAt(const Params& params, uint32_t generated) : params_(params) {
  for (const Schedule& schedule : params.schedules) {
    const double value = ValueAt(schedule, generated);
    const RealKnob* real = FindKnob(kRealKnobs, schedule.field);
    if (real == nullptr) {
      top_k_ = static_cast<uint32_t>(value);  // downwards
    } else {
      scheduled_[scheduled_count_++] = {real->value, value};
    }
  }
}

std::optional<double> KnobsAt::operator()(Real knob) const {
  for (size_t i = 0; i < scheduled_count_; ++i) {
    if (scheduled_[i].knob == knob) return scheduled_[i].value;
  }
  return params_.*knob;
}

std::optional<uint32_t> KnobsAt::operator()(Count knob) const {
  return knob == &Params::top_k && top_k_ ? top_k_ : params_.*knob;
}

bool IsAlwaysOff(const Schedule& schedule, uint32_t vocab_size) {
  const RealKnob* real = FindKnob(kRealKnobs, schedule.field);
  return std::all_of(schedule.points.begin(), schedule.points.end(),
                     [&](const SchedulePoint& point) {
                       const double value = ValueAt(schedule, point.at);
                       return real != nullptr ? value == real->off
                                              : value >= vocab_size;
                     });
}

}  // namespace logitd
