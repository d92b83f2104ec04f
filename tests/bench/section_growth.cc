// How a step's time grows: with k, with p towards 1, with the temperature, with
// rows that are no longer in the cache, with threads.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/profiles.h"
#include "tests/bench/rows.h"
#include "tests/bench/section_list.h"
#include "tests/bench/stopwatch.h"
#include "tests/bench/subjects.h"

namespace logitd::bench {
namespace {

constexpr std::size_t kColdRows = 64;  // more than any cache here holds
constexpr std::size_t kWarmRows = 8;

Profile Named(const std::string& name, const Params& params) {
  Profile profile;
  profile.name = name;
  profile.params = params;
  return profile;
}

Profile TopP(const std::string& name, double p, double temperature) {
  Params params;
  params.top_p = p;
  params.temperature = temperature;
  return Named(name, params);
}

// The second's time over the first's, interleaved.
void Compare(const Settings& settings, const Rows& rows, const Profile& first,
             const Profile& second, double must, Report* report) {
  const std::vector<Timing> timings =
      TimeInterleaved({OurStep(first, *settings.kernels, rows),
                       OurStep(second, *settings.kernels, rows)},
                      settings.stopwatch);
  report->Line(second.name + " / " + first.name,
               RowName("peaked", rows.vocab_size()), timings[1].total,
               Ratio(timings[1].total, timings[0].total, must));
}

void Knobs(const Settings& settings, const Rows& rows, Report* report) {
  const std::vector<Profile>& core = CoreProfiles();
  Compare(settings, rows, core[1], core[7], 3, report);
  Compare(settings, rows, TopP("p.95", 0.95, 1), TopP("p.9999", 0.9999, 1), 3,
          report);
  Compare(settings, rows, TopP("p.95 T.7", 0.95, 0.7), TopP("T2", 0.95, 2), 2.5,
          report);
  Compare(settings, rows, core[3], TopP("p1 T.8", 1, 0.8), 1.05, report);
}

// Rows of one shape, each in memory of its own.
std::vector<Rows> ManyRows(Shape shape, std::size_t vocab_size,
                           std::size_t count) {
  std::vector<Rows> rows;
  for (std::size_t i = 0; i < count; i += kRowBuffers) {
    rows.emplace_back(shape, vocab_size);
  }
  return rows;
}

std::vector<const void*> PointersOf(const std::vector<Rows>& rows,
                                    std::size_t count) {
  std::vector<const void*> pointers;
  for (const Rows& set : rows) {
    for (const void* row : set.set().rows) pointers.push_back(row);
  }
  pointers.resize(count);
  return pointers;
}

// Nanoseconds for a row, the best of a few rounds over all of them.
double NsForRow(const Item& step, const std::vector<const void*>& rows) {
  double best = 0;
  for (int round = 0; round < 7; ++round) {
    const std::int64_t begin = NowNs();
    for (const void* row : rows) step.run(row);
    const double ns =
        static_cast<double>(NowNs() - begin) / static_cast<double>(rows.size());
    if (round == 0 || ns < best) best = ns;
  }
  return best;
}

void ColdRows(const Settings& settings, const Profile& profile,
              const std::vector<Rows>& rows, Report* report) {
  const Item step = OurStep(profile, *settings.kernels, rows[0]);
  const double warm = NsForRow(step, PointersOf(rows, kWarmRows));
  const double cold = NsForRow(step, PointersOf(rows, kColdRows));
  report->Ratio("64 cold rows / 8 warm", profile.name,
                {cold / warm, {}, false, {}, {}});
}

// Cold rows of half the bytes.
void Halves(const Settings& settings, const std::vector<Rows>& rows,
            Report* report) {
  std::vector<Rows> narrow;
  narrow.reserve(rows.size());
  for (const Rows& set : rows) narrow.push_back(set.ToBfloat16());
  const std::vector<Profile>& core = CoreProfiles();
  const double wide = NsForRow(OurStep(core[1], *settings.kernels, rows[0]),
                               PointersOf(rows, kColdRows));
  const double half = NsForRow(OurStep(core[8], *settings.kernels, narrow[0]),
                               PointersOf(narrow, kColdRows));
  report->Ratio("cold bf16 / fp32", core[1].name,
                {half / wide, 0.65, false, {}, {}});
}

// Seconds until `threads` of them have run work(i), together.
template <class Work>
double Seconds(int threads, const Work& work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> running;
  const auto wait = [&] {
    for (++ready; ready < threads;) {
    }
  };
  std::int64_t begin = 0;
  for (int i = 1; i < threads; ++i) {
    running.emplace_back([&, i] {
      wait();
      work(i);
    });
  }
  wait();
  begin = NowNs();
  work(0);
  for (std::thread& thread : running) thread.join();
  return static_cast<double>(NowNs() - begin) * 1e-9;
}

// How much faster two threads do twice the work of one: 2 where there are two
// cores.
template <class Work>
double Speedup(const Work& work) {
  double one = 0, two = 0;
  for (int round = 0; round < 7; ++round) {
    const double alone = Seconds(1, work), both = Seconds(2, work);
    one = round == 0 ? alone : std::min(one, alone);
    two = round == 0 ? both : std::min(two, both);
  }
  return 2 * one / two;
}

double SpinSpeedup() {
  return Speedup([](int) {
    volatile std::uint32_t x = 1;
    for (int i = 0; i < 3'000'000; ++i) x = x * 1664525u + 1013904223u;
  });
}

void Threads(const Settings& settings, const std::vector<Rows>& rows,
             Report* report) {
  const double spin = SpinSpeedup();
  char note[96];
  std::snprintf(note, sizeof note, "two spinning threads: %.2fx", spin);
  report->Note(note);
  const std::vector<const void*> all = PointersOf(rows, kColdRows);
  const std::vector<Profile>& core = CoreProfiles();
  for (const auto& [profile, must] :
       {std::pair(&core[3], 1.7), std::pair(&core[1], 1.5)}) {
    if (spin < 1.7) {
      report->NotRun("two workers: " + profile->name,
                     "two cores are not there");
      continue;
    }
    const std::vector<Item> steps = {
        OurStep(*profile, *settings.kernels, rows[0]),
        OurStep(*profile, *settings.kernels, rows[0])};
    const double speedup = Speedup([&](int i) {
      const auto half = static_cast<std::size_t>(i) * kColdRows / 2;
      for (std::size_t k = 0; k < kColdRows / 2; ++k) {
        steps[static_cast<std::size_t>(i)].run(all[half + k]);
      }
    });
    report->Ratio("two workers, cold rows", profile->name,
                  {speedup, must, true, {}, {}});
  }
}

// How far the slow steps are from the usual ones.
void Tails(const Settings& settings, const Rows& rows, Report* report) {
  StopwatchOptions options = settings.stopwatch;
  if (!settings.quick) options.rounds = 2000, options.item_budget_ms = 1e9;
  const std::vector<Profile>& core = CoreProfiles();
  for (const std::size_t i : {std::size_t{1}, std::size_t{3}, std::size_t{5}}) {
    const Timing timing = TimeInterleaved(
        {OurStep(core[i], *settings.kernels, rows)}, options)[0];
    const Quantiles& q = timing.total;
    report->Line("p99 / p50: " + core[i].name,
                 RowName("peaked", rows.vocab_size()), q,
                 {q.p99_ns / q.p50_ns, 1.6, false, {}, {}});
  }
}

}  // namespace

void RunGrowth(const Settings& settings, Report* report) {
  report->Section("laws: how a step grows", "ratio");
  const std::size_t vocab_size = MainVocab(settings);
  const Rows warm(Shape::kPeaked, vocab_size);
  Knobs(settings, warm, report);
  Tails(settings, warm, report);
  const std::vector<Rows> rows =
      ManyRows(Shape::kPeaked, vocab_size, kColdRows);
  const std::vector<Profile>& core = CoreProfiles();
  ColdRows(settings, core[1], rows, report);
  ColdRows(settings, core[3], rows, report);
  Halves(settings, rows, report);
  Threads(settings, rows, report);
}

}  // namespace logitd::bench
