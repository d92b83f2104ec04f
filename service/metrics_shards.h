// MetricShards: cells that many threads add to and that nobody waits for.
//
// Every thread adds to a shard of its own, by plain loads and stores: no locked
// instruction, no cache line that two threads write. A total is the sum over
// the shards; it may miss what is added while it is taken. A shard outlives its
// thread and goes to the next one that comes, so there are as many as threads
// ever added at once. Thread-safe. Adding allocates once per thread.
#ifndef LOGITD_SERVICE_METRICS_SHARDS_H_
#define LOGITD_SERVICE_METRICS_SHARDS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/casts.h"

namespace logitd {

class MetricShards {
 public:
  // Of one thread at a time.
  class Shard {
   public:
    Shard(size_t cell_count, uint64_t number);

    void Add(size_t cell, uint64_t by) {
      std::atomic<uint64_t>& it = cells_[cell];
      it.store(it.load(std::memory_order_relaxed) + by,
               std::memory_order_relaxed);
    }
    // To a cell that holds a sum: the bits of a double.
    void AddSum(size_t cell, double by) {
      std::atomic<uint64_t>& it = cells_[cell];
      const double sum =
          absl::bit_cast<double>(it.load(std::memory_order_relaxed));
      it.store(absl::bit_cast<uint64_t>(sum + by), std::memory_order_relaxed);
    }
    // Chance for choosing what to measure; nothing that a token depends on.
    uint64_t NextChance();

   private:
    friend class MetricShards;
    alignas(64) uint64_t chance_;
    std::vector<std::atomic<uint64_t>> cells_;
  };

  explicit MetricShards(size_t cell_count);

  // The calling thread's; of use to it only.
  Shard& Mine() {
    const Seat& seat = MySeat();
    return seat.pool == pool_ ? *seat.shard : Sit();
  }

  uint64_t Total(size_t cell) const;
  double Sum(size_t cell) const;
  // Shards ever made, for tests.
  size_t size() const;

 private:
  struct Pool;
  // What a thread holds; gives the shard back when the thread ends.
  struct Seat {
    std::shared_ptr<Pool> pool;
    Shard* shard = nullptr;
    ~Seat();
  };
  static Seat& MySeat();
  Shard& Sit();

  const std::shared_ptr<Pool> pool_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_METRICS_SHARDS_H_
