// Every core profile in multiples of R, on four row lengths, and how that
// multiple grows with the row.

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/core_run.h"
#include "tests/bench/profiles.h"
#include "tests/bench/rows.h"
#include "tests/bench/section_list.h"
#include "tests/bench/yardstick.h"

namespace logitd::bench {
namespace {

constexpr std::size_t kSmallest = 32000;
constexpr std::size_t kLargest = 262144;

std::vector<std::size_t> Vocabs(const Settings& settings) {
  if (settings.quick) return {kSmallest};
  return {kSmallest, 128256, 151936, kLargest};
}

const Bars& BarsOf(const Profile& profile, Shape shape) {
  return shape == Shape::kPeaked ? profile.peaked : profile.wide;
}

// The smallest row is there for the growth law only.
std::optional<double> MustBe(const CoreRun& run, std::size_t i, Shape shape,
                             std::size_t vocab_size) {
  const Profile& profile = CoreProfiles()[i];
  if (vocab_size == kSmallest) return std::nullopt;
  if (profile.penalties) return run.XR(i - 1) + kPenaltiesR;
  return BarsOf(profile, shape).x_r;
}

void PrintPasses(const CoreRun& run, Report* report) {
  std::string text = "passes, p10 us:";
  for (const Timing& pass : run.passes) {
    char entry[64];
    std::snprintf(entry, sizeof entry, " %s %.2f", pass.name.c_str(),
                  pass.total.p10_ns / 1e3);
    text += entry;
  }
  report->Note(text);
}

void PrintRun(const CoreRun& run, Shape shape, std::size_t vocab_size,
              Report* report) {
  const std::string row = RowName(Name(shape), vocab_size);
  report->Note(row + ": " + DescribeYardstick(run, vocab_size * sizeof(float)));
  PrintPasses(run, report);
  for (std::size_t i = 0; i < run.ours.size(); ++i) {
    report->Line(run.ours[i].name, row, run.ours[i].total,
                 run.InR(i, MustBe(run, i, shape, vocab_size),
                         BarsOf(CoreProfiles()[i], shape).aim_x_r));
  }
}

// xR(longest row) / xR(shortest), the worst profile named.
void PrintGrowth(const CoreRun& small, const CoreRun& large, Shape shape,
                 Report* report) {
  std::size_t worst = 0;
  std::string text = std::string(Name(shape)) + ", every profile:";
  const auto growth = [&](std::size_t i) { return large.XR(i) / small.XR(i); };
  for (std::size_t i = 0; i < small.ours.size(); ++i) {
    if (growth(i) > growth(worst)) worst = i;
    char entry[64];
    std::snprintf(entry, sizeof entry, " [%s] %.2f", small.ours[i].name.c_str(),
                  growth(i));
    text += entry;
  }
  report->Note(text);
  report->Ratio("worst: " + small.ours[worst].name, Name(shape),
                {growth(worst), kGrowth, false, kGrowthAim, {}});
}

}  // namespace

void RunCore(const Settings& settings, Report* report) {
  report->Section("core: pipeline / R, rows warm", "xR");
  for (const MaxPass& pass : AllMaxPasses()) {
    if (pass.run == nullptr) {
      report->Note("pass " + pass.name + " left out: " + pass.missing);
    }
  }
  std::map<std::size_t, std::vector<CoreRun>> runs;
  const std::vector<Shape> shapes = {Shape::kPeaked, Shape::kWide};
  for (const std::size_t vocab_size : Vocabs(settings)) {
    for (const Shape shape : shapes) {
      CoreRun run = MeasureCore(settings, Rows(shape, vocab_size));
      PrintRun(run, shape, vocab_size, report);
      runs[vocab_size].push_back(std::move(run));
    }
  }
  report->Section("growth: xR at 262144 / xR at 32000", "ratio");
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (settings.quick) {
      report->NotRun(Name(shapes[i]), "--quick");
    } else {
      PrintGrowth(runs[kSmallest][i], runs[kLargest][i], shapes[i], report);
    }
  }
}

}  // namespace logitd::bench
