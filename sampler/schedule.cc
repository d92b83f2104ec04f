#include "sampler/schedule.h"

#include <algorithm>
#include <limits>

namespace logitd {
namespace {

// On the line from a to b; rounding leads never beyond either.
double Between(const SchedulePoint& a, const SchedulePoint& b, uint32_t at) {
  const double way = static_cast<double>(at - a.at) / (b.at - a.at);
  const double value = a.value + (b.value - a.value) * way;
  return std::clamp(value, std::min(a.value, b.value),
                    std::max(a.value, b.value));
}

double BeforeLimits(const Schedule& schedule, uint32_t generated) {
  const auto& points = schedule.points;
  const auto next = std::upper_bound(
      points.begin(), points.end(), generated,
      [](uint32_t at, const SchedulePoint& point) { return at < point.at; });
  if (next == points.begin()) return next->value;
  const SchedulePoint& last = *(next - 1);
  if (next == points.end() || schedule.shape == ScheduleShape::kStep) {
    return last.value;
  }
  return Between(last, *next, generated);
}

}  // namespace

double ValueAt(const Schedule& schedule, uint32_t generated) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double value = BeforeLimits(schedule, generated);
  return std::clamp(value, schedule.min.value_or(-kInfinity),
                    schedule.max.value_or(kInfinity));
}

}  // namespace logitd
