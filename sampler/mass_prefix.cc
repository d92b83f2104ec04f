#include "sampler/mass_prefix.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sampler/aim.h"
#include "sampler/bracket.h"

namespace logitd {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::RowView;

// Lists this short are sorted; longer ones are narrowed first.
constexpr uint32_t kSortMax = 96;
// Between a plain double sum and mass() of the same tokens, relative.
constexpr double kSumSlack = 0x1p-19;

struct Search {
  const KernelTable& kernels;
  double target;
  double slack;
  RowView* row;
  Workspace* workspace;
  bool keeps_weights;  // else only the cut is wanted

  // What a plain sum surely says of mass().
  bool Reaches(double sum) const { return sum - target > slack; }
  bool Misses(double sum) const { return target - sum > slack; }
};

// A row of one block of another, for what only that block changes.
class OneBlock {
 public:
  OneBlock(const Search& search, uint32_t block)
      : kernels_(search.kernels), block_(block), row_(*search.row) {
    row_.active = &block_;
    row_.active_count = 1;
  }
  OneBlock(const OneBlock&) = delete;
  OneBlock& operator=(const OneBlock&) = delete;

  // The block's part of mass(cut).
  float MassCut(Cut cut) const {
    return static_cast<float>(kernels_.mass_cut(row_, cut));
  }

