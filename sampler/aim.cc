#include "sampler/aim.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/types/span.h"
#include "sampler/bracket.h"

namespace logitd {
namespace {

using kernels::kPivots;
using kernels::RowView;

// How many blocks stand for all that are not heavy, and what a heavy one has.
constexpr uint32_t kSampled = 64;
constexpr double kHeavyShare = 1.0 / 64;
// More blocks than both can be.
constexpr uint32_t kBlocksMax = 192;
// Passes over the sample that approach the crossing, and that place the pivots
// around it.
constexpr int kPasses = 3;
constexpr int kSpreadPasses = 2;
// How far from the guess the pivots stand, in standard deviations of it.
constexpr double kNear = 1;
constexpr double kFar = 3;
// Of the ids that the sample has around the guess: more say nothing new, and a
// few of one value may be chance.
constexpr uint32_t kListedMax = 256;
constexpr uint32_t kTiedMin = 16;

// The heavy blocks of a row, and some of the others, which count `factor`
// times.
class Sample {
 public:
  Sample(const kernels::KernelTable& kernels, const RowView& row, double mass,
         uint32_t* blocks)
      : kernels_(kernels), heavy_(row), others_(row) {
    const auto bound = static_cast<float>(kHeavyShare * mass);
    heavy_.active = blocks;
    heavy_.active_count = 0;
    double squares = 0;
    for (uint32_t a = 0; a < row.active_count; ++a) {
      const uint32_t b = row.active[a];
      const auto block_mass = static_cast<double>(row.block_mass[b]);
      if (row.block_mass[b] > bound) {
        blocks[heavy_.active_count++] = b;
        heavy_mass_ += block_mass;
      } else {
        rest_ += block_mass;
        heaviest_ = std::max(heaviest_, block_mass);
        squares += block_mass * block_mass;
      }
    }
    const uint32_t rest_count = row.active_count - heavy_.active_count;
    const uint32_t stride = std::max(1u, rest_count / kSampled);
    others_.active = blocks + heavy_.active_count;
    others_.active_count = 0;
    uint32_t nth = stride / 2;
    for (uint32_t a = 0; a < row.active_count; ++a) {
      const uint32_t b = row.active[a];
      if (row.block_mass[b] > bound || ++nth % stride != 0) continue;
      others_.active[others_.active_count++] = b;
      sampled_mass_ += static_cast<double>(row.block_mass[b]);
    }
    if (!(sampled_mass_ > 0)) return;
    factor_ = rest_ / sampled_mass_;
    // What the blocks' masses differ by is what their ids' weights do: a heavy
    // one that the sample missed shows there.
    squares_ = std::max(squares - rest_ * rest_ / rest_count, 0.0) /
               rest_count * others_.active_count;
  }

  void MassGe(const float* pivots, double* masses) const {
    double others[kPivots];
    kernels_.mass_ge(heavy_, pivots, masses);
    kernels_.mass_ge(others_, pivots, others);
    for (uint32_t i = 0; i < kPivots; ++i) masses[i] += factor_ * others[i];
  }

  // Ids of the sample within the bracket, at most kListedMax.
  uint32_t List(const Bracket& bracket, uint32_t* ids) const {
    uint32_t count = 0;
    for (const RowView* part : {&heavy_, &others_}) {
      for (uint32_t a = 0; a < part->active_count; ++a) {
        count += Gather(*part, part->active[a], bracket, ids + count,
                        kListedMax - count);
      }
    }
    return count;
  }

  // Standard deviation of MassGe where it is `mass` and a token weighs
  // `weight`: those above weigh more, those below less.
  double Deviation(double mass, double weight) const {
    if (!(rest_ > 0)) return 0;
    const double share = std::clamp((mass - heavy_mass_) / rest_, 0.0, 1.0);
    weight = std::min(weight, heaviest_);
    const double below = (1 - share) * sampled_mass_ * weight;
    const double deviation =
        factor_ *
        std::sqrt((1 - share) * (1 - share) * squares_ + share * share * below);
    return std::min(deviation, rest_);
  }

 private:
  uint32_t Gather(const RowView& row, uint32_t block, const Bracket& bracket,
                  uint32_t* ids, uint32_t capacity) const {
    const uint32_t base = block * kernels::kBlockSize;
    RowView one = row;
    one.l += base;
    one.block_max += block;
    one.block_count = 1;
    const uint32_t count = kernels_.gather(
        one, ValueOf(bracket.low), ValueOf(bracket.high), ids, capacity);
    for (uint32_t i = 0; i < count; ++i) ids[i] += base;
    return count;
  }

