#include "service/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <utility>

#include "absl/types/span.h"

namespace logitd {
namespace {

enum class Kind { kCounter, kGauge, kSeconds, kKept };

// One metric: a series without label, or one for each value of the label.
struct Metric {
  Kind kind;
  const char* name;
  const char* help;
  const char* label = nullptr;
  absl::Span<const char* const> values = {};  // indexed as the callers index
};

// nullptr: no series.
constexpr const char* kTokenKinds[] = {"sampled", "given", "appended"};
constexpr const char* kStatuses[] = {nullptr,   "ok",     "replayed",
                                     "skipped", "peeked", "error"};
constexpr const char* kReasons[] = {nullptr, "eos", "stop_id", "stop_sequence",
                                    "max_tokens"};
// Codes as gRPC numbers them.
constexpr const char* kCodes[] = {nullptr,
                                  "CANCELLED",
                                  "UNKNOWN",
                                  "INVALID_ARGUMENT",
                                  "DEADLINE_EXCEEDED",
                                  "NOT_FOUND",
                                  "ALREADY_EXISTS",
                                  "PERMISSION_DENIED",
                                  "RESOURCE_EXHAUSTED",
                                  "FAILED_PRECONDITION",
                                  "ABORTED",
                                  "OUT_OF_RANGE",
                                  "UNIMPLEMENTED",
                                  "INTERNAL",
                                  "UNAVAILABLE",
                                  "DATA_LOSS",
                                  "UNAUTHENTICATED"};

enum Index {
  kTokens,
  kSteps,
  kRows,
  kErrors,
  kReceived,
  kSent,
  kSessionsActive,
  kSessionsOpened,
  kStreamsActive,
  kStepSeconds,
  kRowSeconds,
  kQueueDepth,
  kKeptTokens,
  kFinished,
  kStartTime,
};
enum TokenKind { kSampled, kGiven, kAppended };

// The list, in the order of Index. logitd_build_info stands apart: its labels
// are facts, not a closed set.
constexpr Metric kList[] = {
    {Kind::kCounter, "logitd_tokens_total",
     "Tokens added to sessions: sampled here, given with a row, or appended "
     "without one.",
     "kind", kTokenKinds},
    {Kind::kCounter, "logitd_steps_total", "Steps answered."},
    {Kind::kCounter, "logitd_rows_total",
     "Entries of steps, by what became of them.", "status", kStatuses},
    {Kind::kCounter, "logitd_errors_total",
     "Errors told to clients, of calls, list elements and entries.", "code",
     kCodes},
    {Kind::kCounter, "logitd_received_bytes_total",
     "Bytes of request messages."},
    {Kind::kCounter, "logitd_sent_bytes_total", "Bytes of reply messages."},
    {Kind::kGauge, "logitd_sessions_active",
     "Sessions open now, those whose history still arrives included."},
    {Kind::kCounter, "logitd_sessions_opened_total",
     "Sessions opened, forks included."},
    {Kind::kGauge, "logitd_streams_active", "Sample streams open now."},
    {Kind::kSeconds, "logitd_step_duration_seconds",
     "From the start of a step's first row to the end of its last."},
    {Kind::kSeconds, "logitd_row_duration_seconds",
     "Time of one row, from logits to token."},
    {Kind::kGauge, "logitd_queue_depth",
     "Sessions whose next row waits for a worker thread."},
    {Kind::kKept, "logitd_kept_tokens",
     "Candidates that truncation kept, of each row sampled."},
    {Kind::kCounter, "logitd_finished_total",
     "Sessions that came to their end, by reason.", "reason", kReasons},
    {Kind::kGauge, "process_start_time_seconds",
     "Start of the process, seconds since the epoch."},
};

prometheus::Histogram::BucketBoundaries Bounds(Kind kind) {
  if (kind == Kind::kKept) return {kKeptBounds.begin(), kKeptBounds.end()};
  return {kDurationBounds.begin(), kDurationBounds.end()};
}

}  // namespace

struct Metrics::Series {
  // One metric of the list; what is not of its kind stays empty.
  struct One {
    std::vector<prometheus::Counter*> counters;  // by place in Metric::values
    prometheus::Gauge* gauge = nullptr;
    prometheus::Histogram* histogram = nullptr;
  };
  prometheus::Registry registry;
  std::vector<One> all;  // in the order of Index

  void Add(const Metric& metric);
  void Increment(Index index, size_t value, double by) {
    if (by != 0) all[index].counters[value]->Increment(by);
  }
  prometheus::Gauge& gauge(Index index) { return *all[index].gauge; }
  prometheus::Histogram& histogram(Index index) {
    return *all[index].histogram;
  }