 private:
  const KernelTable& kernels_;
  uint32_t block_;
  RowView row_;
};

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

// ---- a list of ids

// The ids of a bracket, rising or sorted. At its ends plain sums will do: they
// are surely below the target above it, and surely reach it with it.
struct Piece {
  uint32_t* ids;
  uint32_t count;
  Bracket bracket;
};

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
bool NarrowPiece(const Search& search, Piece* piece) {
  const float* l = search.row->l;
  Bracket bracket = piece->bracket;
  const double guess = CrossingOfLine(bracket, search.target);
  const double width = WidthOf(bracket);
  const float low = Pivot(guess - width / 8), high = Pivot(guess + width / 8);
  double from_low = bracket.above, from_high = bracket.above;
  for (uint32_t i = 0; i < piece->count; ++i) {
    const uint32_t id = piece->ids[i];
    const auto w = static_cast<double>(search.row->w[id]);
    from_low += l[id] >= low ? w : 0.0;
    from_high += l[id] >= high ? w : 0.0;
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

Doubt DoubtOf(const Search& search, const Piece& piece) {
  Doubt doubt = {-1, int64_t{piece.count} - 1};
  double sum = piece.bracket.above;
  for (uint32_t i = 0; i < piece.count; ++i) {
    sum += static_cast<double>(search.row->w[piece.ids[i]]);
    if (search.Misses(sum)) doubt.missing = i;
    if (search.Reaches(sum)) {
      doubt.reaching = i;
      break;
    }
  }
  return doubt;
}

// The crossing among the ids of a piece.
MassPrefix CrossingOfPiece(const Search& search, Piece piece) {
  RowView& row = *search.row;
  const KernelTable& kernels = search.kernels;
  while (piece.count > kSortMax && NarrowPiece(search, &piece)) {
  }
  uint32_t* const end = piece.ids + piece.count;
  // One value is in order already.
  if (!std::is_sorted(piece.ids, end, RankLess{row.l})) {
    std::sort(piece.ids, end, RankLess{row.l});
  }
  const auto cut_at = [&](int64_t i) {
    return Cut{row.l[piece.ids[i]], piece.ids[i]};
  };
  Doubt doubt = DoubtOf(search, piece);
  MassPrefix prefix = {cut_at(doubt.reaching), 0};
  if (!search.keeps_weights && doubt.reaching - doubt.missing == 1) {
    return prefix;
  }
  prefix.mass = kernels.restrict_to(row, prefix.cut, &row.active_count);
  // Shorter prefixes in doubt differ from it in the blocks of a few ids.
  std::vector<float>& masses = search.workspace->block_scratch();
  while (doubt.reaching - doubt.missing > 1) {
    masses.assign(row.block_mass, row.block_mass + row.block_count);
    const int64_t middle = (doubt.missing + doubt.reaching) / 2;
    const Cut shorter = cut_at(middle);
    for (int64_t i = middle + 1; i <= doubt.reaching; ++i) {
      const uint32_t block = piece.ids[i] / kernels::kBlockSize;
      row.block_mass[block] = OneBlock(search, block).MassCut(shorter);
    }
    const double mass = kernels.mass_of_blocks(row);
    if (mass >= search.target) {
      for (int64_t i = middle + 1; i <= doubt.reaching; ++i) {
        row.w[piece.ids[i]] = 0;
      }
      prefix = {shorter, mass};
      doubt.reaching = middle;
    } else {
      std::copy(masses.begin(), masses.end(), row.block_mass);
      doubt.missing = middle;
    }
  }
  return prefix;
}

// ---- many ids of one value

// More ids than fit share one value: the crossing is at one of them. First the
// block is found, by what each block has with and without them, then the id.
MassPrefix CrossingOfTie(const Search& search, const Bracket& bracket) {
  RowView& row = *search.row;
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
  const OneBlock one(search, block);
  const int64_t first = int64_t{block} * kernels::kBlockSize;
  const int64_t last = first + kernels::kBlockSize - 1;
  const int64_t id = LeastReaching(first - 1, last, first, [&](int64_t i) {
    row.block_mass[block] = one.MassCut({value, static_cast<uint32_t>(i)});
    return kernels.mass_of_blocks(row) >= search.target;
  });
  const Cut cut = {value, static_cast<uint32_t>(id)};
  if (!search.keeps_weights) return {cut, 0};
  return {cut, kernels.restrict_to(row, cut, &row.active_count)};
}

// Lists what lies between two values and narrows the bracket to it, or to the
// side of it where the crossing is. True if it is between them and the list
// holds it all.
bool ListBetween(const Search& search, float low, float high, Piece* piece) {
  double masses[2];
  piece->count = search.kernels.gather_mass(*search.row, low, high, piece->ids,
                                            Workspace::kGatherMax, masses);
  const bool reached = masses[0] >= search.target;
  const bool missed = masses[1] < search.target;
  piece->bracket.Take(KeyOf(low), masses[0], reached);
  piece->bracket.Take(KeyOf(high), masses[1], !missed);
  return reached && missed && piece->count < Workspace::kGatherMax;
}

// Between the inner pivots, or else between those of the side where it is.
bool ListAimedAt(const Search& search, const float* pivots, Piece* piece) {
  if (ListBetween(search, pivots[1], pivots[2], piece)) return true;
  if (piece->bracket.low >= KeyOf(pivots[2])) {
    return ListBetween(search, pivots[2], pivots[3], piece);
  }
  return piece->bracket.high <= KeyOf(pivots[1]) &&
         ListBetween(search, pivots[0], pivots[1], piece);
}

MassPrefix Find(const Search& search, const kernels::Scale& scale,
                Cut candidates, double mass) {
  const KernelTable& kernels = search.kernels;
  RowView* const row = search.row;
  Workspace* const workspace = search.workspace;
  const double target = search.target;
  const auto measure = [&](const float* pivots, double* masses) {
    kernels.mass_ge(*row, pivots, masses);
  };
  // Weights of non-candidates are 0, so only values at least theirs matter.
  const Bracket bracket = {KeyOf(candidates.value), KeyOf(scale.m) + 1, 0,
                           mass};
  Piece piece = {workspace->ids().data(), 0, bracket};
  float pivots[kernels::kPivots];
  if (!AimAtMass(kernels, *row, scale, candidates.value, target, mass,
                 workspace, pivots)) {
    Narrow(measure, target, pivots, &piece.bracket);
  } else if (ListAimedAt(search, pivots, &piece)) {
    return CrossingOfPiece(search, piece);
  }
  // Only where weights are: what stands elsewhere is of some row before.
  const auto list = [&](float low, float high) {
    double masses[2];
    return kernels.gather_mass(*row, low, high, piece.ids,
                               Workspace::kGatherMax, masses);
  };
  piece.count =
      Close(list, measure, row->l, target, *workspace, &piece.bracket);
  if (piece.count == Workspace::kGatherMax) {
    return CrossingOfTie(search, piece.bracket);
  }
  return CrossingOfPiece(search, piece);
}

}  // namespace

MassPrefix RestrictToMass(const KernelTable& kernels,
                          const kernels::Scale& scale, Cut candidates,
                          double target, double mass, RowView* row,
                          Workspace* workspace) {
  return Find({kernels, target, kSumSlack * mass, row, workspace, true}, scale,
              candidates, mass);
}

Cut PrefixOfMass(const KernelTable& kernels, const kernels::Scale& scale,
                 Cut candidates, double target, double mass, RowView* row,
                 Workspace* workspace) {
  return Find({kernels, target, kSumSlack * mass, row, workspace, false}, scale,
              candidates, mass)
      .cut;
}

}  // namespace logitd
