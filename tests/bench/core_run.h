// Profiles and the yardstick on one set of rows, interleaved.

#ifndef LOGITD_TESTS_BENCH_CORE_RUN_H_
#define LOGITD_TESTS_BENCH_CORE_RUN_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tests/bench/profiles.h"
#include "tests/bench/report.h"
#include "tests/bench/rows.h"
#include "tests/bench/sections.h"
#include "tests/bench/subjects.h"

namespace logitd::bench {

struct CoreRun {
  std::vector<Timing> passes;  // every variant that ran
  Timing r;                    // the fastest of them, by p10
  Timing copy;                 // memcpy of the row
  std::vector<Timing> ours;    // one for each profile

  // Profile `i` in multiples of R, and judged.
  Verdict InR(std::size_t i, std::optional<double> must,
              std::optional<double> aim = {}) const {
    return Ratio(ours[i].total, r.total, must, aim);
  }
  double XR(std::size_t i) const {
    return ours[i].total.p10_ns / r.total.p10_ns;
  }
};

CoreRun Measure(const Settings& settings, const Rows& rows,
                const std::vector<Profile>& profiles, Past past = {});
// The same of CoreProfiles().
CoreRun MeasureCore(const Settings& settings, const Rows& rows);

// R in us and GB/s beside memcpy, the fastest pass of each kind named.
std::string DescribeYardstick(const CoreRun& run, std::size_t row_bytes);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_CORE_RUN_H_
