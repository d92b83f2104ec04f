#include "sampler/prefix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

namespace logitd {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::RowView;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kLargest = std::numeric_limits<float>::max();
// Lists this short are sorted; longer ones are narrowed by more pivots first.
constexpr uint32_t kSortMax = 512;
// Between a plain double sum and mass() of the same tokens, relative.
constexpr double kSumSlack = 0x1p-19;

// Floats in order as integers, so that halving always makes progress.
int64_t KeyOf(float value) {
  const int64_t bits = std::bit_cast<int32_t>(value);
  return bits < 0 ? int64_t{std::numeric_limits<int32_t>::min()} - bits : bits;
}

float ValueOf(int64_t key) {
  const int64_t bits =
      key < 0 ? int64_t{std::numeric_limits<int32_t>::min()} - key : key;
  return std::bit_cast<float>(static_cast<int32_t>(bits));
}

struct RankLess {
  const float* l;
  bool operator()(uint32_t a, uint32_t b) const {
    return l[a] != l[b] ? l[a] > l[b] : a < b;
  }
};

// Values low <= l < high: the measure reaches the target at low, not at high.
struct Bracket {
  int64_t low;
  int64_t high;
  double above;    // measure({l >= high})
  double reached;  // measure({l >= low}); 0: not measured yet
};

// Narrows the bracket by one pass over kPivots pivots.
template <class Measure>
void Narrow(const Measure& measure, double target, const float* pivots,
            Bracket* bracket) {
  double measured[kernels::kPivots];
  measure(pivots, measured);
  for (uint32_t i = 0; i < kernels::kPivots; ++i) {
    const int64_t key = KeyOf(pivots[i]);
    if (key <= bracket->low || key >= bracket->high) continue;
    if (measured[i] >= target) {
      bracket->low = key;
      bracket->reached = measured[i];
    } else {
      bracket->high = key;
      bracket->above = measured[i];
    }
  }
}

// After this many passes the middle of the keys joins the pivots: it halves any
// bracket, so that no row takes more than 40 passes.
constexpr int kValuePasses = 8;

// True if many of the listed ids share the logit nearest to `guess`: *value.
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

// Two pivots beside the point where a straight line between the bracket's ends
// crosses the target. The other two stand at a quarter and three quarters, for
// rows that no line fits, or around a value that many ids share.
void PlacePivots(const Bracket& bracket, absl::Span<const uint32_t> ids,
                 const float* l, double target, int pass, float* pivots) {
  const double low = static_cast<double>(ValueOf(bracket.low));
  // Above the largest float is infinity, and a line to it has no middle.
  const double width =
      std::min(static_cast<double>(ValueOf(bracket.high)), kLargest) - low;
  const double span = bracket.reached - bracket.above;
  const double share = span > 0 ? (target - bracket.above) / span : 0.5;
  const double guess = low + width * (1 - share);
  pivots[0] = static_cast<float>(guess - width / 16);
  pivots[1] = static_cast<float>(guess + width / 16);
  if (TiedNear(ids, l, guess, &pivots[2])) {
    pivots[3] = ValueOf(KeyOf(pivots[2]) + 1);
  } else {
    pivots[2] = static_cast<float>(low + width / 4);
    pivots[3] = static_cast<float>(low + width * 3 / 4);
  }
  if (pass >= kValuePasses) {
    pivots[0] = ValueOf(bracket.low + (bracket.high - bracket.low) / 2);
  }
}

// Narrows until at most `capacity` - 1 ids or one value lie in the bracket.
// Returns how many ids it gathered; `capacity` when one value has more.
template <class Measure>
uint32_t Close(const KernelTable& kernels, const RowView& row,
               const Measure& measure, double target, uint32_t capacity,
               Workspace* workspace, Bracket* bracket) {
  for (int pass = 0;; ++pass) {
    const uint32_t* ids = workspace->ids().data();
    const uint32_t count =
        kernels.gather(row, ValueOf(bracket->low), ValueOf(bracket->high),
                       workspace->ids().data(), capacity);
    if (count < capacity || bracket->high - bracket->low == 1) return count;
    float pivots[kernels::kPivots];
    PlacePivots(*bracket, {ids, count}, row.l, target, pass, pivots);
    Narrow(measure, target, pivots, bracket);
  }
}

// Id of the nth (from 1) token with l == value.
uint32_t NthEqual(const RowView& row, float value, uint64_t n) {
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (!(row.block_max[b] >= value)) continue;
    const float* l = row.l + size_t{b} * kernels::kBlockSize;
    const auto here =
        static_cast<uint64_t>(std::count(l, l + kernels::kBlockSize, value));
    if (here < n) {
      n -= here;
      continue;
    }
    for (uint32_t i = 0;; ++i) {
      if (l[i] == value && --n == 0) return b * kernels::kBlockSize + i;
    }
  }
  return row.block_count * kernels::kBlockSize - 1;
}

