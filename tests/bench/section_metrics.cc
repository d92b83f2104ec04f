// What counting costs a step of one row, the worst case: nothing is shared
// among rows.
//
// Two runs that are compared would differ by more than is asked, so the cost is
// timed by itself, within the step that pays for it: from the first thing done
// for the metrics to the row, and from the row to the last. Its code and cells
// are then as cold as the row has left them. The step is what an inline row
// cannot do without: the copy of the row out of the received slices, and the
// session's step. What gRPC costs beside is not in it, so a call pays a smaller
// part. Watched rows come in by their share.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "service/metrics.h"
#include "tests/bench/profiles.h"
#include "tests/bench/rows.h"
#include "tests/bench/section_list.h"

namespace logitd::bench {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// A stream's work for one request of one row, without its messages.
class Worker {
 public:
  Worker(const Profile& profile, const kernels::KernelTable& kernels,
         const Rows& rows)
      : sampler_(kernels), metrics_({}, {true, 0}) {
    SessionStart start;
    start.vocab_size = static_cast<std::uint32_t>(rows.vocab_size());
    start.params = profile.params;
    start.seed = 42;
    absl::StatusOr<Session> session = Session::Open(std::move(start), Limits());
    if (!session.ok()) std::abort();
    session_.emplace(*std::move(session));
    row_.width = static_cast<std::uint32_t>(rows.vocab_size());
    message_.resize(rows.set().bytes);
  }

  // Seconds for the metrics, and for the row.
  struct Spent {
    double counting = 0;
    double row = 0;
  };
  Spent Step(const void* logits, bool watch) {
    const Clock::time_point begin = Clock::now();
    metrics_.AddReceivedBytes(row_.width * 4);
    RequestTimes times;
    times.transport = Transport::kInline;
    times.parse = SecondsSince(begin);
    const bool chosen = metrics_.Watch() || watch;
    Spent spent;
    spent.counting = SecondsSince(begin);
    spent.row = times.rows = Row(logits, chosen);
    const Clock::time_point answering = Clock::now();
    metrics_.AddRow(result_, times.rows);
    metrics_.AddStep();
    metrics_.AddSentBytes(60);
    times.reply = SecondsSince(answering);
    times.total = SecondsSince(begin);
    metrics_.AddRequest(times);
    spent.counting += SecondsSince(answering);
    return spent;
  }

  Metrics* metrics() { return &metrics_; }
  const EntryResult& result() const { return result_; }

 private:
  double Row(const void* logits, bool watch) {
    const Clock::time_point begin = Clock::now();
    std::memcpy(message_.data(), logits, message_.size());
    row_.logits = message_.data();
    Entry entry;
    entry.position = session_->position();
    entry.watch = watch;
    session_->Step(entry, row_, sampler_, &workspace_, &result_);
    if (result_.status != EntryStatus::kOk) std::abort();
    return SecondsSince(begin);
  }

  const Sampler sampler_;
  Metrics metrics_;
  std::optional<Session> session_;
  logitd::Row row_;
  std::vector<char> message_;
  Workspace workspace_;
  EntryResult result_;
};

// Medians of many steps.
Worker::Spent TimeSteps(const Settings& settings, const Rows& rows, bool watch,
                        Worker* worker) {
  std::vector<double> counting, row;
  const std::vector<const void*>& all = rows.set().rows;
  const std::size_t count = 10 * settings.stopwatch.rounds;
  for (std::size_t i = 0; i < count; ++i) {
    const Worker::Spent spent = worker->Step(all[i % all.size()], watch);
    counting.push_back(spent.counting);
    row.push_back(spent.row);
  }
  return {Median(std::move(counting)), Median(std::move(row))};
}

void Overhead(const Settings& settings, const Profile& profile,
              Report* report) {
  const Rows rows(Shape::kPeaked, MainVocab(settings));
  Worker worker(profile, *settings.kernels, rows);
  const Worker::Spent plain = TimeSteps(settings, rows, false, &worker);
  const Worker::Spent watched = TimeSteps(settings, rows, true, &worker);
  const double share = MetricsOptions().share;
  const double extra = plain.counting + share * (watched.row - plain.row);
  const double ns = 1e9 * plain.row;
  report->Line("metrics on / off: " + profile.name,
               RowName(Name(Shape::kPeaked), rows.vocab_size()), {ns, ns, ns},
               {1 + extra / plain.row, 1.02, false, 1.01, {}});
  char note[160];
  std::snprintf(note, sizeof note,
                "  counting %.2f us; a watched row %.1f us, at a share of %g",
                plain.counting * 1e6, watched.row * 1e6, share);
  report->Note(note);
}

// Nanoseconds to count a row, with `others` threads that count as well.
double CountingNs(const Worker& worker, Metrics* metrics, int others) {
  constexpr int kRows = 200'000;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < others; ++i) {
    threads.emplace_back([&] {
      while (!stop) metrics->AddRow(worker.result(), 1e-4);
    });
  }
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < kRows; ++i) metrics->AddRow(worker.result(), 1e-4);
  const double seconds = SecondsSince(begin);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  return seconds / kRows * 1e9;
}

void Contention(const Settings& settings, Report* report) {
  const Rows rows(Shape::kPeaked, 1000);
  Worker worker(CoreProfiles()[0], *settings.kernels, rows);
  worker.Step(rows.set().rows[0], false);
  char note[120];
  std::snprintf(note, sizeof note,
                "counting a row: %.1f ns alone, %.1f ns beside another thread",
                CountingNs(worker, worker.metrics(), 0),
                CountingNs(worker, worker.metrics(), 1));
  report->Note(note);
}

}  // namespace

void RunMetrics(const Settings& settings, Report* report) {
  report->Section("metrics: a step of one row, counted / not counted", "ratio");
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{5}}) {
    Overhead(settings, CoreProfiles()[i], report);
  }
  Contention(settings, report);
}

}  // namespace logitd::bench
