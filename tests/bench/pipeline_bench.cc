// logitd_bench: the sampler's pipeline in multiples of R and of the peer.
//
//   logitd_bench [--quick] [--only=SECTION,...] [--peer_dir=DIR]
//                [--kernels=NAME] [--rounds=N] [--no_touch]
//
// SECTION: core, adversarial, real, peer, session, growth, knobs, metrics.
// --no_touch leaves the rows as cold as their rotation makes them; no bar is
// set for that.
//
// How to read the output, and how R is defined: README.md beside this file.

#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/bench/sections.h"

namespace logitd::bench {
namespace {

// The value of --name=VALUE, or nullptr.
const char* Value(const char* argument, const char* name) {
  const std::size_t length = std::strlen(name);
  if (std::strncmp(argument, name, length) != 0) return nullptr;
  return argument[length] == '=' ? argument + length + 1 : nullptr;
}

bool ParseFlag(const char* argument, Settings* settings) {
  if (std::strcmp(argument, "--quick") == 0) {
    settings->quick = true;
    settings->stopwatch.rounds = 12;
    settings->stopwatch.rounds_min = 3;
    settings->stopwatch.item_budget_ms = 30;
  } else if (std::strcmp(argument, "--no_touch") == 0) {
    settings->stopwatch.touch = false;
  } else if (const char* only = Value(argument, "--only")) {
    settings->only = only;
  } else if (const char* directory = Value(argument, "--peer_dir")) {
    settings->peer_dir = directory;
  } else if (const char* name = Value(argument, "--kernels")) {
    settings->kernels = kernels::Find(name);
  } else if (const char* rounds = Value(argument, "--rounds")) {
    settings->stopwatch.rounds = std::strtoul(rounds, nullptr, 10);
  } else {
    return false;
  }
  return settings->kernels != nullptr && settings->stopwatch.rounds > 0;
}

int Main(int argc, char** argv) {
  // Both samplers keep the memory they freed: the peer gains most by it.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  Settings settings;
  settings.kernels = kernels::Find("auto");
  for (int i = 1; i < argc; ++i) {
    if (ParseFlag(argv[i], &settings)) continue;
    std::fprintf(stderr, "logitd_bench: bad flag %s\n", argv[i]);
    return 2;
  }
  return RunSections(settings) ? 0 : 2;
}

}  // namespace
}  // namespace logitd::bench

int main(int argc, char** argv) { return logitd::bench::Main(argc, argv); }