 private:
  std::vector<prometheus::Counter*> MakeCounters(const Metric& metric);
};

std::vector<prometheus::Counter*> Metrics::Series::MakeCounters(
    const Metric& metric) {
  auto& family = prometheus::BuildCounter()
                     .Name(metric.name)
                     .Help(metric.help)
                     .Register(registry);
  if (metric.label == nullptr) return {&family.Add({})};
  std::vector<prometheus::Counter*> counters;
  for (const char* value : metric.values) {
    counters.push_back(value != nullptr ? &family.Add({{metric.label, value}})
                                        : nullptr);
  }
  return counters;
}

void Metrics::Series::Add(const Metric& metric) {
  One& one = all.emplace_back();
  switch (metric.kind) {
    case Kind::kCounter:
      one.counters = MakeCounters(metric);
      return;
    case Kind::kGauge:
      one.gauge = &prometheus::BuildGauge()
                       .Name(metric.name)
                       .Help(metric.help)
                       .Register(registry)
                       .Add({});
      return;
    case Kind::kSeconds:
    case Kind::kKept:
      one.histogram = &prometheus::BuildHistogram()
                           .Name(metric.name)
                           .Help(metric.help)
                           .Register(registry)
                           .Add({}, Bounds(metric.kind));
  }
}

Metrics::Metrics(const Build& build) : series_(std::make_unique<Series>()) {
  for (const Metric& metric : kList) series_->Add(metric);
  prometheus::BuildGauge()
      .Name("logitd_build_info")
      .Help("What runs here; always 1.")
      .Register(series_->registry)
      .Add({{"version", build.version},
            {"semantics", build.semantics},
            {"instruction_set", build.instruction_set}})
      .Set(1);
  const std::chrono::duration<double> now =
      std::chrono::system_clock::now().time_since_epoch();
  series_->gauge(kStartTime).Set(now.count());
}

Metrics::~Metrics() = default;

void Metrics::AddStreams(int change) {
  series_->gauge(kStreamsActive).Increment(change);
}

void Metrics::AddSessions(int64_t change, uint64_t opened) {
  if (change != 0) {
    series_->gauge(kSessionsActive).Increment(static_cast<double>(change));
  }
  series_->Increment(kSessionsOpened, 0, static_cast<double>(opened));
}

void Metrics::AddReceivedBytes(uint64_t bytes) {
  series_->Increment(kReceived, 0, static_cast<double>(bytes));
}

void Metrics::AddSentBytes(uint64_t bytes) {
  series_->Increment(kSent, 0, static_cast<double>(bytes));
}

void Metrics::AddAppendedTokens(uint64_t count, FinishReason finish) {
  series_->Increment(kTokens, kAppended, static_cast<double>(count));
  if (finish == FinishReason::kNone) return;
  series_->Increment(kFinished, static_cast<size_t>(finish), 1);
}

void Metrics::AddError(absl::StatusCode code, uint32_t count) {
  if (code == absl::StatusCode::kOk) return;
  series_->Increment(kErrors, static_cast<size_t>(code), count);
}

void Metrics::AddStep(const StepTally& tally) {
  series_->Increment(kSteps, 0, 1);
  series_->Increment(kTokens, kSampled, tally.sampled);
  series_->Increment(kTokens, kGiven, tally.given);
  for (size_t i = 1; i < tally.rows.size(); ++i) {
    series_->Increment(kRows, i, tally.rows[i]);
  }
  for (size_t i = 1; i < tally.finished.size(); ++i) {
    series_->Increment(kFinished, i, tally.finished[i]);
  }
  for (size_t i = 1; i < tally.errors.size(); ++i) {
    series_->Increment(kErrors, i, tally.errors[i]);
  }
  series_->histogram(kStepSeconds).Observe(tally.step_seconds);
  series_->histogram(kRowSeconds)
      .ObserveMultiple(tally.row_seconds.counts(), tally.row_seconds.sum());
  series_->histogram(kKeptTokens)
      .ObserveMultiple(tally.kept.counts(), tally.kept.sum());
}

void Metrics::SetQueueDepth(std::function<size_t()> depth) {
  queue_depth_ = std::move(depth);
}

std::string Metrics::Text() const {
  if (queue_depth_) {
    series_->gauge(kQueueDepth).Set(static_cast<double>(queue_depth_()));
  }
  return prometheus::TextSerializer().Serialize(series_->registry.Collect());
}

void StepTally::Clear() {
  step_seconds = 0;
  rows = {};
  finished = {};
  errors = {};
  sampled = 0;
  given = 0;
  row_seconds.Clear();
  kept.Clear();
}

void StepTally::Add(const EntryResult& result, double seconds) {
  ++rows[static_cast<size_t>(result.status)];
  if (result.status == EntryStatus::kError) {
    ++errors[static_cast<size_t>(result.error.code())];
  }
  const bool ok = result.status == EntryStatus::kOk;
  if (!ok && result.status != EntryStatus::kPeeked) return;
  row_seconds.Add(seconds);
  kept.Add(result.outcome.kept);
  if (!ok) return;
  ++(result.given ? given : sampled);
  if (result.finish != FinishReason::kNone) {
    ++finished[static_cast<size_t>(result.finish)];
  }
}

}  // namespace logitd