// The least i in (low, high] with reaches(i), which holds at high and not at
// low. Gallops away from `guess`, which is nearly always right, then halves: a
// plateau that mass() does not feel can make the guess arbitrarily bad.
template <class Reaches>
int64_t LeastReaching(int64_t low, int64_t high, int64_t guess,
                      const Reaches& reaches) {
  guess = std::clamp(guess, low + 1, high);
  const bool down = guess == high || reaches(guess);
  (down ? high : low) = guess;
  for (int64_t step = 1; high - low > 1; step *= 2) {
    const int64_t probe =
        down ? std::max(low + 1, high - step) : std::min(high - 1, low + step);
    const bool reached = reaches(probe);
    (reached ? high : low) = probe;
    if (reached != down) break;
  }
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (reaches(middle) ? high : low) = middle;
  }
  return high;
}

// The least k-th largest value that the block maxima prove.
float CountBound(const RowView& row, uint64_t k, Workspace* workspace) {
  if (k > row.block_count) return kAllAllowed.value;
  std::vector<float>& maxima = workspace->block_scratch();
  maxima.assign(row.block_max, row.block_max + row.block_count);
  const auto kth = maxima.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(maxima.begin(), kth, maxima.end(), std::greater<float>());
  return std::max(*kth, kAllAllowed.value);
}

}  // namespace

bool AtMost(Cut a, Cut b) {
  return a.value != b.value ? a.value > b.value : a.id <= b.id;
}

float LargestLogit(const RowView& row) {
  return *std::max_element(row.block_max, row.block_max + row.block_count);
}

Cut PrefixOfCount(const KernelTable& kernels, const RowView& row, uint64_t k,
                  Workspace* workspace) {
  const float bound = CountBound(row, k, workspace);
  if (bound == kAllAllowed.value && kernels.count_cut(row, kAllAllowed) <= k) {
    return kAllAllowed;
  }
  const auto measure = [&](const float* pivots, double* counts) {
    uint64_t whole[kernels::kPivots];
    kernels.count_ge(row, pivots, whole);
    std::copy(whole, whole + kernels::kPivots, counts);
  };
  Bracket bracket = {KeyOf(bound), KeyOf(LargestLogit(row)) + 1, 0, 0};
  const uint32_t count = Close(kernels, row, measure, static_cast<double>(k),
                               Workspace::kGatherMax, workspace, &bracket);
  const uint64_t missing = k - static_cast<uint64_t>(bracket.above);
  if (count == Workspace::kGatherMax) {
    const float value = ValueOf(bracket.low);
    return {value, NthEqual(row, value, missing)};
  }
  const auto ids = workspace->ids().begin();
  const auto last = ids + static_cast<std::ptrdiff_t>(missing - 1);
  std::nth_element(ids, last, ids + count, RankLess{row.l});
  return {row.l[*last], *last};
}

namespace {

// Among `count` gathered ids, the first (in rank) at which the mass is reached.
Cut CrossingOfList(const KernelTable& kernels, const RowView& row,
                   const Bracket& bracket, uint32_t count, double target,
                   double mass, Workspace* workspace) {
  uint32_t* ids = workspace->ids().data();
  std::sort(ids, ids + count, RankLess{row.l});
  double before = bracket.above;
  uint32_t i = 0;
  for (; i + 1 < count; ++i) {
    const double sum = before + static_cast<double>(row.w[ids[i]]);
    if (sum >= target) break;
    before = sum;
  }
  const auto cut_at = [&](int64_t index) {
    const uint32_t id = ids[index];
    return Cut{row.l[id], id};
  };
  const double sum = before + static_cast<double>(row.w[ids[i]]);
  const double slack = kSumSlack * mass;
  if (sum - target > slack && target - before > slack) return cut_at(i);
  return cut_at(LeastReaching(-1, count - 1, i, [&](int64_t index) {
    return kernels.mass_cut(row, cut_at(index)) >= target;
  }));
}

// More ids than fit share one value: the crossing is at an id.
Cut CrossingOfTie(const KernelTable& kernels, const Bracket& bracket,
                  double target, const RowView& row) {
  const float value = ValueOf(bracket.low);
  const uint32_t first = kernels.first_equal(row, value);
  const double weight = static_cast<double>(row.w[first]);
  const double steps = std::ceil((target - bracket.above) / weight);
  const uint64_t n = steps < 1 ? 1 : static_cast<uint64_t>(steps);
  const int64_t last = int64_t{row.block_count} * kernels::kBlockSize - 1;
  const auto reaches = [&](int64_t id) {
    return kernels.mass_cut(row, {value, static_cast<uint32_t>(id)}) >= target;
  };
  const int64_t id =
      LeastReaching(int64_t{first} - 1, last, NthEqual(row, value, n), reaches);
  return {value, static_cast<uint32_t>(id)};
}

}  // namespace

