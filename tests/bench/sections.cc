#include "tests/bench/sections.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "tests/bench/report.h"
#include "tests/bench/section_list.h"
#include "tests/bench/yardstick.h"

namespace logitd::bench {
namespace {

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0)
      return line.substr(line.find(':') + 2);
  }
  return "unknown CPU";
}

void PrintMachine(const Settings& settings) {
  double load[3] = {0, 0, 0};
  if (getloadavg(load, 3) < 0) load[0] = -1;
  std::printf("machine: %s, %u cores, load %.1f\n", CpuName().c_str(),
              std::thread::hardware_concurrency(), load[0]);
  std::printf("build: %s; kernels: %s\n", LOGITD_BENCH_COMPILER,
              settings.kernels->name);
  if (settings.quick) {
    std::printf("--quick: short rows and few samples; its verdicts are void\n");
  }
  if (!settings.stopwatch.touch) {
    std::printf("--no_touch: no bar is set for this; its verdicts are void\n");
  }
}

// Bars whose work needs the running service, which this program does not start.
void PrintServiceBars(Report* report) {
  report->Section("service: bars that need the running service", "ratio");
  for (const char* work :
       {"one row, gRPC + shared memory / empty step",
        "one row inline / empty handler",
        "32 rows, gRPC + shared memory / peer", "ring, one row / peer"}) {
    report->NotRun(work, "this program starts no service");
  }
}

}  // namespace

// Whether `only` names the section; it may name several.
static bool IsChosen(const std::string& only, const std::string& name) {
  return only.empty() ||
         ("," + only + ",").find("," + name + ",") != std::string::npos;
}

bool RunSections(const Settings& settings) {
  struct Section {
    const char* name;
    void (*run)(const Settings&, Report*);
  };
  const Section sections[] = {
      {"core", RunCore},       {"adversarial", RunAdversarial},
      {"real", RunReal},       {"peer", RunPeer},
      {"session", RunSession}, {"growth", RunGrowth},
      {"knobs", RunKnobs},     {"metrics", RunMetrics}};
  PrintMachine(settings);
  bool any_pass = false;
  for (const MaxPass& pass : AllMaxPasses()) any_pass |= pass.run != nullptr;
  if (!any_pass) {
    std::printf("not run: no max pass for this processor, so there is no R\n");
    return false;
  }
  Report report;
  bool found = settings.only.empty();
  for (const Section& section : sections) {
    if (!IsChosen(settings.only, section.name)) continue;
    section.run(settings, &report);
    found = true;
  }
  if (settings.only.empty()) PrintServiceBars(&report);
  report.Summary();
  return found;
}

}  // namespace logitd::bench