  const kernels::KernelTable& kernels_;
  RowView heavy_;
  RowView others_;
  double heavy_mass_ = 0;
  double rest_ = 0;      // mass of all blocks that are not heavy
  double heaviest_ = 0;  // of them
  double sampled_mass_ = 0;
  double squares_ = 0;  // of the sampled weights, by an estimate
  double factor_ = 0;
};

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
  Curve(const Sample& sample, float least, float most, double mass)
      : sample_(sample), ends_({KeyOf(least), KeyOf(most) + 1, 0, mass}) {}

  void Measure(const float* pivots) {
    double masses[kPivots];
    sample_.MassGe(pivots, masses);
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

 private:
  struct Point {
    int64_t key;
    double mass;
  };
  const Sample& sample_;
  const Bracket ends_;
  Point points_[kPivots * (2 + kPasses + kSpreadPasses)];
  size_t count_ = 0;
};

// Narrows down where the curve crosses the target; the first pivots are given.
void Approach(const kernels::Scale& scale, double target, float* pivots,
              Curve* curve) {
  constexpr float kBeyond[kPivots] = {87, 60, 40, 28};
  const int64_t least = curve->Around(target).low;
  curve->Measure(pivots);
  if (curve->Around(target).low == least) {
    PivotsBelow(scale, kBeyond, pivots);
    curve->Measure(pivots);
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    PlacePivots(curve->Around(target), target, pivots);
    curve->Measure(pivots);
  }
}

// Around a value that many of the listed ids share. False if there is none.
bool PlaceAtTie(const Bracket& bracket, double target,
                absl::Span<const uint32_t> ids, const float* l, float* pivots) {
  float tied;
  if (ids.size() < kTiedMin ||
      !TiedNear(ids, l, CrossingOfLine(bracket, target), &tied)) {
    return false;
  }
  pivots[0] = tied;
  pivots[1] = ValueOf(KeyOf(tied) + 1);
  pivots[2] = ValueOf(bracket.low);
  pivots[3] = ValueOf(bracket.high);
  return true;
}

// Where the curve is so many deviations beside the target.
void PlaceBeside(double target, double deviation, double mass, Curve* curve,
                 float* pivots) {
  constexpr double kOffsets[kPivots] = {kFar, kNear, -kNear, -kFar};
  double targets[kPivots];
  for (uint32_t i = 0; i < kPivots; ++i) {
    // Not all of the mass: that lies at the very lowest logit.
    targets[i] = std::min(target + kOffsets[i] * deviation,
                          target + (mass - target) * 0.75);
  }
  for (int pass = 0; pass <= kSpreadPasses; ++pass) {
    if (pass > 0) curve->Measure(pivots);
    for (uint32_t i = 0; i < kPivots; ++i) {
      pivots[i] = Pivot(CrossingOfLine(curve->Around(targets[i]), targets[i]));
    }
  }
  pivots[0] = ValueOf(curve->Around(targets[0]).low);
  pivots[3] = ValueOf(curve->Around(targets[3]).high);
}

}  // namespace

void AimAtMass(const kernels::KernelTable& kernels, const RowView& row,
               const kernels::Scale& scale, float least, double target,
               double mass, Workspace* workspace, float* pivots) {
  // Most crossings of real rows lie within these distances of the top.
  constexpr float kUsual[kPivots] = {20, 8, 3, 1};
  PivotsBelow(scale, kUsual, pivots);
  // Few blocks are not worth a sample.
  if (row.active_count < 4 * kSampled) return;
  uint32_t* const blocks = workspace->ids().data();
  uint32_t* const listed = blocks + kBlocksMax;
  const Sample sample(kernels, row, mass, blocks);
  Curve curve(sample, least, scale.m, mass);
  Approach(scale, target, pivots, &curve);
  const Bracket bracket = curve.Around(target);
  const absl::Span<const uint32_t> ids = {listed, sample.List(bracket, listed)};
  if (PlaceAtTie(bracket, target, ids, row.l, pivots)) return;
  double weight = 0;
  for (const uint32_t id : ids) {
    weight = std::max(weight, static_cast<double>(row.w[id]));
  }
  PlaceBeside(target, sample.Deviation(target, weight), mass, &curve, pivots);
}

}  // namespace logitd
