// Names of the compiled max passes, one per (compiler, instruction set,
// accumulators). Must not include anything but size_t: see yardstick_passes.cc.
// Each reads n >= 16 floats and returns their maximum; NaN is not looked for.

#ifndef LOGITD_TESTS_BENCH_YARDSTICK_PASSES_H_
#define LOGITD_TESTS_BENCH_YARDSTICK_PASSES_H_

#include <cstddef>

// The build defines LOGITD_PASS_TAG, for example gcc_avx2.
#define LOGITD_PASS_JOIN2(tag, count) logitd_max_pass_##tag##_##count
#define LOGITD_PASS_JOIN(tag, count) LOGITD_PASS_JOIN2(tag, count)
#define LOGITD_PASS(count) LOGITD_PASS_JOIN(LOGITD_PASS_TAG, count)

#define LOGITD_PASS_DECLARE(tag)                                    \
  float logitd_max_pass_##tag##_1(const float* row, std::size_t n); \
  float logitd_max_pass_##tag##_4(const float* row, std::size_t n); \
  float logitd_max_pass_##tag##_8(const float* row, std::size_t n)

extern "C" {
LOGITD_PASS_DECLARE(gcc_avx2);
LOGITD_PASS_DECLARE(gcc_avx512);
LOGITD_PASS_DECLARE(clang_avx2);
LOGITD_PASS_DECLARE(clang_avx512);
}

#endif  // LOGITD_TESTS_BENCH_YARDSTICK_PASSES_H_
