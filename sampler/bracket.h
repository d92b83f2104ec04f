// Searches over the values of a row by pivots: a bracket of values that holds
// the point where a measure reaches its target, and its narrowing.
//
// A measure gives, for four pivots at once, the count or the mass of
// {l >= pivot}; it never falls as the pivot falls. Works in the caller's
// memory, allocates nothing; pure but for that.
#ifndef LOGITD_SAMPLER_BRACKET_H_
#define LOGITD_SAMPLER_BRACKET_H_

#include <bit>
#include <cstdint>
#include <limits>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

// Floats in order as integers, so that halving always makes progress.
inline int64_t KeyOf(float value) {
  const int64_t bits = std::bit_cast<int32_t>(value);
  return bits < 0 ? int64_t{std::numeric_limits<int32_t>::min()} - bits : bits;
}
inline float ValueOf(int64_t key) {
  const int64_t bits =
      key < 0 ? int64_t{std::numeric_limits<int32_t>::min()} - key : key;
  return std::bit_cast<float>(static_cast<int32_t>(bits));
}

// By logit falling, then by id.
struct RankLess {
  const float* l;
  bool operator()(uint32_t a, uint32_t b) const {
    return l[a] != l[b] ? l[a] > l[b] : a < b;
  }
};

// Of kPivots pivots.
using Measure = absl::FunctionRef<void(const float* pivots, double* measured)>;

// Values low <= l < high: the measure reaches the target at low, not at high.
struct Bracket {
  int64_t low;
  int64_t high;
  double above;    // measure({l >= high})
  double reached;  // measure({l >= low}); 0: not measured yet
  bool IsOneValue() const { return high - low == 1; }
  // Moves an end to a value between them that was measured.
  void Take(int64_t key, double measured, bool reaches) {
    if (key <= low || key >= high) return;
    (reaches ? low : high) = key;
    (reaches ? reached : above) = measured;
  }
};

// By one pass over kPivots pivots, in any order.
void Narrow(Measure measure, double target, const float* pivots,
            Bracket* bracket);

// From low to high, or to the largest float: a line to infinity has no middle.
double WidthOf(const Bracket& bracket);

// The nearest finite float, for pivots that overshoot.
float Pivot(double value);

// Where a straight line between the bracket's ends crosses the target.
double CrossingOfLine(const Bracket& bracket, double target);

// Pivots close beside a guess, and between it and the bracket's ends.
void PlacePivots(const Bracket& bracket, double guess, float* pivots);

// True if many of the listed ids share the logit nearest to `guess`: *value.
bool TiedNear(absl::Span<const uint32_t> ids, const float* l, double guess,
              float* value);

// The bracket as far as its listed ids reach: its own ends may lie far from
// any.
Bracket AroundListed(const Bracket& bracket, absl::Span<const uint32_t> ids,
                     const float* l);

// Lists the ids with low <= l < high that count, rising, at most kGatherMax, in
// the workspace's list. Returns how many.
using List = absl::FunctionRef<uint32_t(float low, float high)>;

// Narrows until fewer than Workspace::kGatherMax ids, or one value, lie in the
// bracket. Returns how many it listed; kGatherMax when one value has at least
// as many. `listed` if the list is full of the bracket's already. At most 40
// passes, whatever the row; usually none to two.
uint32_t Close(List list, Measure measure, const float* l, double target,
               const Workspace& workspace, bool listed, Bracket* bracket);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_BRACKET_H_
