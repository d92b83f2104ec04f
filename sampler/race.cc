#include "sampler/race.h"

#include "sampler/natural_log.h"

namespace logitd {
namespace {

// Keeps the entry with the largest weight / E; the first wins a tie.
class Heat {
 public:
  Heat(const NoisePoint& at, Purpose purpose) : at_(at), purpose_(purpose) {}

  void Enter(uint32_t index, double weight) {
    if (!(weight > 0)) return;
    const double u = Uniform(Noise(at_, purpose_, index));
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
  const NoisePoint& at_;
  const Purpose purpose_;
  double best_ = 0;
  uint32_t winner_ = kernels::kNone;
};

}  // namespace

uint32_t Race(const kernels::RowView& row, const NoisePoint& at,
              Purpose of_blocks, Purpose of_tokens) {
  Heat blocks(at, of_blocks);
  for (uint32_t i = 0; i < row.active_count; ++i) {
    const uint32_t b = row.active[i];
    blocks.Enter(b, static_cast<double>(row.block_mass[b]));
  }
  if (blocks.winner() == kernels::kNone) return kernels::kNone;
  Heat tokens(at, of_tokens);
  const uint32_t base = blocks.winner() * kernels::kBlockSize;
  for (uint32_t i = base; i < base + kernels::kBlockSize; ++i) {
    tokens.Enter(i, static_cast<double>(row.w[i]));
  }
  return tokens.winner();
}

}  // namespace logitd
