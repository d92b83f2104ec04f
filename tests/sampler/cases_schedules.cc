#include <algorithm>
#include <optional>
#include <set>

#include "sampler/knobs.h"
#include "sampler/knobs_at.h"
#include "tests/sampler/cases_setters.h"
#include "tests/sampler/knob_ends.h"

namespace logitd::tests {
namespace {

constexpr int kTopKField = 10;

// `low` and `high` are the knob's ends.
Schedule AnySchedule(int field, double constant, double off, double low,
                     double high, uint32_t generated, Dice* dice) {
  Schedule schedule;
  schedule.field = field;
  schedule.shape =
      dice->Chance(0.6) ? ScheduleShape::kLinear : ScheduleShape::kStep;
  std::set<uint32_t> places;  // before and behind this token
  for (uint32_t n = 1 + dice->Below(4); n > 0; --n) {
    places.insert(dice->Below(2 * generated + 3));
  }
  for (const uint32_t at : places) {
    double value = constant * (0.7 + 0.6 * dice->Unit());
    if (dice->Chance(0.15)) value = off;
    schedule.points.push_back({at, std::clamp(value, low, high)});
  }
  if (dice->Chance(0.1)) schedule.min = std::min(constant, high);
  if (dice->Chance(0.1)) schedule.max = std::max(constant, low);
  return schedule;
}

}  // namespace

void SetSchedules(Case* c, Dice* dice) {
  const auto generated = static_cast<uint32_t>(c->output.size());
  Params& params = c->params;
  for (const RealKnob& knob : kRealKnobs) {
    std::optional<double>& constant = params.*knob.value;
    if (!constant || dice->Chance(0.4)) continue;
    const bool is_guidance = knob.value == &Params::guidance_scale;
    if (is_guidance && c->guidance.empty()) continue;
    params.schedules.push_back(AnySchedule(knob.field, *constant, knob.off,
                                           LeastOf(knob), MostOf(knob),
                                           generated, dice));
    constant.reset();
    const bool is_off = IsAlwaysOff(params.schedules.back(), c->vocab_size);
    if (is_guidance && is_off) c->guidance.clear();
  }
  if (params.top_k && dice->Chance(0.6)) {
    Schedule schedule = AnySchedule(kTopKField, *params.top_k, kCountMax, 1,
                                    kCountMax, generated, dice);
    for (SchedulePoint& point : schedule.points) {
      point.value = static_cast<uint32_t>(point.value);
    }
    params.schedules.push_back(schedule);
    params.top_k.reset();
  }
  c->prompt_known = true;  // some look at it that were off
}

}  // namespace logitd::tests
