#include "sampler/block_sample.h"

#include <algorithm>
#include <cmath>

#include "sampler/prefix.h"

namespace logitd {
namespace {

using kernels::kPivots;
using kernels::RowView;

// One block in so many is sampled: more of a long row, for what a list of ids
// holds is the same for all.
constexpr uint32_t kSampledShare = 16;
// A heavy block has this share of the mass, or this many times the mean, or it
// lies so many standard deviations above that, found in so many rounds. What is
// sampled must have no few tokens that weigh as much as all others.
constexpr double kHeavyShare = 1.0 / 64;
constexpr double kHeavyMeans = 4;
constexpr double kHeavyDeviations = 6;
constexpr int kHeavyRounds = 2;
// Masses that differ by less, relative, differ by rounding.
constexpr double kEqual = 1e-6;

float HeavyAbove(const RowView& row, double mass) {
  double bound = mass * std::max(kHeavyShare, kHeavyMeans / row.active_count);
  for (int round = 0; round < kHeavyRounds; ++round) {
    double count = 0, sum = 0, squares = 0;
    for (uint32_t a = 0; a < row.active_count; ++a) {
      const auto block = static_cast<double>(row.block_mass[row.active[a]]);
      if (block > bound) continue;
      count += 1;
      sum += block;
      squares += block * block;
    }
    const double mean = sum / count;
    const double variance = std::max(squares / count - mean * mean, 0.0);
    bound = std::min(bound, mean + kHeavyDeviations * std::sqrt(variance));
  }
  return static_cast<float>(bound);
}

}  // namespace

// One of so many is sampled.
uint32_t BlockSample::StrideOf(uint32_t all, uint32_t rest) {
  const uint32_t least = std::min(kSampledMin, all / 4);
  const uint32_t count = std::clamp(all / kSampledShare, least, kSampledMax);
  return std::max(1u, rest / count);
}

BlockSample::BlockSample(const kernels::KernelTable& kernels,
                         const RowView& row, double mass, uint32_t* blocks)
    : kernels_(kernels), of_counts_(false), heavy_(row), others_(row) {
  Choose(row, HeavyAbove(row, mass), blocks);
  Weigh();
}

BlockSample::BlockSample(const kernels::KernelTable& kernels,
                         const RowView& row, uint32_t* blocks)
    : kernels_(kernels), of_counts_(true), heavy_(row), others_(row) {
  rest_count_ = row.block_count;
  rest_ = row.block_count;
  const uint32_t stride = StrideOf(rest_count_, rest_count_);
  heavy_.active_count = 0;
  others_.active = blocks;
  others_.active_count = 0;
  for (uint32_t b = stride / 2; b < row.block_count; b += stride) {
    blocks[others_.active_count++] = b;
  }
  Weigh();
}

void BlockSample::Choose(const RowView& row, float heavy_above,
                         uint32_t* blocks) {
  uint32_t heavy = 0;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    if (row.block_mass[b] > heavy_above && heavy < kHeavyMax) {
      blocks[heavy++] = b;
    } else {
      rest_ += static_cast<double>(row.block_mass[b]);
    }
  }
  heavy_.active = blocks;
  heavy_.active_count = heavy;
  rest_count_ = row.active_count - heavy;
  const uint32_t stride = StrideOf(row.active_count, rest_count_);
  uint32_t* const sampled = blocks + heavy;
  uint32_t nth = stride / 2, next_heavy = 0, sampled_count = 0;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    if (next_heavy < heavy && blocks[next_heavy] == b) {
      ++next_heavy;
    } else if (++nth % stride == 0) {
      sampled[sampled_count++] = b;
    }
  }
  others_.active = sampled;
  others_.active_count = sampled_count;
}

void BlockSample::Weigh() {
  const uint32_t n = others_.active_count;
  if (n == 0) return;
  for (uint32_t i = 0; i < n; ++i) mean_ += MassOf(i) / n;
  for (uint32_t i = 0; i < n; ++i) {
    squares_ += (MassOf(i) - mean_) * (MassOf(i) - mean_);
  }
  if (squares_ < n * (kEqual * mean_) * (kEqual * mean_)) squares_ = 0;
  const double slope =
      squares_ > 0 ? (rest_ / rest_count_ - mean_) / squares_ : 0;
  for (uint32_t i = 0; i < n; ++i) {
    weights_[i] = rest_count_ * (1.0 / n + slope * (MassOf(i) - mean_));
  }
}

