// What /metrics answers: the catalogue filled with totals and readings.
// Thread-safe on its arguments. The only file beside its .cc that knows
// prometheus-cpp.
#ifndef LOGITD_SERVICE_METRICS_TEXT_H_
#define LOGITD_SERVICE_METRICS_TEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "service/metrics_list.h"
#include "service/metrics_readings.h"
#include "service/metrics_shards.h"

namespace logitd {

// Where each counted metric has its cells. A series of a histogram has a cell
// for its sum and then one for each bucket. Compact: it is read for every row.
class MetricLayout {
 public:
  MetricLayout();
  // First cell of a series: of its only value, or of its sum.
  size_t Cell(MetricIndex metric, size_t series) const {
    return places_[metric].first + series * places_[metric].stride;
  }
  // Of a histogram: the cell of the value's bucket, counted from the sum's.
  size_t BucketOf(MetricIndex metric, double value) const {
    const double* bounds = places_[metric].bounds;
    size_t low = 0;
    size_t high = places_[metric].stride - 2;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (value > bounds[middle]) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low + 1;
  }
  size_t cell_count() const { return cell_count_; }

 private:
  struct Place {
    const double* bounds = nullptr;
    uint32_t first = 0;
    uint32_t stride = 0;  // cells of a series
  };
  std::array<Place, kMetricCount> places_ = {};
  size_t cell_count_ = 0;
};

// Everything that is read at one scrape.
struct Scrape {
  const BuildFacts& build;
  const Readings& readings;
  const ProcessReadings& process;
  double start_time_seconds = 0;
};

// The text format, version 0.0.4.
std::string MetricsText(const MetricLayout& layout, const MetricShards& shards,
                        const Scrape& scrape);

}  // namespace logitd

#endif  // LOGITD_SERVICE_METRICS_TEXT_H_
