// The sections behind sections.h, one function each. See README.md for what
// each one asks.

#ifndef LOGITD_TESTS_BENCH_SECTION_LIST_H_
#define LOGITD_TESTS_BENCH_SECTION_LIST_H_

#include <cstddef>

#include "tests/bench/report.h"
#include "tests/bench/sections.h"

namespace logitd::bench {

// The row length that most bars are set for, and its stand-in for --quick.
inline std::size_t MainVocab(const Settings& settings) {
  return settings.quick ? 32000 : 151936;
}

void RunCore(const Settings& settings, Report* report);
void RunAdversarial(const Settings& settings, Report* report);
void RunReal(const Settings& settings, Report* report);
void RunPeer(const Settings& settings, Report* report);
void RunSession(const Settings& settings, Report* report);
void RunGrowth(const Settings& settings, Report* report);
void RunKnobs(const Settings& settings, Report* report);
void RunMetrics(const Settings& settings, Report* report);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_SECTION_LIST_H_
