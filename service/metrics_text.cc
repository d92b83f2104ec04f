#include "service/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "service/log.h"

namespace logitd {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

// ---- families ---------------------------------------------------------------

MetricFamily FamilyOf(const Metric& metric) {
  MetricFamily family;
  family.name = metric.name;
  family.help = metric.help;
  switch (metric.kind) {
    case MetricKind::kCounter:
      family.type = prometheus::MetricType::Counter;
      break;
    case MetricKind::kGauge:
      family.type = prometheus::MetricType::Gauge;
      break;
    case MetricKind::kHistogram:
      family.type = prometheus::MetricType::Histogram;
  }
  return family;
}

void SetValue(MetricKind kind, double value, ClientMetric* one) {
  (kind == MetricKind::kCounter ? one->counter.value : one->gauge.value) =
      value;
}

void AddValue(const Metric& metric, std::vector<ClientMetric::Label> labels,
              double value, MetricFamily* family) {
  ClientMetric one;
  one.label = std::move(labels);
  SetValue(metric.kind, value, &one);
  family->metric.push_back(std::move(one));
}

// ---- counted ----------------------------------------------------------------

// The labels of a series; false: it has none of its own.
bool LabelsOf(const Metric& metric, size_t series, ClientMetric* one) {
  const std::pair<const MetricLabel*, size_t> both[] = {
      {&metric.label, series / metric.second_count()},
      {&metric.second, series % metric.second_count()}};
  for (const auto& [label, index] : both) {
    if (label->name == nullptr) continue;
    if (label->values[index] == nullptr) return false;
    one->label.push_back({label->name, label->values[index]});
  }
  return true;
}

void FillHistogram(const Metric& metric, size_t cell,
                   const MetricShards& shards, ClientMetric* one) {
  uint64_t count = 0;
  for (size_t i = 0; i <= metric.bounds.size(); ++i) {
    count += shards.Total(cell + 1 + i);
    const double bound = i < metric.bounds.size()
                             ? metric.bounds[i]
                             : std::numeric_limits<double>::infinity();
    one->histogram.bucket.push_back({count, bound});
  }
  one->histogram.sample_count = count;
  one->histogram.sample_sum = shards.Sum(cell);
}

MetricFamily Counted(MetricIndex index, const MetricLayout& layout,
                     const MetricShards& shards) {
  const Metric& metric = MetricList()[index];
  MetricFamily family = FamilyOf(metric);
  for (size_t series = 0; series < metric.series_count(); ++series) {
    ClientMetric one;
    if (!LabelsOf(metric, series, &one)) continue;
    const size_t cell = layout.Cell(index, series);
    if (metric.kind == MetricKind::kHistogram) {
      FillHistogram(metric, cell, shards, &one);

    } else {
      // Gauges go down as well: their cells wrap around.
      SetValue(metric.kind,
               static_cast<double>(static_cast<int64_t>(shards.Total(cell))),
               &one);
    }
    family.metric.push_back(std::move(one));
  }
  return family;
}

// ---- read -------------------------------------------------------------------

double One(MetricIndex index, const Scrape& scrape) {
  const Readings& now = scrape.readings;
  switch (index) {
    case kQueueDepth:
      return static_cast<double>(now.queue_depth);
    case kWorkerThreads:
      return static_cast<double>(now.worker_threads);
    case kQueueDelay:
      return now.queue_delay_seconds;
    case kUnansweredBytes:
      return static_cast<double>(now.unanswered_bytes);
    case kProfiles:
      return static_cast<double>(now.profiles);
    case kProfileChanges:
      return static_cast<double>(now.profile_changes);
    case kProfileWatchers:
      return static_cast<double>(now.profile_watchers);
    case kReady:
      return now.ready ? 1 : 0;
    case kDraining:
      return now.draining ? 1 : 0;
    case kLogSuppressed:
      return static_cast<double>(GetLogCounts().suppressed);
    case kProcessCpu:
      return scrape.process.cpu_seconds;
    case kProcessMemory:
      return scrape.process.resident_bytes;
    case kProcessThreads:
      return scrape.process.threads;
    case kProcessFds:
      return scrape.process.open_fds;
    case kProcessFdsMax:
      return scrape.process.max_fds;
    case kProcessStart:
      return scrape.start_time_seconds;
    default:
      return 0;
  }
}

// One series for each name; of those told twice the worst.
void AddWellness(const Metric& metric, const std::vector<Wellness>& all,
                 MetricFamily* family) {
  for (const char* name : metric.label.values) {
    bool any = false;
    bool up = true;
    for (const Wellness& one : all) {
      if (one.name != name) continue;
      any = true;
      up &= one.up;
    }
    if (any) AddValue(metric, {{metric.label.name, name}}, up ? 1 : 0, family);
  }
}

void AddLogLines(const Metric& metric, MetricFamily* family) {
  const LogCounts counts = GetLogCounts();
  for (size_t i = 0; i < metric.label.values.size(); ++i) {
    AddValue(metric, {{metric.label.name, metric.label.values[i]}},
             static_cast<double>(counts.lines[i]), family);
  }
}

MetricFamily Read(MetricIndex index, const Scrape& scrape) {
  const Metric& metric = MetricList()[index];
  MetricFamily family = FamilyOf(metric);
  switch (index) {
    case kBuildInfo:
      AddValue(metric,
               {{"instruction_set", scrape.build.instruction_set},
                {"version", scrape.build.version},
                {"semantics", scrape.build.semantics},
                {"core", scrape.build.core}},
               1, &family);
      break;
    case kProfileRevision:
      for (const ProfileRevision& one : scrape.readings.revisions) {
        AddValue(metric,
                 {{metric.label.name, one.profile},
                  {metric.second.name, one.revision}},
                 1, &family);
      }
      break;
    case kStoreUp:
      AddWellness(metric, scrape.readings.stores, &family);
      break;
    case kComponentUp:
      AddWellness(metric, scrape.readings.components, &family);
      break;
    case kLogLines:
      AddLogLines(metric, &family);
      break;
    default:
      AddValue(metric, {}, One(index, scrape), &family);
  }
  return family;
}

}  // namespace

MetricLayout::MetricLayout() {
  for (size_t i = 0; i < kMetricCount; ++i) {
    const Metric& metric = MetricList()[i];
    if (metric.source != MetricSource::kCounted) continue;
    const bool histogram = metric.kind == MetricKind::kHistogram;
    places_[i].bounds = metric.bounds.data();
    places_[i].first = static_cast<uint32_t>(cell_count_);
    places_[i].stride =
        histogram ? static_cast<uint32_t>(metric.bounds.size() + 2) : 1;
    cell_count_ += places_[i].stride * metric.series_count();
  }
}

std::string MetricsText(const MetricLayout& layout, const MetricShards& shards,
                        const Scrape& scrape) {
  std::vector<MetricFamily> families;
  for (size_t i = 0; i < kMetricCount; ++i) {
    const auto index = static_cast<MetricIndex>(i);
    families.push_back(MetricList()[i].source == MetricSource::kCounted
                           ? Counted(index, layout, shards)
                           : Read(index, scrape));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace logitd
