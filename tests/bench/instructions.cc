// logitd_instructions: what the core profiles execute, for a counter outside.
//
//   logitd_instructions --kernels=NAME [--steps=N]
//
// Under `valgrind --tool=callgrind --instr-atstart=no` it counts the steps of
// each profile and row apart, and has the count dumped under their name. Else
// it prints the nanoseconds of a step: where the clock itself counts
// instructions, as an emulator's does, these are a count too. Rows and seeds
// are fixed, so counts repeat.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define LOGITD_CALLGRIND 1
#else
#define LOGITD_CALLGRIND 0
#endif

#include "sampler/kernels/kernels.h"
#include "tests/bench/profiles.h"
#include "tests/bench/rows.h"
#include "tests/bench/subjects.h"

namespace logitd::bench {
namespace {

constexpr std::size_t kVocab = 151936;

bool IsCounted() {
#if LOGITD_CALLGRIND
  return RUNNING_ON_VALGRIND != 0;
#else
  return false;
#endif
}

void BeginCount() {
#if LOGITD_CALLGRIND
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
#endif
}

void EndCount([[maybe_unused]] const std::string& name) {
#if LOGITD_CALLGRIND
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
#endif
}

void Count(const Item& step, const std::string& name, std::size_t steps) {
  const std::vector<const void*>& rows = step.rows->rows;
  for (const void* row : rows) step.run(row);  // warm
  const std::int64_t begin = NowNs();
  BeginCount();
  for (std::size_t i = 0; i < steps; ++i) step.run(rows[i % rows.size()]);
  EndCount(name);
  const double ns =
      static_cast<double>(NowNs() - begin) / static_cast<double>(steps);
  if (!IsCounted()) std::printf("%.1f ns  %s\n", ns, name.c_str());
}

int Main(int argc, char** argv) {
  const kernels::KernelTable* table = nullptr;
  std::size_t steps = kRowBuffers;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--kernels=", 10) == 0) {
      table = kernels::Find(argv[i] + 10);
    } else if (std::strncmp(argv[i], "--steps=", 8) == 0) {
      steps = std::strtoul(argv[i] + 8, nullptr, 10);
    }
  }
  if (table == nullptr || steps == 0) {
    std::fprintf(stderr, "usage: %s --kernels=NAME [--steps=N]\n", argv[0]);
    return 2;
  }
  for (const Shape shape : {Shape::kPeaked, Shape::kWide}) {
    const Rows rows(shape, kVocab);
    const Rows narrow = rows.ToBfloat16();
    for (const Profile& profile : CoreProfiles()) {
      Count(OurStep(profile, *table, profile.bfloat16 ? narrow : rows),
            std::string(Name(shape)) + ": " + profile.name, steps);
    }
  }
  return 0;
}

}  // namespace
}  // namespace logitd::bench

int main(int argc, char** argv) { return logitd::bench::Main(argc, argv); }
