// The questions that the bench asks, one section each. Prints the report.
// Not thread-safe; takes the whole machine's attention for as long as it runs.

#ifndef LOGITD_TESTS_BENCH_SECTIONS_H_
#define LOGITD_TESTS_BENCH_SECTIONS_H_

#include <string>

#include "sampler/kernels/kernels.h"
#include "tests/bench/stopwatch.h"

namespace logitd::bench {

struct Settings {
  bool quick = false;    // one small vocabulary, few rounds: checks the shape
  std::string only;      // sections, by commas; empty: all
  std::string peer_dir;  // where peer.sh left its work; empty: no peer
  const kernels::KernelTable* kernels = nullptr;
  StopwatchOptions stopwatch;
};

// False when settings.only names no section. A bar that is not met is a line
// in the report, not an error.
bool RunSections(const Settings& settings);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_SECTIONS_H_
