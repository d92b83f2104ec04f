// Some blocks of a row that stand for all: what mass, or how many ids, the row
// has above a value, nearly, for a twentieth of a read; and how nearly.
//
// The heavy blocks are all in it. The others are every so-manieth one, and
// count by the weights of a regression on the mass of a block, which is known
// of all: at the lowest logit the sample's mass is the row's. For counts all
// blocks are alike. Source: regression estimators, Cochran, Sampling
// Techniques, ch. 7. Confined to one thread; allocates nothing.
#ifndef LOGITD_SAMPLER_BLOCK_SAMPLE_H_
#define LOGITD_SAMPLER_BLOCK_SAMPLE_H_

#include <cstdint>

#include "sampler/kernels/kernels.h"

namespace logitd {

class BlockSample {
 private:
  static constexpr uint32_t kSampledMin = 32;  // but a quarter at most
  static constexpr uint32_t kSampledMax = 128;
  static constexpr uint32_t kHeavyMax = 192;

 public:
  // Blocks that it lists, at most, and how many a row should have: a sample of
  // fewer costs what the row does.
  static constexpr uint32_t kBlocksMax = kHeavyMax + 2 * kSampledMax;
  static constexpr uint32_t kWorthwhile = 2 * kSampledMin;

  // Of a row whose mass is `mass`. Lists its blocks in `blocks`, which is the
  // caller's, holds kBlocksMax and outlives it, as the row does.
  BlockSample(const kernels::KernelTable& kernels, const kernels::RowView& row,
              double mass, uint32_t* blocks);

  // The same of counts, of a row that need not be weighed.
  BlockSample(const kernels::KernelTable& kernels, const kernels::RowView& row,
              uint32_t* blocks);

  // From here on of surprisals w * (log_mass - d) in place of weights: makes
  // those of its blocks in `terms`, which has the row's l. Returns an estimate
  // of their sum over the row.
  double TurnToSurprisals(const kernels::Scale& scale, float log_mass,
                          const kernels::RowView& terms);

  // Estimates of mass({l >= pivots[i]}), or of how many. Visits its blocks
  // once.
  void MeasureGe(const float* pivots, double* measured);

  // Standard deviation of what MeasureGe said last of that pivot; of
  // surprisals, of its share of their sum, times the sum.
  double Deviation(uint32_t pivot) const;

  // Its ids with low <= l < high, at most `capacity`. Returns how many.
  uint32_t List(float low, float high, uint32_t* ids, uint32_t capacity) const;

  // How many blocks of the row stand behind one of its own.
  double BlocksForOne() const {
    return static_cast<double>(rest_count_ + heavy_.active_count) /
           (others_.active_count + heavy_.active_count);
  }

 private:
  // Of a sampled block.
  double MassOf(uint32_t i) const {
    return of_counts_ ? 1 : others_.block_mass[others_.active[i]];
  }
  static uint32_t StrideOf(uint32_t all, uint32_t rest);
  // A row of that block's logits alone.
  kernels::RowView OneOf(uint32_t block) const;
  void MeasureBlock(uint32_t block, const float* pivots, double* measured);
  void Choose(const kernels::RowView& row, float heavy_above, uint32_t* blocks);
  void Weigh();

  const kernels::KernelTable& kernels_;
  const bool of_counts_;
  kernels::RowView heavy_;
  kernels::RowView others_;  // that were sampled
  uint32_t rest_count_ = 0;  // of all blocks that are not heavy
  double rest_ = 0;          // their mass
  double mean_ = 0;          // mass of a sampled block
  double squares_ = 0;       // sum of squares of what they differ from it by
  const float* surprisals_ = nullptr;  // of blocks, by number
  double sum_ = 0;                     // of all surprisals, estimated
  double shares_[kernels::kPivots];    // of it, that MeasureGe said last
  double weights_[2 * kSampledMax];
  double sums_[2 * kSampledMax][kernels::kPivots];
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_BLOCK_SAMPLE_H_
