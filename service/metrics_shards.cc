#include "service/metrics_shards.h"

#include <mutex>

namespace logitd {

struct MetricShards::Pool {
  const size_t cell_count;
  mutable std::mutex mu;  // guards what follows
  std::vector<std::unique_ptr<Shard>> all;
  std::vector<Shard*> free;

  Shard* Take() {
    const std::lock_guard lock(mu);
    if (free.empty()) {
      all.push_back(std::make_unique<Shard>(cell_count, all.size()));
      return all.back().get();
    }
    Shard* shard = free.back();
    free.pop_back();
    return shard;
  }

  void GiveBack(Shard* shard) {
    const std::lock_guard lock(mu);
    free.push_back(shard);
  }
};

MetricShards::Shard::Shard(size_t cell_count, uint64_t number)
    : chance_(number << 32), cells_(cell_count) {}

// SplitMix64.
uint64_t MetricShards::Shard::NextChance() {
  uint64_t z = chance_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

MetricShards::MetricShards(size_t cell_count)
    : pool_(new Pool{cell_count, {}, {}, {}}) {}

MetricShards::Seat& MetricShards::MySeat() {
  thread_local Seat seat;
  return seat;
}

MetricShards::Seat::~Seat() {
  if (shard != nullptr) pool->GiveBack(shard);
}

MetricShards::Shard& MetricShards::Sit() {
  Seat& seat = MySeat();
  if (seat.shard != nullptr) seat.pool->GiveBack(seat.shard);
  seat.pool = pool_;
  seat.shard = pool_->Take();
  return *seat.shard;
}

uint64_t MetricShards::Total(size_t cell) const {
  const std::lock_guard lock(pool_->mu);
  uint64_t total = 0;
  for (const auto& shard : pool_->all) {
    total += shard->cells_[cell].load(std::memory_order_relaxed);
  }
  return total;
}

double MetricShards::Sum(size_t cell) const {
  const std::lock_guard lock(pool_->mu);
  double total = 0;
  for (const auto& shard : pool_->all) {
    total += absl::bit_cast<double>(
        shard->cells_[cell].load(std::memory_order_relaxed));
  }
  return total;
}

size_t MetricShards::size() const {
  const std::lock_guard lock(pool_->mu);
  return pool_->all.size();
}

}  // namespace logitd
