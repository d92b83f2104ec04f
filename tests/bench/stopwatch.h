// Times several items in one interleaved loop, so that a ratio of two of them
// compares the same minutes of the same machine. Knows nothing of what it
// times. Not thread-safe: run one stopwatch at a time. Allocates before the
// loop, never inside a timed span.
//
// Before each timed call the item's row is read once, one float per cache line
// (the pre-touch), whatever the item is: the yardstick and the work that it
// divides start from the same cache state. Rows rotate, and each round visits
// the items in a new order.

#ifndef LOGITD_TESTS_BENCH_STOPWATCH_H_
#define LOGITD_TESTS_BENCH_STOPWATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace logitd::bench {

// Monotonic nanoseconds.
std::int64_t NowNs();

// Rows that an item rotates over: `bytes` at each pointer, borrowed.
struct RowSet {
  std::vector<const void*> rows;
  std::size_t bytes = 0;
};

struct Item {
  std::string name;
  const RowSet* rows = nullptr;
  std::function<void(const void* row)> run;
  // Optional: the time at which the first part of the last run ended.
  std::function<std::int64_t()> part_end_ns;
};

struct Quantiles {
  double p10_ns = 0, p50_ns = 0, p99_ns = 0;
};

struct Timing {
  std::string name;
  Quantiles total;
  Quantiles part;  // zero unless the item has part_end_ns
  std::size_t count = 0;
};

struct StopwatchOptions {
  std::size_t rounds = 200;     // samples of an item, at most
  std::size_t rounds_min = 8;   // and at least, however slow it is
  double item_budget_ms = 400;  // after which an item is left out of rounds
  bool touch = true;            // false: rows as cold as the rotation leaves
};

std::vector<Timing> TimeInterleaved(const std::vector<Item>& items,
                                    const StopwatchOptions& options);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_STOPWATCH_H_
