// The catalogue of metrics: every name, help, label and bucket, once.
//
// What is counted, read at a scrape, printed by `logitd --print_metrics` and
// promised in deploy/METRICS.md comes from this list. Labels have closed sets
// of values, given here; only facts of the build, the settings and the owner's
// profiles stand outside (kFacts). Constant; thread-safe. Knows no gRPC and no
// prometheus-cpp.
#ifndef LOGITD_SERVICE_METRICS_LIST_H_
#define LOGITD_SERVICE_METRICS_LIST_H_

#include <cstddef>
#include <string>

#include "absl/types/span.h"

namespace logitd {

enum class MetricKind { kCounter, kGauge, kHistogram };

// Where the values come from.
enum class MetricSource {
  kCounted,  // while serving, into shards
  kRead,     // from Readings, at each scrape
  kFacts     // the same, with labels that are no closed set
};

struct MetricLabel {
  const char* name = nullptr;  // nullptr: no label
  // Indexed as the callers index; nullptr: no series. Of facts: empty.
  absl::Span<const char* const> values = {};
};

struct Metric {
  MetricKind kind;
  MetricSource source;
  const char* name;
  const char* help;
  MetricLabel label = {};
  MetricLabel second = {};  // only with a first one
  absl::Span<const double> bounds = {};
  const char* bounds_from = "";  // where the bounds were measured

  size_t first_count() const {
    return label.values.empty() ? 1 : label.values.size();
  }
  size_t second_count() const {
    return second.values.empty() ? 1 : second.values.size();
  }
  size_t series_count() const { return first_count() * second_count(); }
};

// In the order of the list.
enum MetricIndex : size_t {
  kTokens,
  kSteps,
  kRows,
  kDrafts,
  kErrors,
  kFinished,
  kReceived,
  kSent,
  kSessionsActive,
  kSessionsOpened,
  kStreamsActive,
  kConnectionsShed,
  kRequestSeconds,
  kStageSeconds,
  kRowSeconds,
  kQueueDepth,
  kWorkerThreads,
  kQueueDelay,
  kUnansweredBytes,
  kShed,
  kKeptTokens,
  kKeptMass,
  kEntropy,
  kSurprisal,
  kAgreement,
  kGreedyRows,
  kRepeated,
  kPhaseSwitches,
  kNonFiniteRows,
  kBansLifted,
  kProfiles,
  kProfileChanges,
  kProfileRevision,
  kProfileWatchers,
  kStoreUp,
  kComponentUp,
  kReady,
  kDraining,
  kLogLines,
  kLogSuppressed,
  kBuildInfo,
  kProcessCpu,
  kProcessMemory,
  kProcessThreads,
  kProcessFds,
  kProcessFdsMax,
  kProcessStart,
  kMetricCount
};

absl::Span<const Metric> MetricList();

// The list as Markdown: what deploy/METRICS.md holds.
std::string MetricsTable();

}  // namespace logitd

#endif  // LOGITD_SERVICE_METRICS_LIST_H_
