#include "service/metrics.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"

namespace logitd {
namespace {

enum TokenKind : size_t { kSampled, kGiven, kAppended };
enum NonFinite : size_t { kBanned, kRefused };
enum Stage : size_t { kParse, kWait, kLists, kRowsStage, kReply, kStageCount };

double SecondsSinceEpoch() {
  const std::chrono::duration<double> now =
      std::chrono::system_clock::now().time_since_epoch();
  return now.count();
}

// A chance of `share`, as a bound for 64 random bits; 0: never.
uint64_t BoundOf(const MetricsOptions& options) {
  if (!options.enabled || options.share <= 0) return 0;
  if (options.share >= 1) return UINT64_MAX;
  return static_cast<uint64_t>(std::ldexp(options.share, 64));
}

}  // namespace

Metrics::Metrics(BuildFacts build, const MetricsOptions& options)
    : build_(std::move(build)),
      enabled_(options.enabled),
      watch_below_(BoundOf(options)),
      start_time_seconds_(SecondsSinceEpoch()),
      shards_(layout_.cell_count()) {}

void Metrics::Count(MetricIndex metric, size_t series, uint64_t by) {
  if (enabled_ && by != 0) {
    shards_.Mine().Add(layout_.Cell(metric, series), by);
  }
}

void Metrics::Observe(Shard* shard, MetricIndex metric, size_t series,
                      double value) const {
  const size_t cell = layout_.Cell(metric, series);
  shard->AddSum(cell, value);
  shard->Add(cell + layout_.BucketOf(metric, value), 1);
}

void Metrics::AddStreams(int change) {
  Count(kStreamsActive, 0, static_cast<uint64_t>(change));
}

void Metrics::AddShedConnection(Peers peers) {
  Count(kConnectionsShed, static_cast<size_t>(peers), 1);
}

void Metrics::AddSessions(int64_t change, uint64_t opened) {
  Count(kSessionsActive, 0, static_cast<uint64_t>(change));
  Count(kSessionsOpened, 0, opened);
}

void Metrics::AddReceivedBytes(uint64_t bytes) { Count(kReceived, 0, bytes); }

void Metrics::AddSentBytes(uint64_t bytes) { Count(kSent, 0, bytes); }

void Metrics::AddAppendedTokens(uint64_t count, FinishReason finish) {
  Count(kTokens, kAppended, count);
  if (finish == FinishReason::kNone) return;
  Count(kFinished, static_cast<size_t>(finish), 1);
}

void Metrics::AddError(absl::StatusCode code) {
  if (code == absl::StatusCode::kOk) return;
  Count(kErrors, static_cast<size_t>(code), 1);
}

void Metrics::AddShed(ShedReason reason) {
  Count(kShed, static_cast<size_t>(reason), 1);
}

void Metrics::AddStep() { Count(kSteps, 0, 1); }

void Metrics::AddDrafts(uint32_t accepted, bool rejected_one) {
  Count(kDrafts, 1, accepted);
  Count(kDrafts, 0, rejected_one ? 1 : 0);
}

void Metrics::AddRow(const EntryResult& result, double seconds) {
  if (!enabled_) return;
  Shard* shard = &shards_.Mine();
  shard->Add(layout_.Cell(kRows, static_cast<size_t>(result.status)), 1);
  switch (result.status) {
    case EntryStatus::kOk:
      AddOutcome(shard, result);
      [[fallthrough]];
    case EntryStatus::kPeeked:
      Observe(shard, kRowSeconds, 0, seconds);
      Observe(shard, kKeptTokens, 0, result.outcome.kept);
      break;
    case EntryStatus::kError:
      AddError(result.error.code());
      if (absl::StrContains(result.error.message(), kNonFiniteError) ||
          absl::StrContains(result.error.message(), kNonFiniteGuidanceError)) {
        Count(kNonFiniteRows, kRefused, 1);
      }
      break;
    case EntryStatus::kReplayed:
    case EntryStatus::kSkipped:
      break;
  }
}

void Metrics::AddOutcome(Shard* shard, const EntryResult& result) const {
  const auto count = [&](MetricIndex metric, size_t series, bool does) {
    if (does) shard->Add(layout_.Cell(metric, series), 1);
  };
  const Outcome& outcome = result.outcome;
  count(kTokens, result.given ? kGiven : kSampled, true);
  count(kFinished, static_cast<size_t>(result.finish),
        result.finish != FinishReason::kNone);
  count(kGreedyRows, 0,
        outcome.greedy && !outcome.is_forced() && !result.given);
  count(kRepeated, 0, result.repeats);
  count(kPhaseSwitches, 0, result.switches_phase);
  count(kNonFiniteRows, kBanned, outcome.non_finite_banned > 0);
  count(kBansLifted, 0, outcome.soft_bans_lifted);
  if (result.quality) AddWatched(shard, result);
}

void Metrics::AddWatched(Shard* shard, const EntryResult& result) const {
  const Quality& quality = *result.quality;
  Observe(shard, kKeptMass, 0, quality.kept_mass);
  Observe(shard, kEntropy, 0, quality.raw_entropy);
  Observe(shard, kEntropy, 1, quality.final_entropy);
  Observe(shard, kSurprisal, 0, -quality.raw_logprob);
  shard->Add(layout_.Cell(kAgreement, quality.is_likeliest ? 1 : 0), 1);
}

void Metrics::AddRequest(const RequestTimes& times) {
  if (!enabled_) return;
  Shard* shard = &shards_.Mine();
  const auto transport = static_cast<size_t>(times.transport);
  Observe(shard, kRequestSeconds, transport, times.total);
  const double known = times.parse + times.lists + times.rows + times.reply;
  const double stages[kStageCount] = {times.parse, times.total - known,
                                      times.lists, times.rows, times.reply};
  for (size_t i = 0; i < kStageCount; ++i) {
    if (stages[i] <= 0) continue;
    Observe(shard, kStageSeconds, transport * kStageCount + i, stages[i]);
  }
}

void Metrics::SetReadings(std::function<Readings()> read) {
  read_ = std::move(read);
}

std::string Metrics::Text() const {
  const Readings readings = read_ ? read_() : Readings();
  const ProcessReadings process = ReadProcess();
  return MetricsText(layout_, shards_,
                     {build_, readings, process, start_time_seconds_});
}

}  // namespace logitd