RowView BlockSample::OneOf(uint32_t block) const {
  RowView one = others_;
  one.l += size_t{block} * kernels::kBlockSize;
  one.block_max += block;
  one.first_block += block;
  one.block_count = 1;
  return one;
}

void BlockSample::MeasureBlock(uint32_t block, const float* pivots,
                               double* measured) {
  if (of_counts_) {
    uint64_t counts[kPivots];
    kernels_.count_ge(OneOf(block), pivots, counts);
    std::copy(counts, counts + kPivots, measured);
    return;
  }
  RowView one = others_;
  one.active = &block;
  one.active_count = 1;
  kernels_.mass_ge(one, pivots, measured);
}

double BlockSample::TurnToSurprisals(const kernels::Scale& scale,
                                     float log_mass, const RowView& terms) {
  for (RowView part : {heavy_, others_}) {
    uint64_t count = 0;
    kernels_.restrict_to_surprisals(part, scale, log_mass, kAllAllowed, terms,
                                    &part.active_count, &count);
  }
  for (uint32_t a = 0; a < heavy_.active_count; ++a) {
    sum_ += static_cast<double>(terms.block_mass[heavy_.active[a]]);
  }
  for (uint32_t i = 0; i < others_.active_count; ++i) {
    sum_ +=
        weights_[i] * static_cast<double>(terms.block_mass[others_.active[i]]);
  }
  surprisals_ = terms.block_mass;
  heavy_.w = others_.w = terms.w;
  return sum_;
}

void BlockSample::MeasureGe(const float* pivots, double* measured) {
  std::fill_n(measured, kPivots, 0.0);
  if (!of_counts_) kernels_.mass_ge(heavy_, pivots, measured);
  for (uint32_t i = 0; i < others_.active_count; ++i) {
    MeasureBlock(others_.active[i], pivots, sums_[i]);
    for (uint32_t p = 0; p < kPivots; ++p) {
      measured[p] += weights_[i] * sums_[i][p];
    }
  }
  if (surprisals_ == nullptr) return;
  for (uint32_t p = 0; p < kPivots; ++p) shares_[p] = measured[p] / sum_;
}

double BlockSample::Deviation(uint32_t pivot) const {
  const uint32_t n = others_.active_count;
  // What a block has more of than its share: the sum is estimated too.
  const auto part = [&](uint32_t i) {
    if (surprisals_ == nullptr) return sums_[i][pivot];
    const auto all = static_cast<double>(surprisals_[others_.active[i]]);
    return sums_[i][pivot] - shares_[pivot] * all;
  };
  double mean = 0, slope = 0, residuals = 0;
  for (uint32_t i = 0; i < n; ++i) {
    mean += part(i) / n;
    slope += (MassOf(i) - mean_) * part(i);
  }
  slope = squares_ > 0 ? slope / squares_ : 0;
  for (uint32_t i = 0; i < n; ++i) {
    const double fitted = mean + slope * (MassOf(i) - mean_);
    const double residual = weights_[i] * (part(i) - fitted);
    residuals += residual * residual;
  }
  const double unseen = 1 - static_cast<double>(n) / rest_count_;
  return n == 0 ? 0 : std::sqrt(residuals * unseen);
}

uint32_t BlockSample::List(float low, float high, uint32_t* ids,
                           uint32_t capacity) const {
  uint32_t count = 0;
  for (const RowView* part : {&heavy_, &others_}) {
    for (uint32_t a = 0; a < part->active_count; ++a) {
      const uint32_t block = part->active[a];
      const uint32_t before = count;
      count += kernels_.gather(OneOf(block), low, high, ids + count,
                               capacity - count);
      for (uint32_t i = before; i < count; ++i) {
        ids[i] += block * kernels::kBlockSize;
      }
    }
  }
  return count;
}

}  // namespace logitd
