#include "tests/bench/stopwatch.h"

#include <time.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace logitd::bench {
namespace {

// One cache line; also what one read of the pre-touch brings in.
constexpr std::size_t kLineBytes = 64;

volatile float touch_sink;

void Touch(const void* row, std::size_t bytes) {
  const char* p = static_cast<const char*>(row);
  float sum = 0;
  for (std::size_t i = 0; i + sizeof(float) <= bytes; i += kLineBytes) {
    sum += *reinterpret_cast<const volatile float*>(p + i);
  }
  touch_sink = sum;
}

// Cost of reading the clock twice, taken off every sample: a short row's
// yardstick would otherwise look better than it is.
double ClockCostNs() {
  std::vector<double> costs;
  for (int i = 0; i < 1001; ++i) {
    const std::int64_t start = NowNs();
    costs.push_back(static_cast<double>(NowNs() - start));
  }
  std::nth_element(costs.begin(), costs.begin() + 500, costs.end());
  return costs[500];
}

Quantiles Summarize(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const std::size_t n = samples.size();
  return {samples[n / 10], samples[n / 2], samples[n * 99 / 100]};
}

struct Samples {
  std::vector<double> total, part;
  double spent_ns = 0;
};

void Once(const Item& item, std::size_t row_index, bool touch, double cost,
          Samples* samples) {
  const std::vector<const void*>& rows = item.rows->rows;
  const void* row = rows[row_index % rows.size()];
  if (touch) Touch(row, item.rows->bytes);
  const std::int64_t start = NowNs();
  item.run(row);
  const std::int64_t stop = NowNs();
  const double total = std::max(1.0, static_cast<double>(stop - start) - cost);
  samples->total.push_back(total);
  samples->spent_ns += total;
  if (!item.part_end_ns) return;
  const auto part = static_cast<double>(item.part_end_ns() - start);
  samples->part.push_back(std::max(0.0, part));
}

}  // namespace

std::int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1000000000} + now.tv_nsec;
}

std::vector<Timing> TimeInterleaved(const std::vector<Item>& items,
                                    const StopwatchOptions& options) {
  const double cost = ClockCostNs();
  std::vector<Samples> samples(items.size());
  for (Samples& s : samples) {
    s.total.reserve(options.rounds);
    s.part.reserve(options.rounds);
  }
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 random(1);
  // The first two rounds warm caches, page tables and predictors.
  constexpr std::size_t kWarmRounds = 2;
  for (std::size_t round = 0; round < options.rounds + kWarmRounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      Samples& s = samples[i];
      const bool enough = s.total.size() >= options.rounds_min;
      if (enough && s.spent_ns > options.item_budget_ms * 1e6) continue;
      Once(items[i], round + i, options.touch, cost, &s);
      if (round < kWarmRounds) s.total.clear(), s.part.clear();
    }
  }
  std::vector<Timing> timings;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t count = samples[i].total.size();
    timings.push_back({items[i].name, Summarize(std::move(samples[i].total)),
                       Summarize(std::move(samples[i].part)), count});
  }
  return timings;
}

}  // namespace logitd::bench
