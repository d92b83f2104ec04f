#include "tests/bench/core_run.h"

#include <cstdio>

namespace logitd::bench {

CoreRun Measure(const Settings& settings, const Rows& rows,
                const std::vector<Profile>& profiles, Past past) {
  const Rows narrow = rows.ToBfloat16();
  std::vector<Item> items = YardstickPasses(rows);
  const std::size_t pass_count = items.size();
  items.push_back(Memcpy(rows));
  for (const Profile& profile : profiles) {
    const Rows& source = profile.bfloat16 ? narrow : rows;
    items.push_back(OurStep(profile, *settings.kernels, source, past));
  }
  const std::vector<Timing> timings =
      TimeInterleaved(items, settings.stopwatch);
  CoreRun run;
  const auto copy = timings.begin() + static_cast<std::ptrdiff_t>(pass_count);
  run.passes.assign(timings.begin(), copy);
  run.copy = *copy;
  run.ours.assign(copy + 1, timings.end());
  for (const Timing& pass : run.passes) {
    const bool first = run.r.count == 0;
    if (first || pass.total.p10_ns < run.r.total.p10_ns) run.r = pass;
  }
  return run;
}

CoreRun MeasureCore(const Settings& settings, const Rows& rows) {
  return Measure(settings, rows, CoreProfiles());
}

std::string DescribeYardstick(const CoreRun& run, std::size_t row_bytes) {
  const auto bytes = static_cast<double>(row_bytes);
  char text[160];
  // Bytes per nanosecond are GB/s.
  std::snprintf(text, sizeof text,
                "R = %.2f us = %.1f GB/s (%s); memcpy %.2f us = %.1f GB/s",
                run.r.total.p10_ns / 1e3, bytes / run.r.total.p10_ns,
                run.r.name.c_str(), run.copy.total.p10_ns / 1e3,
                bytes / run.copy.total.p10_ns);
  return text;
}

}  // namespace logitd::bench
