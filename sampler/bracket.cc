#include "sampler/bracket.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace logitd {
namespace {

using kernels::kPivots;

constexpr double kLargest = std::numeric_limits<float>::max();

// After this many passes the middle of the keys joins the pivots: it halves any
// bracket, so that no row takes more than 40 passes.
constexpr int kValuePasses = 8;

}  // namespace

double WidthOf(const Bracket& bracket) {
  return std::min(static_cast<double>(ValueOf(bracket.high)), kLargest) -
         static_cast<double>(ValueOf(bracket.low));
}

float Pivot(double value) {
  return static_cast<float>(std::clamp(value, -kLargest, kLargest));
}

void Narrow(Measure measure, double target, const float* pivots,
            Bracket* bracket) {
  double measured[kPivots];
  measure(pivots, measured);
  for (uint32_t i = 0; i < kPivots; ++i) {
    bracket->Take(KeyOf(pivots[i]), measured[i], measured[i] >= target);
  }
}

double CrossingOfLine(const Bracket& bracket, double target) {
  const double span = bracket.reached - bracket.above;
  const double share = span > 0 ? (target - bracket.above) / span : 0.5;
  return static_cast<double>(ValueOf(bracket.low)) +
         WidthOf(bracket) * (1 - share);
}

void PlacePivots(const Bracket& bracket, double guess, float* pivots) {
  const auto low = static_cast<double>(ValueOf(bracket.low));
  const double width = WidthOf(bracket);
  pivots[0] = Pivot(guess - width / 16);
  pivots[1] = Pivot(guess + width / 16);
  pivots[2] = Pivot((guess + low) / 2);
  pivots[3] = Pivot((guess + low + width) / 2);
}

bool TiedNear(absl::Span<const uint32_t> ids, const float* l, double guess,
              float* value) {
  size_t sharing = 0;
  *value = l[ids[0]];
  for (const uint32_t id : ids) {
    if (std::abs(l[id] - guess) < std::abs(*value - guess)) {
      *value = l[id];
      sharing = 0;
    }
    if (l[id] == *value) ++sharing;
  }
  return 16 * sharing > ids.size();
}

Bracket AroundListed(const Bracket& bracket, absl::Span<const uint32_t> ids,
                     const float* l) {
  Bracket around = {bracket.high, bracket.low, bracket.above, bracket.reached};
  for (const uint32_t id : ids) {
    around.low = std::min(around.low, KeyOf(l[id]));
    around.high = std::max(around.high, KeyOf(l[id]) + 1);
  }
  return around;
}

uint32_t Close(List list, Measure measure, const float* l, double target,
               const Workspace& workspace, bool listed, Bracket* bracket) {
  for (int pass = 0;; ++pass) {
    const uint32_t count = listed && pass == 0 ? Workspace::kGatherMax
                                               : list(ValueOf(bracket->low),
                                                      ValueOf(bracket->high));
    if (count < Workspace::kGatherMax || bracket->IsOneValue()) return count;
    const auto ids = absl::MakeConstSpan(workspace.ids()).first(count);
    const Bracket around = AroundListed(*bracket, ids, l);
    const double guess = CrossingOfLine(around, target);
    float pivots[kPivots];
    PlacePivots(around, guess, pivots);
    float tied;
    if (TiedNear(ids, l, guess, &tied)) {
      pivots[2] = tied;
      pivots[3] = ValueOf(KeyOf(tied) + 1);
    }
    if (pass >= kValuePasses) {
      pivots[0] = ValueOf(std::midpoint(bracket->low, bracket->high));
    }
    Narrow(measure, target, pivots, bracket);
  }
}

}  // namespace logitd
