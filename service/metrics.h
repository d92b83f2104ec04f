// Metrics: what the process counts, served as Prometheus text.
//
// All names, helps, labels and buckets stand in one list in metrics.cc; labels
// come from closed sets. Thread-safe. A step is observed once, from a tally
// that its rows filled without locks; nothing here is called per row. Knows no
// gRPC. prometheus-cpp is included in metrics.cc only.
#ifndef LOGITD_SERVICE_METRICS_H_
#define LOGITD_SERVICE_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "service/session/session.h"

namespace logitd {

// Upper bounds, in seconds: 1 us to 1 s; a step may take longer.
inline constexpr std::array<double, 16> kDurationBounds = {
    1e-6, 2.5e-6, 5e-6,   1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4,
    5e-4, 1e-3,   2.5e-3, 5e-3, 1e-2,   0.1,  1.0,  10.0};
// Upper bounds, in tokens.
inline constexpr std::array<double, 12> kKeptBounds = {
    1, 2, 4, 8, 16, 32, 64, 128, 512, 2048, 16384, 131072};

// Observations put into buckets beforehand.
template <size_t kBounds>
class BucketTally {
 public:
  explicit BucketTally(const std::array<double, kBounds>& bounds)
      : bounds_(bounds), counts_(kBounds + 1, 0.0) {}
  void Add(double value) {
    size_t bucket = 0;
    while (bucket < kBounds && value > bounds_[bucket]) ++bucket;
    counts_[bucket] += 1;
    sum_ += value;
  }
  void Clear() {
    counts_.assign(kBounds + 1, 0.0);
    sum_ = 0;
  }
  const std::vector<double>& counts() const { return counts_; }
  double sum() const { return sum_; }

 private:
  const std::array<double, kBounds>& bounds_;
  std::vector<double> counts_;
  double sum_ = 0;
};

// What one step brought. Reused from step to step; confined to one thread.
class StepTally {
 public:
  void Clear();
  void Add(const EntryResult& result, double row_seconds);

  double step_seconds = 0;
  std::array<uint32_t, 6> rows = {};      // by EntryStatus
  std::array<uint32_t, 5> finished = {};  // by FinishReason
  std::array<uint32_t, 17> errors = {};   // by absl::StatusCode
  uint32_t sampled = 0;
  uint32_t given = 0;
  BucketTally<kDurationBounds.size()> row_seconds{kDurationBounds};
  BucketTally<kKeptBounds.size()> kept{kKeptBounds};
};

class Metrics {
 public:
  struct Build {
    std::string version;
    std::string semantics;
    std::string instruction_set;
  };
  explicit Metrics(const Build& build);
  ~Metrics();

  void AddStreams(int change);
  // Sessions open now, and sessions ever opened.
  void AddSessions(int64_t change, uint64_t opened);
  void AddReceivedBytes(uint64_t bytes);
  void AddSentBytes(uint64_t bytes);
  void AddAppendedTokens(uint64_t count, FinishReason finish);
  void AddError(absl::StatusCode code, uint32_t count = 1);
  void AddStep(const StepTally& tally);

  // `depth` is asked whenever Text() is; set it before the first.
  void SetQueueDepth(std::function<size_t()> depth);

  // The text format, version 0.0.4.
  std::string Text() const;

 private:
  struct Series;
  std::unique_ptr<Series> series_;
  std::function<size_t()> queue_depth_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_METRICS_H_
