#include "sampler/aim.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/types/span.h"
#include "sampler/block_sample.h"
#include "sampler/bracket.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"

namespace logitd {
namespace {

using kernels::kPivots;
using kernels::RowView;

// Passes over the sample that approach the crossing. They end where the curve
// around it is as coarse as so many standard deviations of what it says.
constexpr int kPasses = 5;
constexpr double kClose = 16;
// How far from the guess the pivots stand, in standard deviations of it.
constexpr double kNear = 2;
constexpr double kFar = 6;
// Of the ids that the sample has between the pivots: more do not fit a list,
// and fewer say nothing.
constexpr uint32_t kListedMax = 512;
constexpr uint32_t kFew = 64;
// How much of a list what is likely to be on it may fill.
constexpr double kFull = 0.9;
// Log odds are taken of shares between this and its complement.
constexpr double kShareMin = 1e-9;

// Pivots these distances below the top.
void PivotsBelow(const kernels::Scale& scale, const float* distances,
                 float* pivots) {
  for (uint32_t i = 0; i < kPivots; ++i) {
    pivots[i] = scale.m - distances[i] / scale.inverse_temperature;
  }
}

// What the sample says of masses at the values it was asked about.
class Curve {
 public:
  Curve(float least, float most, double mass, BlockSample* sample)
      : mass_(mass),
        ends_({KeyOf(least), KeyOf(most) + 1, 0, mass}),
        sample_(*sample) {}

  void Measure(const float* pivots) {
    double masses[kPivots];
    sample_.MeasureGe(pivots, masses);
    for (uint32_t i = 0; i < kPivots; ++i) {
      points_[count_++] = {KeyOf(pivots[i]), masses[i]};
    }
  }

  Bracket Around(double target) const {
    Bracket bracket = ends_;
    for (const Point& point : absl::MakeSpan(points_, count_)) {
      bracket.Take(point.key, point.mass, point.mass >= target);
    }
    return bracket;
  }

  // Where it crosses the target. By a line through log odds, for both tails of
  // a row fall exponentially.
  double Crossing(double target) const {
    Bracket bracket = Around(target);
    bracket.above = LogOdds(bracket.above);
    bracket.reached = LogOdds(bracket.reached);
    return CrossingOfLine(bracket, LogOdds(target));
  }

  // Standard deviation of what was measured last, nearest to the target.
  double Deviation(double target) const {
    const Point* const last = points_ + count_ - kPivots;
    const auto distance = [&](uint32_t i) {
      return std::abs(last[i].mass - target);
    };
    uint32_t nearest = 0;
    for (uint32_t i = 1; i < kPivots; ++i) {
      if (distance(i) < distance(nearest)) nearest = i;
    }
    return sample_.Deviation(nearest);
  }

 private:
  struct Point {
    int64_t key;
    double mass;
  };

  double LogOdds(double mass) const {
    const double share = std::clamp(mass / mass_, kShareMin, 1 - kShareMin);
    return LogD(share / (1 - share));
  }

