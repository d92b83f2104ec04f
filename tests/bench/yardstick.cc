#include "tests/bench/yardstick.h"

#include "tests/bench/yardstick_passes.h"

namespace logitd::bench {
namespace {

using Run = float (*)(const float*, std::size_t);

// Empty when this CPU has the instruction set.
std::string Lacks(const std::string& isa) {
#if defined(__x86_64__)
  if (isa == "avx2" && !__builtin_cpu_supports("avx2")) return "no AVX2";
  if (isa == "avx512" && !__builtin_cpu_supports("avx512f")) {
    return "this CPU has no AVX-512";
  }
  return "";
#else
  return isa + " is not an instruction set of this CPU";
#endif
}

void Add(const std::string& compiler, const std::string& isa, const Run* runs,
         std::vector<MaxPass>* passes) {
  const int counts[] = {1, 4, 8};
  for (int i = 0; i < 3; ++i) {
    MaxPass pass;
    pass.name = compiler + "/" + isa + "/" + std::to_string(counts[i]);
    pass.missing = Lacks(isa);
    if (runs == nullptr) pass.missing = "not built: no " + compiler;
    if (pass.missing.empty()) pass.run = runs[i];
    passes->push_back(pass);
  }
}

}  // namespace

#define LOGITD_PASS_RUNS(tag)                             \
  {                                                       \
    logitd_max_pass_##tag##_1, logitd_max_pass_##tag##_4, \
        logitd_max_pass_##tag##_8                         \
  }

std::vector<MaxPass> AllMaxPasses() {
  std::vector<MaxPass> passes;
#if defined(LOGITD_BENCH_GCC)
  const Run gcc_avx2[] = LOGITD_PASS_RUNS(gcc_avx2);
  const Run gcc_avx512[] = LOGITD_PASS_RUNS(gcc_avx512);
  Add("gcc", "avx2", gcc_avx2, &passes);
  Add("gcc", "avx512", gcc_avx512, &passes);
#else
  Add("gcc", "avx2", nullptr, &passes);
  Add("gcc", "avx512", nullptr, &passes);
#endif
#if defined(LOGITD_BENCH_CLANG)
  const Run clang_avx2[] = LOGITD_PASS_RUNS(clang_avx2);
  const Run clang_avx512[] = LOGITD_PASS_RUNS(clang_avx512);
  Add("clang", "avx2", clang_avx2, &passes);
  Add("clang", "avx512", clang_avx512, &passes);
#else
  Add("clang", "avx2", nullptr, &passes);
  Add("clang", "avx512", nullptr, &passes);
#endif
  return passes;
}

}  // namespace logitd::bench
