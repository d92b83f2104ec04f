#include "sampler/mass_prefix.h"

#include "sampler/aim.h"
#include "sampler/block_sample.h"
#include "sampler/bracket.h"

namespace logitd {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::Listing;
using kernels::RowView;

// Between a plain double sum and mass() of the same tokens, relative.
constexpr double kSumSlack = 0x1p-19;

// Lists what lies between two values, of a row of what is measured.
Listing List(const MassSearch& search, const RowView& row, float low,
             float high) {
  Listing listing = {low, high, search.workspace->ids().data(),
                     Workspace::kGatherMax, search.workspace->listed_masses()};
  search.kernels.gather_mass(row, &listing);
  return listing;
}

// Narrows the bracket to what was listed, or to the side of it where the
// crossing is. True if it is between the listing's ends.
bool TakeListing(double target, const Listing& listing, Piece* piece) {
  piece->count = listing.count;
  const bool reached = listing.from_low >= target;
  const bool missed = listing.from_high < target;
  piece->bracket.Take(KeyOf(listing.low), listing.from_low, reached);
  piece->bracket.Take(KeyOf(listing.high), listing.from_high, !missed);
  return reached && missed;
}

// The two pivots between which to look when the crossing is not between the
// inner two.
const float* Beside(const float* pivots, const Bracket& bracket) {
  return bracket.low >= KeyOf(pivots[2]) ? pivots + 2 : pivots;
}

// Where neither list holds the crossing: by passes that narrow it down. Of a
// row of what is measured. `listed` if the list is full of the bracket's.
MassPrefix FindByPasses(const MassSearch& search, const RowView& row,
                        bool listed, Piece* piece) {
  // Only where weights are: what stands elsewhere is of some row before.
  const auto list = [&](float low, float high) {
    return List(search, row, low, high).count;
  };
  const auto measure = [&](const float* pivots, double* masses) {
    search.kernels.mass_ge(row, pivots, masses);
  };
  piece->count = Close(list, measure, row.l, search.target, *search.workspace,
                       listed, &piece->bracket);
  if (piece->count == Workspace::kGatherMax) {
    return CrossingOfTie(search, row, piece->bracket);
  }
  return CrossingOfPiece(search, *piece);
}

// Weights of non-candidates are 0, so only values at least theirs matter.
Bracket EndsOf(const kernels::Scale& scale, Cut candidates, double mass) {
  return {KeyOf(candidates.value), KeyOf(scale.m) + 1, 0, mass};
}

MassPrefix Find(MassSearch search, const kernels::Scale& scale, Cut candidates,
                double mass) {
  const RowView& row = *search.row;
  if (row.active_count < BlockSample::kWorthwhile) {
    // A list holds them all.
    Piece piece = {search.workspace->ids().data(), 0,
                   EndsOf(scale, candidates, mass)};
    const float low = ValueOf(piece.bracket.low);
    const float high = ValueOf(piece.bracket.high);
    piece.count = List(search, row, low, high).count;
    return CrossingOfPiece(search, piece);
  }
  const Aim aim = AimAtMass(search.kernels, row, scale, candidates.value,
                            search.target, mass, search.workspace);
  const float* const pivots = aim.pivots;
  Piece piece = {search.workspace->ids().data(), 0,
                 EndsOf(scale, candidates, mass)};
  Listing listing;
  const auto take = [&](const float* ends) {
    listing = List(search, row, ends[0], ends[1]);
    return TakeListing(search.target, listing, &piece);
  };
  bool listed = false;
  if (aim.fits_list) {
    listed = take(pivots + 1) || take(Beside(pivots, piece.bracket));
  } else {
    const auto measure = [&](const float* at, double* masses) {
      search.kernels.mass_ge(row, at, masses);
    };
    Narrow(measure, search.target, pivots, &piece.bracket);
  }
  if (listed && piece.count < Workspace::kGatherMax) {
    search.listing = &listing;
    return CrossingOfPiece(search, piece);
  }
  return FindByPasses(search, row, listed, &piece);
}

}  // namespace

MassPrefix RestrictToMass(const KernelTable& kernels,
                          const kernels::Scale& scale, Cut candidates,
                          double target, double mass, RowView* row,
                          Workspace* workspace) {
  return Find({kernels, target, kSumSlack * mass, row, workspace,
               /*keeps_weights=*/true, nullptr, nullptr},
              scale, candidates, mass);
}

Cut PrefixOfMass(const KernelTable& kernels, const kernels::Scale& scale,
                 Cut candidates, double target, double mass, RowView* row,
                 Workspace* workspace) {
  return Find({kernels, target, kSumSlack * mass, row, workspace,
               /*keeps_weights=*/false, nullptr, nullptr},
              scale, candidates, mass)
      .cut;
}

std::optional<MassPrefix> RestrictToSurprisal(const KernelTable& kernels,
                                              const kernels::Scale& scale,
                                              Cut candidates, double mass,
                                              float log_mass, double share,
                                              RowView* row,
                                              Workspace* workspace) {
  Surprisals surprisals = {scale, log_mass, workspace->SecondWeights()};
  const Aim aim = AimAtSurprisal(kernels, *row, scale, candidates.value, mass,
                                 log_mass, share, surprisals.terms, workspace);
  const auto list = [&](const float* ends, double* sum) {
    Listing listing = {ends[0], ends[1], workspace->ids().data(),
                       Workspace::kGatherMax};
    *sum = kernels.surprisals(*row, scale, log_mass, &listing);
    return listing;
  };
  double sum = 0;
  const Listing first = list(aim.pivots + 1, &sum);
  const double target = NextAbove(share * sum);
  if (target > sum) return std::nullopt;
  const MassSearch search = {kernels,     target,    kSumSlack * sum,
                             row,         workspace, /*keeps_weights=*/true,
                             &surprisals, nullptr};
  Piece piece = {workspace->ids().data(), 0, EndsOf(scale, candidates, sum)};
  const bool listed =
      TakeListing(target, first, &piece) ||
      TakeListing(target, list(Beside(aim.pivots, piece.bracket), &sum),
                  &piece);
  if (listed && piece.count < Workspace::kGatherMax) {
    return CrossingOfPiece(search, piece);
  }
  uint64_t count = 0;
  return FindByPasses(search, RestrictMeasured(search, candidates, &count),
                      listed, &piece);
}

}  // namespace logitd