Cut PrefixOfMass(const KernelTable& kernels, const RowView& row,
                 const kernels::Scale& scale, Cut candidates, double target,
                 double mass, Workspace* workspace) {
  const auto measure = [&](const float* pivots, double* masses) {
    kernels.mass_ge(row, pivots, masses);
  };
  // Weights of non-candidates are 0, so only values at least theirs matter.
  Bracket bracket = {KeyOf(candidates.value), KeyOf(scale.m) + 1, 0, mass};
  // Most crossings of real rows lie within these distances of the top.
  float pivots[kernels::kPivots] = {20, 8, 3, 1};
  for (float& pivot : pivots) {
    pivot = scale.m - pivot / scale.inverse_temperature;
  }
  Narrow(measure, target, pivots, &bracket);
  const uint32_t count =
      Close(kernels, row, measure, target, kSortMax, workspace, &bracket);
  const Cut cut = count == kSortMax
                      ? CrossingOfTie(kernels, bracket, target, row)
                      : CrossingOfList(kernels, row, bracket, count, target,
                                       mass, workspace);
  return AtMost(cut, candidates) ? cut : candidates;
}

Cut PrefixOfFloor(const kernels::Scale& scale, float floor) {
  const auto passes = [&](int64_t key) {
    return kernels::DOf(scale, ValueOf(key)) >= floor;
  };
  int64_t low = KeyOf(kAllAllowed.value);
  if (passes(low)) return kAllAllowed;
  int64_t high = KeyOf(scale.m);  // d = 0 always passes: floor <= 0
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (passes(middle) ? high : low) = middle;
  }
  return {ValueOf(high), kernels::kNone};
}

void SortByRank(const RowView& row, absl::Span<uint32_t> ids) {
  std::sort(ids.begin(), ids.end(), RankLess{row.l});
}

absl::Span<const uint32_t> FirstOfPrefix(const KernelTable& kernels,
                                         const RowView& row, Cut prefix,
                                         uint32_t n, Workspace* workspace) {
  Cut cut = PrefixOfCount(kernels, row, n, workspace);
  if (AtMost(prefix, cut)) cut = prefix;
  // First all above the cut's value, then its ties by id: ties alone could be
  // the whole vocabulary.
  uint32_t* ids = workspace->ids().data();
  const float next = ValueOf(KeyOf(cut.value) + 1);
  uint32_t count = kernels.gather(row, next, kInfinity, ids, n);
  count += kernels.gather(row, cut.value, next, ids + count, n - count);
  while (count > 0 && row.l[ids[count - 1]] == cut.value &&
         ids[count - 1] > cut.id) {
    --count;
  }
  std::sort(ids, ids + count, RankLess{row.l});
  return {ids, count};
}

void ListKept(const KernelTable& kernels, const RowView& row, Cut prefix,
              Workspace* workspace, std::vector<uint32_t>* ids) {
  constexpr uint32_t kBlocks = Workspace::kGatherMax / kernels::kBlockSize;
  uint32_t* const found = workspace->ids().data();
  for (uint32_t first = 0; first < row.block_count; first += kBlocks) {
    RowView part = row;
    const uint32_t base = first * kernels::kBlockSize;
    part.l += base;
    part.block_max += first;
    part.block_count = std::min(kBlocks, row.block_count - first);
    const uint32_t count = kernels.gather(part, prefix.value, kInfinity, found,
                                          Workspace::kGatherMax);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t id = base + found[i];
      if (row.l[id] > prefix.value || id <= prefix.id) ids->push_back(id);
    }
  }
}

}  // namespace logitd
