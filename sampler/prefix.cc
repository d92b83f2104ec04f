#include "sampler/prefix.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "sampler/aim.h"
#include "sampler/bracket.h"

namespace logitd {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::RowView;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Block maxima bound a count well where it is no larger a share of the blocks.
constexpr uint32_t kFewOfBlocks = 16;

// A value that at least k block maxima reach, k <= block_count: the k-th
// largest of the maxima of groups of blocks.
float CountBound(const RowView& row, uint64_t k, Workspace* workspace) {
  constexpr size_t kGroupsFor = 4;  // for each of the k
  const size_t groups =
      std::min<size_t>((kGroupsFor * k + 15) / 16 * 16, row.block_count);
  std::vector<float>& maxima = workspace->block_scratch();
  maxima.assign(row.block_max, row.block_max + groups);
  for (size_t first = groups; first < row.block_count; first += groups) {
    const size_t count = std::min<size_t>(groups, row.block_count - first);
    const float* const block_max = row.block_max + first;
    for (size_t i = 0; i < count; ++i) {
      maxima[i] = block_max[i] > maxima[i] ? block_max[i] : maxima[i];
    }
  }
  const auto kth = maxima.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(maxima.begin(), kth, maxima.end(), std::greater<float>());
  return std::max(*kth, kAllAllowed.value);
}

// Id of the nth (from 1) token with l == value.
uint32_t NthEqual(const RowView& row, float value, uint64_t n) {
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (!(row.block_max[b] >= value)) continue;
    const float* l = LogitsOf(row, b);
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

}  // namespace

bool AtMost(Cut a, Cut b) {
  return a.value != b.value ? a.value > b.value : a.id <= b.id;
}

namespace {

// The kth of listed ids.
Cut KthOf(const RowView& row, uint64_t k, absl::Span<uint32_t> ids) {
  const auto last = ids.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(ids.begin(), last, ids.end(), RankLess{row.l});
  return {row.l[*last], *last};
}

}  // namespace

Cut PrefixOfCount(const KernelTable& kernels, const RowView& row, uint64_t k,
                  Workspace* workspace) {
  const bool bounded = k <= row.block_count / kFewOfBlocks;
  const float bound =
      bounded ? CountBound(row, k, workspace) : kAllAllowed.value;
  if (bound == kAllAllowed.value && kernels.count_cut(row, kAllAllowed) <= k) {
    return kAllAllowed;
  }
  const auto list = [&](float low, float high) {
    return kernels.gather(row, low, high, workspace->ids().data(),
                          Workspace::kGatherMax);
  };
  const auto measure = [&](const float* pivots, double* counts) {
    uint64_t whole[kernels::kPivots];
    kernels.count_ge(row, pivots, whole);
    std::copy(whole, whole + kernels::kPivots, counts);
  };
  const float most = kernels.largest(row);
  Bracket bracket = {KeyOf(bound), KeyOf(most) + 1, 0, 0};
  // Else the bound is close, and a list holds what it leaves.
  if (bound == kAllAllowed.value) {
    const Aim aim =
        AimAtCount(kernels, row, most, static_cast<double>(k), workspace);
    const uint32_t count = aim.fits_list ? list(aim.pivots[0], kInfinity) : 0;
    if (count >= k && count < Workspace::kGatherMax) {
      return KthOf(row, k, absl::MakeSpan(workspace->ids()).first(count));
    }
    Narrow(measure, static_cast<double>(k), aim.pivots, &bracket);
  }
  const uint32_t count =
      Close(list, measure, row.l, static_cast<double>(k), *workspace,
            /*listed=*/false, &bracket);
  const uint64_t missing = k - static_cast<uint64_t>(bracket.above);
  if (count == Workspace::kGatherMax) {
    const float value = ValueOf(bracket.low);
    return {value, NthEqual(row, value, missing)};
  }
  return KthOf(row, missing, absl::MakeSpan(workspace->ids()).first(count));
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
    part.first_block += first;
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
