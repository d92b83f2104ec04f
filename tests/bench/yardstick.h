// The yardstick R: the fastest plain vector max pass over one row. R is the
// unit of every kernel figure, so it is taken over all ways to write the pass
// that this machine can run. Knows nothing of the sampler. Thread-safe.

#ifndef LOGITD_TESTS_BENCH_YARDSTICK_H_
#define LOGITD_TESTS_BENCH_YARDSTICK_H_

#include <cstddef>
#include <string>
#include <vector>

namespace logitd::bench {

struct MaxPass {
  std::string name;  // for example "clang/avx512/8"
  float (*run)(const float* row, std::size_t n) = nullptr;
  std::string missing;  // why `run` is null; empty when it can run
};

// Every variant of the definition, those that cannot run here included.
std::vector<MaxPass> AllMaxPasses();

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_YARDSTICK_H_
