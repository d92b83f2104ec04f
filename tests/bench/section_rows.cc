// Every core profile on rows that break fast paths, and on real rows.

#include <cstdio>
#include <string>

#include "tests/bench/core_run.h"
#include "tests/bench/profiles.h"
#include "tests/bench/real_rows.h"
#include "tests/bench/rows.h"
#include "tests/bench/section_list.h"

namespace logitd::bench {
namespace {

std::string AllOf(const CoreRun& run) {
  std::string text;
  for (std::size_t i = 0; i < run.ours.size(); ++i) {
    char entry[64];
    std::snprintf(entry, sizeof entry, " [%s] %.2f", run.ours[i].name.c_str(),
                  run.XR(i));
    text += entry;
  }
  return text;
}

}  // namespace

void RunAdversarial(const Settings& settings, Report* report) {
  report->Section("adversarial: the worst core profile on each row / R", "xR");
  const std::size_t vocab_size = MainVocab(settings);
  for (const Shape shape : AdversarialShapes()) {
    const CoreRun run = MeasureCore(settings, Rows(shape, vocab_size));
    std::size_t worst = 0;
    for (std::size_t i = 0; i < run.ours.size(); ++i) {
      if (run.XR(i) > run.XR(worst)) worst = i;
    }
    report->Line(run.ours[worst].name, RowName(Name(shape), vocab_size),
                 run.ours[worst].total,
                 run.InR(worst, kAdversarialR, kAdversarialAim));
    report->Note("  all:" + AllOf(run));
  }
}

void RunReal(const Settings& settings, Report* report) {
  report->Section("real: rows of a trigram language model / R", "xR");
  std::string why;
  const std::vector<std::vector<float>> real = ReadRealRows(&why);
  if (real.empty()) {
    report->NotRun("real rows", why);
    return;
  }
  const Rows rows(real);
  const CoreRun run = MeasureCore(settings, rows);
  report->Note(DescribeYardstick(run, rows.set().bytes));
  for (std::size_t i = 0; i < run.ours.size(); ++i) {
    report->Line(run.ours[i].name, RowName("trigram", rows.vocab_size()),
                 run.ours[i].total, run.InR(i, kAdversarialR, kAdversarialAim));
  }
}

}  // namespace logitd::bench
