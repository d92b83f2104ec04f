#include "sampler/mass_crossing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace logitd {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::RowView;

// Lists this short are sorted; longer ones are narrowed first.
constexpr uint32_t kSortMax = 96;

// A block's part of mass(cut).
float BlockMass(const KernelTable& kernels, RowView row, uint32_t block,
                Cut cut) {
  row.active = &block;
  row.active_count = 1;
  return static_cast<float>(kernels.mass_cut(row, cut));
}

// The least i in (low, high] with reaches(i), which holds at high and not at
// low. Gallops away from `guess`, which is nearly always right, then halves.
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

// mass(cut), with the weights restricted to it.
double RestrictWeights(const MassSearch& search, Cut cut, uint64_t* count) {
  const KernelTable& kernels = search.kernels;
  RowView& row = *search.row;
  return search.listing != nullptr
             ? kernels.restrict_to_listed(row, cut, *search.listing,
                                          &row.active_count, count)
             : kernels.restrict_to(row, cut, &row.active_count, count);
}

// Restricts the weights if they are kept.
MassPrefix Restrict(const MassSearch& search, Cut cut) {
  if (!search.keeps_weights) return {cut, 0, {}};
  uint64_t count = 0;
  const double mass = RestrictWeights(search, cut, &count);
  return {cut, mass, count};
}

// Keeps the ids within the bracket, in their order. True if some are gone.
bool KeepBracket(const float* l, const Bracket& bracket, Piece* piece) {
  const float low = ValueOf(bracket.low), high = ValueOf(bracket.high);
  uint32_t count = 0;
  for (uint32_t i = 0; i < piece->count; ++i) {
    const uint32_t id = piece->ids[i];
    piece->ids[count] = id;
    count += l[id] >= low && l[id] < high ? 1 : 0;
  }
  const bool shorter = count < piece->count;
  piece->count = count;
  piece->bracket = bracket;
  return shorter;
}

// Leaves those around the point where a line crosses the target, or those on
// the side of it where the target is. False if that leaves all, or if sums are
// too close to say.
bool NarrowPiece(const MassSearch& search, Piece* piece) {
  const float* l = search.row->l;
  Bracket bracket = AroundListed(piece->bracket, {piece->ids, piece->count}, l);
  const double guess = CrossingOfLine(bracket, search.target);
  const double width = WidthOf(bracket);
  const float low = Pivot(guess - width / 8), high = Pivot(guess + width / 8);
  double from_low = bracket.above, from_high = bracket.above;
  for (uint32_t i = 0; i < piece->count; ++i) {
    const uint32_t id = piece->ids[i];
    const double term = search.Term(id);
    from_low += l[id] >= low ? term : 0.0;
    from_high += l[id] >= high ? term : 0.0;
  }
  const auto narrow = [&](float value, double sum) {
    const bool reaches = search.Reaches(sum);
    if (reaches || search.Misses(sum)) {
      bracket.Take(KeyOf(value), sum, reaches);
    }
  };
  narrow(low, from_low);
  narrow(high, from_high);
  return KeepBracket(l, bracket, piece);
}

// Of a sorted piece: mass() reaches the target at `reaching` and not at
// `missing`, which may be -1. Plain sums cannot tell what is between them.
struct Doubt {
  int64_t missing;
  int64_t reaching;
};

Doubt DoubtOf(const MassSearch& search, const Piece& piece) {
  Doubt doubt = {-1, int64_t{piece.count} - 1};
  double sum = piece.bracket.above;
  for (uint32_t i = 0; i < piece.count; ++i) {
    sum += search.Term(piece.ids[i]);
    if (search.Misses(sum)) doubt.missing = i;
    if (search.Reaches(sum)) {
      doubt.reaching = i;
      break;
    }
  }
  return doubt;
}

