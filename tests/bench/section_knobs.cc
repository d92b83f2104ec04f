// Each knob by itself in multiples of R, and how often it reads the row.

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/core_run.h"
#include "tests/bench/profiles.h"
#include "tests/bench/real_rows.h"
#include "tests/bench/rows.h"
#include "tests/bench/section_list.h"
#include "tests/bench/subjects.h"
#include "tests/support/kernel_reads.h"
#include "tests/support/single_knobs.h"

namespace logitd::bench {
namespace {

using tests::KernelReads;
using tests::SingleKnob;

// A knob may read a row so often from end to end, beyond what a step reads
// without it.
constexpr double kReadsMax = 3;
// Repeats itself, for the knobs that look for that.
constexpr Past kPast = {256, 40, 64};

Profile ProfileOf(const SingleKnob& knob) {
  Profile profile;
  profile.name = knob.name;
  profile.params = knob.params;
  profile.mask = knob.mask;
  profile.second_row = knob.second_row;
  return profile;
}

struct Reads {
  int most = 0;  // of a knob that may not read more
  std::string knob, row;
};

// Full reads of each step beyond the first one's.
void CountReads(const Settings& settings, const Rows& rows,
                const std::string& row, const std::vector<SingleKnob>& knobs,
                Report* report, Reads* reads) {
  KernelReads counter(*settings.kernels);
  int without = 0;
  std::string text = row + ":";
  for (const SingleKnob& knob : knobs) {
    const Item step = OurStep(ProfileOf(knob), counter.table(), rows, kPast);
    counter.Reset();
    step.run(rows.set().rows[0]);
    const int full = static_cast<int>(counter.full()) + knob.other_reads;
    if (knob.name == knobs[0].name) without = full;
    const int beyond = full - without;
    text += " [" + knob.name + "] " + std::to_string(beyond);
    if (knob.may_read_more || beyond <= reads->most) continue;
    *reads = {beyond, knob.name, row};
  }
  report->Note(text + "; no knob " + std::to_string(without));
}

void TimeKnobs(const Settings& settings, const Rows& rows,
               const std::string& row, const std::vector<SingleKnob>& knobs,
               Report* report) {
  std::vector<Profile> profiles;
  for (const SingleKnob& knob : knobs) profiles.push_back(ProfileOf(knob));
  const CoreRun run = Measure(settings, rows, profiles, kPast);
  report->Note(row + ": " + DescribeYardstick(run, rows.set().bytes));
  std::string beyond = "  beyond no knob:";
  for (std::size_t i = 0; i < run.ours.size(); ++i) {
    report->Line(run.ours[i].name, row, run.ours[i].total, run.InR(i, {}));
    char entry[64];
    std::snprintf(entry, sizeof entry, " [%s] %+.2f", run.ours[i].name.c_str(),
                  run.XR(i) - run.XR(0));
    if (i > 0) beyond += entry;
  }
  report->Note(beyond);
}

struct NamedRows {
  std::string name;
  Rows rows;
};

std::vector<NamedRows> AllRows(const Settings& settings, Report* report) {
  const std::size_t vocab_size = MainVocab(settings);
  std::vector<NamedRows> all;
  for (const Shape shape : {Shape::kPeaked, Shape::kWide}) {
    all.push_back({RowName(Name(shape), vocab_size), Rows(shape, vocab_size)});
  }
  std::string why;
  const std::vector<std::vector<float>> real = ReadRealRows(&why);
  if (real.empty()) {
    report->NotRun("knobs on real rows", why);
  } else {
    all.push_back({RowName("trigram", real[0].size()), Rows(real)});
  }
  return all;
}

}  // namespace

void RunKnobs(const Settings& settings, Report* report) {
  report->Section("knobs: each by itself / R", "xR");
  const std::vector<NamedRows> all = AllRows(settings, report);
  const auto knobs_of = [](const Rows& rows) {
    return tests::SingleKnobs(static_cast<std::uint32_t>(rows.vocab_size()));
  };
  for (const NamedRows& row : all) {
    TimeKnobs(settings, row.rows, row.name, knobs_of(row.rows), report);
  }
  report->Section("reads: full reads of a row by one knob, beyond no knob",
                  "reads");
  Reads reads;
  for (const NamedRows& row : all) {
    CountReads(settings, row.rows, row.name, knobs_of(row.rows), report,
               &reads);
  }
  report->Ratio("most: " + reads.knob, reads.row,
                {static_cast<double>(reads.most), kReadsMax, false, {}, {}});
}

}  // namespace logitd::bench
