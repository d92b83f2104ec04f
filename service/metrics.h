// Metrics: what the process counts, served as Prometheus text.
//
// The catalogue is metrics_list.h. Thread-safe: every thread adds to a shard of
// its own (metrics_shards.h), without a lock or a line that others write, so
// this may be called for every row. Nothing is counted when it is not enabled.
// Knows no gRPC and no protobuf.
#ifndef LOGITD_SERVICE_METRICS_H_
#define LOGITD_SERVICE_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "service/metrics_readings.h"
#include "service/metrics_shards.h"
#include "service/metrics_text.h"
#include "service/session/session.h"
#include "service/socket.h"

namespace logitd {

// Why a request was not let in, as `reason` is indexed in the catalogue.
enum class ShedReason { kBytes, kQueueDelay, kDeadline };

// As `transport` is indexed in the catalogue.
enum class Transport { kNone, kInline };

// Where the time of one request went, in seconds; 0: it had no such stage.
struct RequestTimes {
  Transport transport = Transport::kNone;
  double total = 0;
  double parse = 0;
  double lists = 0;
  double rows = 0;
  double reply = 0;  // what is left of the total is waiting
};

struct MetricsOptions {
  bool enabled = true;
  double share = 0.001;  // of rows whose quality is measured: --metrics_share
};

class Metrics {
 public:
  explicit Metrics(BuildFacts build, const MetricsOptions& options = {});

  void AddStreams(int change);
  void AddShedConnection(Peers peers);
  // Sessions open now, and sessions ever opened.
  void AddSessions(int64_t change, uint64_t opened);
  void AddReceivedBytes(uint64_t bytes);
  void AddSentBytes(uint64_t bytes);
  void AddAppendedTokens(uint64_t count, FinishReason finish);
  void AddError(absl::StatusCode code);
  void AddShed(ShedReason reason);
  void AddStep();
  // Of one row group.
  void AddDrafts(uint32_t accepted, bool rejected_one);
  void AddRow(const EntryResult& result, double seconds);
  void AddRequest(const RequestTimes& times);

  // Whether to measure the quality of the row that comes next: it costs a pass
  // over the row. Chosen by chance, at --metrics_share.
  bool Watch() {
    return watch_below_ != 0 && shards_.Mine().NextChance() <= watch_below_;
  }

  // `read` is called whenever Text() is; set it before the first.
  void SetReadings(std::function<Readings()> read);

  // The text format, version 0.0.4.
  std::string Text() const;
  const BuildFacts& build() const { return build_; }

 private:
  using Shard = MetricShards::Shard;
  void Count(MetricIndex metric, size_t series, uint64_t by);
  void Observe(Shard* shard, MetricIndex metric, size_t series,
               double value) const;
  void AddOutcome(Shard* shard, const EntryResult& result) const;
  void AddWatched(Shard* shard, const EntryResult& result) const;

  const BuildFacts build_;
  const bool enabled_;
  const uint64_t watch_below_;
  const double start_time_seconds_;
  const MetricLayout layout_;
  MetricShards shards_;
  std::function<Readings()> read_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_METRICS_H_