// By mass() of shorter and shorter prefixes, which differ from the longest in
// the blocks of a few ids.
MassPrefix CrossingInDoubt(const MassSearch& search, const uint32_t* ids,
                           Doubt doubt) {
  const auto cut_at = [&](int64_t i) {
    return Cut{search.row->l[ids[i]], ids[i]};
  };
  const int64_t longest = doubt.reaching;
  uint64_t count = 0;
  const RowView& row = RestrictMeasured(search, cut_at(longest), &count);
  std::vector<float>& masses = search.workspace->block_scratch();
  while (doubt.reaching - doubt.missing > 1) {
    masses.assign(row.block_mass, row.block_mass + row.block_count);
    const int64_t middle = (doubt.missing + doubt.reaching) / 2;
    for (int64_t i = middle + 1; i <= doubt.reaching; ++i) {
      const uint32_t block = ids[i] / kernels::kBlockSize;
      row.block_mass[block] =
          BlockMass(search.kernels, row, block, cut_at(middle));
    }
    if (search.kernels.mass_of_blocks(row) >= search.target) {
      doubt.reaching = middle;
    } else {
      std::copy(masses.begin(), masses.end(), row.block_mass);
      doubt.missing = middle;
    }
  }
  const Cut cut = cut_at(doubt.reaching);
  if (!search.keeps_weights) return {cut, 0, {}};
  const absl::Span<const uint32_t> behind(
      ids + doubt.reaching + 1, static_cast<size_t>(longest - doubt.reaching));
  if (search.surprisals != nullptr) {
    return {cut, TakeOff(search.kernels, cut, behind, search.row),
            count - behind.size()};
  }
  for (const uint32_t id : behind) row.w[id] = 0;  // block masses are right
  return {cut, search.kernels.mass_of_blocks(row), count - behind.size()};
}

}  // namespace

const RowView& RestrictMeasured(const MassSearch& search, Cut cut,
                                uint64_t* count) {
  RowView& row = *search.row;
  if (search.surprisals == nullptr) {
    RestrictWeights(search, cut, count);
    return row;
  }
  Surprisals& s = *search.surprisals;
  search.kernels.restrict_to_surprisals(row, s.scale, s.log_mass, cut, s.terms,
                                        &row.active_count, count);
  s.terms.active_count = row.active_count;
  return s.terms;
}

double TakeOff(const KernelTable& kernels, Cut cut,
               absl::Span<const uint32_t> ids, RowView* row) {
  for (const uint32_t id : ids) row->w[id] = 0;
  for (const uint32_t id : ids) {
    const uint32_t block = id / kernels::kBlockSize;
    row->block_mass[block] = BlockMass(kernels, *row, block, cut);
  }
  return kernels.mass_of_blocks(*row);
}

MassPrefix CrossingOfPiece(const MassSearch& search, Piece piece) {
  while (piece.count > kSortMax && NarrowPiece(search, &piece)) {
  }
  const float* const l = search.row->l;
  uint32_t* const end = piece.ids + piece.count;
  // One value is in order already.
  if (!std::is_sorted(piece.ids, end, RankLess{l})) {
    std::sort(piece.ids, end, RankLess{l});
  }
  const Doubt doubt = DoubtOf(search, piece);
  if (doubt.reaching - doubt.missing > 1) {
    return CrossingInDoubt(search, piece.ids, doubt);
  }
  const uint32_t id = piece.ids[doubt.reaching];
  return Restrict(search, {l[id], id});
}

// First the block is found, by what each block has with and without them, then
// the id.
MassPrefix CrossingOfTie(const MassSearch& search, const RowView& row,
                         const Bracket& bracket) {
  const KernelTable& kernels = search.kernels;
  const float value = ValueOf(bracket.low);
  std::vector<float>& sums = search.workspace->block_scratch();
  sums.resize(2 * size_t{row.block_count});
  float* const without = sums.data();
  float* const with = without + row.block_count;
  kernels.split_mass(row, value, without, with);
  const auto mass_with_first = [&](int64_t blocks) {
    for (int64_t a = 0; a < row.active_count; ++a) {
      const uint32_t b = row.active[a];
      row.block_mass[b] = a < blocks ? with[b] : without[b];
    }
    return kernels.mass_of_blocks(row);
  };
  double sum = bracket.above;
  int64_t guess = 0;
  while (guess < row.active_count && sum < search.target) {
    const uint32_t b = row.active[guess++];
    sum += static_cast<double>(with[b]) - static_cast<double>(without[b]);
  }
  const int64_t blocks = LeastReaching(
      0, row.active_count, guess,
      [&](int64_t i) { return mass_with_first(i) >= search.target; });
  mass_with_first(blocks - 1);
  const uint32_t block = row.active[blocks - 1];
  const int64_t first = int64_t{block} * kernels::kBlockSize;
  const int64_t last = first + kernels::kBlockSize - 1;
  const int64_t id = LeastReaching(first - 1, last, first, [&](int64_t i) {
    row.block_mass[block] =
        BlockMass(kernels, row, block, {value, static_cast<uint32_t>(i)});
    return kernels.mass_of_blocks(row) >= search.target;
  });
  return Restrict(search, {value, static_cast<uint32_t>(id)});
}

}  // namespace logitd
