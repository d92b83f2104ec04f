// Schedule: a knob as a function of how many tokens were generated.
//
// Specification: sampler/README.md, "Schedules". A plain value;
// thread-compatible.
#ifndef LOGITD_SAMPLER_SCHEDULE_H_
#define LOGITD_SAMPLER_SCHEDULE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace logitd {

// Numbered as in the contract.
enum class ScheduleShape : uint8_t { kStep = 1, kLinear = 2 };

struct SchedulePoint {
  uint32_t at = 0;  // tokens generated before the one that it is for
  double value = 0;
};

struct Schedule {
  int field = 0;  // the knob, by its number in the contract
  ScheduleShape shape = ScheduleShape::kStep;
  std::vector<SchedulePoint> points;  // `at` rises
  // What lies beyond is cut to it.
  std::optional<double> min;
  std::optional<double> max;
};

inline constexpr size_t kSchedulePointsMax = 64;

// The value after `generated` tokens, before it is made a whole number for a
// knob that counts. The schedule has points.
double ValueAt(const Schedule& schedule, uint32_t generated);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_SCHEDULE_H_
