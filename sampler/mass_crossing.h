// The last part of a search by mass: among listed ids, or ids of one value, the
// one at which mass() of the rank up to it reaches the target. For
// mass_prefix.h, which lists them.
//
// Sums are plain doubles where those will do; mass() itself decides where a
// plain sum is too close to the target, block by block.
#ifndef LOGITD_SAMPLER_MASS_CROSSING_H_
#define LOGITD_SAMPLER_MASS_CROSSING_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "sampler/bracket.h"
#include "sampler/kernels/kernels.h"
#include "sampler/workspace.h"

namespace logitd {

// The shortest prefix of a search, and the mass of the weights that were kept.
struct MassPrefix {
  kernels::Cut cut;
  double mass;
  std::optional<uint64_t> count;  // of its ids, where it is known
};

// Terms w * (log_mass - d) that stand for weights. `terms` is where they are
// written when single ones will not do: with the row's l and active list.
struct Surprisals {
  kernels::Scale scale;
  float log_mass;
  kernels::RowView terms;
};

// What is looked for, and what to do with it.
struct MassSearch {
  const kernels::KernelTable& kernels;
  double target;
  double slack;  // of plain sums
  kernels::RowView* row;
  Workspace* workspace;
  bool keeps_weights;      // restricted to what is found; else undefined after
  Surprisals* surprisals;  // whose sum is to reach the target, or nullptr: mass
  // Of the row, with the crossing between its ends; nullptr: none has been
  // made.
  const kernels::Listing* listing = nullptr;

  // Of one token.
  double Term(uint32_t id) const {
    const float w = row->w[id];
    if (surprisals == nullptr) return static_cast<double>(w);
    if (!(w > 0)) return 0;
    const float d = kernels::DOf(surprisals->scale, row->l[id]);
    return static_cast<double>(w * (surprisals->log_mass - d));
  }

  // What a plain sum surely says of mass().
  bool Reaches(double sum) const { return sum - target > slack; }
  bool Misses(double sum) const { return target - sum > slack; }
};

// The ids of a bracket, rising or sorted. At its ends plain sums will do: they
// are surely below the target above it, and surely reach it with it.
struct Piece {
  uint32_t* ids;
  uint32_t count;
  Bracket bracket;
};

// The crossing among the ids of a piece.
MassPrefix CrossingOfPiece(const MassSearch& search, Piece piece);

// More ids than a list holds share one value: the crossing is at one of them.
// `row` is of what is measured.
MassPrefix CrossingOfTie(const MassSearch& search, const kernels::RowView& row,
                         const Bracket& bracket);

// Restricts weights to a prefix that the crossing is in. Returns a row of what
// is measured of them: itself, or their surprisals. *count: how many of the
// prefix are in its active blocks.
const kernels::RowView& RestrictMeasured(const MassSearch& search,
                                         kernels::Cut cut, uint64_t* count);

// Takes `ids`, all that are behind `cut`, off weights that were restricted to a
// longer prefix. Returns mass(cut).
double TakeOff(const kernels::KernelTable& kernels, kernels::Cut cut,
               absl::Span<const uint32_t> ids, kernels::RowView* row);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_MASS_CROSSING_H_