  const double mass_;
  const Bracket ends_;
  BlockSample& sample_;
  Point points_[kPivots * (3 + kPasses)];
  size_t count_ = 0;
};

// Narrows down where the curve crosses the target; the first pivots are given.
// Returns the standard deviation there.
double Approach(const kernels::Scale& scale, double target, float* pivots,
                Curve* curve) {
  constexpr float kBeyond[kPivots] = {60, 40, 28, 21};
  const int64_t lowest = KeyOf(pivots[1]);
  curve->Measure(pivots);
  if (curve->Around(target).low < lowest) {
    PivotsBelow(scale, kBeyond, pivots);
    curve->Measure(pivots);
  }
  double deviation = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    PlacePivots(curve->Around(target), curve->Crossing(target), pivots);
    curve->Measure(pivots);
    deviation = curve->Deviation(target);
    const Bracket bracket = curve->Around(target);
    if (bracket.reached - bracket.above < kClose * deviation) break;
  }
  return deviation;
}

// Where the curve is so many deviations beside the target.
void PlaceBeside(double target, double deviation, double mass, Curve* curve,
                 float* pivots) {
  const auto beside = [&](double offset) {
    // Not all of the mass: that lies at the very lowest logit.
    return std::min(target + offset * deviation,
                    target + (mass - target) * 0.75);
  };
  // A little further first: then the outer two can be values that were
  // measured, with something between them whatever the curve's steps.
  constexpr double kMeasured[] = {kFar + 1, kNear, -kNear, -kFar - 1};
  for (uint32_t i = 0; i < kPivots; ++i) {
    pivots[i] = Pivot(curve->Crossing(beside(kMeasured[i])));
  }
  curve->Measure(pivots);
  pivots[0] = ValueOf(curve->Around(beside(kFar)).low);
  pivots[1] = Pivot(curve->Crossing(beside(kNear)));
  pivots[2] = Pivot(curve->Crossing(beside(-kNear)));
  pivots[3] = ValueOf(curve->Around(beside(-kFar)).high);
}

// All of the mass of most scales, and where most crossings of real rows lie.
constexpr float kUsual[kPivots] = {87, 16, 6, 1.5f};

// Pivots at the usual places: of a row too short for a sample.
Aim Unaimed(const kernels::Scale& scale) {
  Aim aim = {{}, false};
  PivotsBelow(scale, kUsual, aim.pivots);
  return aim;
}

Aim AimBySample(const RowView& row, const kernels::Scale& scale, float least,
                double target, double mass, BlockSample* sample,
                uint32_t* listed) {
  Aim aim = Unaimed(scale);
  float* const pivots = aim.pivots;
  Curve curve(least, scale.m, mass, sample);
  const double deviation = Approach(scale, target, pivots, &curve);
  PlaceBeside(target, deviation, mass, &curve, pivots);
  const auto list = [&](float low, float high) {
    return absl::Span<const uint32_t>(
        listed, sample->List(low, high, listed, kListedMax));
  };
  // Of an end of the row a sample says little, and all of it is little.
  const float most = ValueOf(KeyOf(scale.m) + 1);
  if (list(least, pivots[2]).size() < kFew) pivots[0] = pivots[1] = least;
  if (list(pivots[1], most).size() < kFew) pivots[2] = pivots[3] = most;
  const absl::Span<const uint32_t> ids = list(pivots[1], pivots[2]);
  const double of_row =
      static_cast<double>(ids.size()) * sample->BlocksForOne();
  aim.fits_list =
      ids.size() < kListedMax && of_row < kFull * Workspace::kGatherMax;
  float tied;
  if (!aim.fits_list && TiedNear(ids, row.l, curve.Crossing(target), &tied)) {
    pivots[1] = tied;
    pivots[2] = ValueOf(KeyOf(tied) + 1);
  }
  // What the sample says may fall where it should rise.
  std::sort(pivots, pivots + kPivots);
  return aim;
}

// The distance from the largest block maximum to the least, halved: of a row
// whose blocks are alike about a standard deviation.
float SpreadOf(const RowView& row, float most) {
  float least = most;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    const float max = row.block_max[b];
    if (max >= kAllAllowed.value) least = std::min(least, max);
  }
  const float spread = most / 2 - least / 2;
  return spread > 0 ? spread : 1;
}

}  // namespace

Aim AimAtMass(const kernels::KernelTable& kernels, const RowView& row,
              const kernels::Scale& scale, float least, double target,
              double mass, Workspace* workspace) {
  if (row.active_count < BlockSample::kWorthwhile) return Unaimed(scale);
  uint32_t* const blocks = workspace->ids().data();
  BlockSample sample(kernels, row, mass, blocks);
  return AimBySample(row, scale, least, target, mass, &sample,
                     blocks + BlockSample::kBlocksMax);
}

Aim AimAtSurprisal(const kernels::KernelTable& kernels, const RowView& row,
                   const kernels::Scale& scale, float least, double mass,
                   float log_mass, double share, const RowView& terms,
                   Workspace* workspace) {
  const auto whole = [&] {
    Aim aim = Unaimed(scale);
    aim.pivots[0] = least;
    aim.pivots[kPivots - 1] = ValueOf(KeyOf(scale.m) + 1);
    return aim;
  };
  if (row.active_count < BlockSample::kWorthwhile) return whole();
  uint32_t* const blocks = workspace->ids().data();
  BlockSample sample(kernels, row, mass, blocks);
  const double sum = sample.TurnToSurprisals(scale, log_mass, terms);
  // A regression on mass may say of surprisals what cannot be.
  if (!(sum > 0)) return whole();
  return AimBySample(row, scale, least, share * sum, sum, &sample,
                     blocks + BlockSample::kBlocksMax);
}

Aim AimAtCount(const kernels::KernelTable& kernels, const RowView& row,
               float most, double target, Workspace* workspace) {
  const kernels::Scale scale = {most, 1 / SpreadOf(row, most)};
  if (row.block_count < BlockSample::kWorthwhile) return Unaimed(scale);
  uint32_t* const blocks = workspace->ids().data();
  BlockSample sample(kernels, row, blocks);
  const double all = double{kernels::kBlockSize} * row.block_count;
  return AimBySample(row, scale, kAllAllowed.value, target, all, &sample,
                     blocks + BlockSample::kBlocksMax);
}

}  // namespace logitd
