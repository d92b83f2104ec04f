// What a step may not cost: heap allocations, and time that grows with the
// session's past.

#include <string>
#include <vector>

#include "tests/bench/profiles.h"
#include "tests/bench/rows.h"
#include "tests/bench/section_list.h"
#include "tests/bench/subjects.h"
#include "tests/support/counting_heap.h"

namespace logitd::bench {
namespace {

// History lists double now and then: a step amortises that, so the count is
// taken where the list has room.
double AllocationsPerStep(const Settings& settings, const Profile& profile,
                          const Rows& rows) {
  const Item step = OurStep(profile, *settings.kernels, rows);
  const std::vector<const void*>& row = rows.set().rows;
  constexpr std::size_t kWarm = 80, kCounted = 40;
  for (std::size_t i = 0; i < kWarm; ++i) step.run(row[i % row.size()]);
  const std::uint64_t before = tests::AllocationCount();
  for (std::size_t i = 0; i < kCounted; ++i) step.run(row[i % row.size()]);
  return static_cast<double>(tests::AllocationCount() - before) / kCounted;
}

void Allocations(const Settings& settings, Shape shape, Report* report) {
  const Rows rows(shape, MainVocab(settings));
  const Rows narrow = rows.ToBfloat16();
  double total = 0;
  for (const Profile& profile : CoreProfiles()) {
    const double count =
        AllocationsPerStep(settings, profile, profile.bfloat16 ? narrow : rows);
    if (count > 0) report->Note("allocates: " + profile.name);
    total += count;
  }
  report->Ratio("allocations, all profiles",
                RowName(Name(shape), rows.vocab_size()),
                {total, 0, false, {}, {}});
}

void LongPast(const Settings& settings, bool windows, Report* report) {
  Profile profile = CoreProfiles()[2];
  if (!windows) {
    profile.params.repetition_window.reset();
    profile.params.frequency_window.reset();
    profile.params.presence_window.reset();
  }
  const Rows rows(Shape::kPeaked, MainVocab(settings));
  constexpr std::uint32_t kDistinct = 512;
  const std::vector<Timing> timings = TimeInterleaved(
      {OurStep(profile, *settings.kernels, rows, {1024, kDistinct}),
       OurStep(profile, *settings.kernels, rows, {131072, kDistinct})},
      settings.stopwatch);
  report->Line(windows ? "penalties 64" : "penalties, whole past",
               "past 131072/1024", timings[1].total,
               Ratio(timings[1].total, timings[0].total, 1.1));
}

}  // namespace

void RunSession(const Settings& settings, Report* report) {
  report->Section("session: allocations per warm step; long past / short",
                  "ratio");
  Allocations(settings, Shape::kPeaked, report);
  Allocations(settings, Shape::kWide, report);
  LongPast(settings, true, report);
  LongPast(settings, false, report);
}

}  // namespace logitd::bench
