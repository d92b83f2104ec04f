#include "sampler/race.h"

#include "sampler/natural_log.h"

namespace logitd {
namespace {

using kernels::kBlockSize;
using kernels::RowView;

// Keeps the entry with the largest weight / E; the first wins a tie.
class Heat {
 public:
  void Enter(uint32_t index, double weight, uint64_t noise) {
    if (!(weight > 0)) return;
    const double u = Uniform(noise);
    // -ln u >= 1 - u: without the logarithm when it cannot win. The last
    // factor covers the rounding of both sides.
    if (weight <= best_ * (1.0 - u) * (1.0 - 0x1p-40)) return;
    const double score = weight / -LogD(u);
    if (score > best_) {
      best_ = score;
      winner_ = index;
    }
  }

  uint32_t winner() const { return winner_; }

 private:
  double best_ = 0;
  uint32_t winner_ = kernels::kNone;
};

// Noise is made for this many indices at once where so large a share of them is
// asked for.
constexpr uint32_t kAhead = kBlockSize;
constexpr uint32_t kDense = 8;

// The winner of entrants with rising indices, `count` of them. entrant(i) is
// the index of one, weight(index) what it has.
template <class Entrant, class Weight>
uint32_t Winner(const kernels::KernelTable& kernels, const NoisePoint& at,
                Purpose purpose, uint32_t count, const Entrant& entrant,
                const Weight& weight) {
  Heat heat;
  if (count == 0) return kernels::kNone;
  const uint32_t span = entrant(count - 1) - entrant(0);
  if (count < kDense || span / kDense >= count) {
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t index = entrant(i);
      heat.Enter(index, weight(index), Noise(at, purpose, index));
    }
    return heat.winner();
  }
  const kernels::NoiseKey key = KeyOfNoise(at, purpose);
  uint64_t noise[kAhead];
  for (uint32_t i = 0; i < count;) {
    const uint32_t first = entrant(i) & ~1u;
    kernels.noise(key, first / 2, kAhead / 2, noise);
    for (; i < count && entrant(i) - first < kAhead; ++i) {
      const uint32_t index = entrant(i);
      heat.Enter(index, weight(index), noise[index - first]);
    }
  }
  return heat.winner();
}

}  // namespace

uint32_t Race(const kernels::KernelTable& kernels, const RowView& row,
              const NoisePoint& at, Purpose of_blocks, Purpose of_tokens) {
  const uint32_t block = Winner(
      kernels, at, of_blocks, row.active_count,
      [&](uint32_t i) { return row.active[i]; },
      [&](uint32_t b) { return static_cast<double>(row.block_mass[b]); });
  if (block == kernels::kNone) return kernels::kNone;
  const uint32_t base = block * kBlockSize;
  const float* const w = WeightsOf(row, block);
  uint32_t ids[kBlockSize];
  uint32_t count = 0;
  for (uint32_t i = 0; i < kBlockSize; ++i) {
    if (w[i] > 0) ids[count++] = base + i;
  }
  return Winner(
      kernels, at, of_tokens, count, [&](uint32_t i) { return ids[i]; },
      [&](uint32_t id) { return static_cast<double>(w[id - base]); });
}

}  // namespace logitd
