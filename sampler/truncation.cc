#include "sampler/truncation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "sampler/mass_prefix.h"
#include "sampler/natural_log.h"
#include "sampler/prefix.h"

namespace logitd {
namespace {

using kernels::Cut;
using kernels::RowView;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Keeps probabilities whose logarithm is at least this; the largest always.
void KeepProbable(double log_probability, Candidates* candidates) {
  const double floor = log_probability + candidates->LogMass();
  candidates->KeepFloor(static_cast<float>(std::min(floor, 0.0)));
}

}  // namespace

void TopNSigma(double sigmas, Candidates* candidates) {
  const kernels::KernelTable& kernels = candidates->kernels();
  const RowView& row = candidates->row();
  const auto count = static_cast<double>(candidates->Count());
  const double mean =
      kernels.sum_of_d(row, candidates->scale(), candidates->cut()) / count;
  const double squares = kernels.squares_around(
      row, candidates->scale(), candidates->cut(), static_cast<float>(mean));
  // Squares that fp32 hardly holds say nothing.
  if (!(squares >= 0x1p-100 && squares < 0x1p120)) return;
  const double reach = sigmas * std::sqrt(squares / count);
  candidates->KeepFloor(static_cast<float>(-reach));
}

void TopK(uint32_t k, const DialectRules& rules, Candidates* candidates) {
  Cut cut = PrefixOfCount(candidates->kernels(), candidates->row(), k,
                          candidates->workspace());
  if (!rules.top_k_keeps_equals) return candidates->Keep(cut, k);
  cut.id = kernels::kNone;
  candidates->Keep(cut);
}

namespace {

// What a prefix must reach to have a share p of a mass, or more than that.
double ShareOf(double mass, double p, bool beyond) {
  return beyond ? NextAbove(p * mass) : p * mass;
}

}  // namespace

void TopP(double p, const DialectRules& rules, Candidates* candidates) {
  if (p == 1) return;
  const double mass = candidates->MassToSearch();
  const double target = ShareOf(mass, p, rules.top_p_goes_beyond);
  if (target <= mass) candidates->KeepMass(target);
}

void Typical(double p, const DialectRules& rules, Candidates* candidates) {
  const kernels::KernelTable& kernels = candidates->kernels();
  const double mass = candidates->Mass();
  const auto center = static_cast<float>(candidates->MeanD());
  candidates->BeginRewrite();
  RowView& keys = candidates->workspace()->ReserveSecond();
  kernels.distances(candidates->row(), candidates->scale(), candidates->cut(),
                    center, keys);
  const double target = ShareOf(mass, p, rules.typical_goes_beyond);
  Cut nearest = kAllAllowed;
  if (target <= mass) {
    const kernels::Scale plain = {kernels.largest(keys), 1.0f};
    nearest = PrefixOfMass(kernels, plain, kAllAllowed, target, mass, &keys,
                           candidates->workspace());
  }
  if (rules.typical_keeps_equals) nearest.id = kernels::kNone;
  kernels.keep_by_keys(candidates->row(), keys, nearest);
  candidates->EndRewrite();
}

void EpsilonCutoff(double log_epsilon, Candidates* candidates) {
  KeepProbable(log_epsilon, candidates);
}

void EtaCutoff(double log_eta, Candidates* candidates) {
  const double by_entropy = 0.5 * log_eta - candidates->Entropy();
  KeepProbable(std::min(log_eta, by_entropy), candidates);
}

void TopA(double log_a, Candidates* candidates) {
  // The largest weighs 1.
  KeepProbable(log_a - 2.0 * candidates->LogMass(), candidates);
}

void PLess(Candidates* candidates) {
  const double log_mass = candidates->LogMass();
  const double squares =
      candidates->kernels().squares_of_weights(candidates->row());
  KeepProbable(LogD(squares) - 2.0 * log_mass, candidates);
}

void TailFree(double z, Candidates* candidates) {
  candidates->Mass();
  candidates->workspace()->MakeWhole();
  const RowView& row = candidates->row();
  std::vector<uint32_t>& ids = candidates->workspace()->all_ids();
  size_t count = 0;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t first = row.active[a] * kernels::kBlockSize;
    for (uint32_t id = first; id < first + kernels::kBlockSize; ++id) {
      if (row.w[id] > 0) ids[count++] = id;
    }
  }
  SortByRank(row, {ids.data(), count});
  const auto weight = [&](size_t i) {
    return i < count ? static_cast<double>(row.w[ids[i]]) : 0.0;
  };
  const auto slope = [&](size_t i) { return weight(i) - weight(i + 1); };
  // Behind those that weigh nothing bends any more.
  const size_t bends = std::min<size_t>(candidates->Count(), count + 3);
  double sum = 0;
  for (size_t i = 0; i + 2 < bends; ++i) {
    sum += std::abs(slope(i) - slope(i + 1));
  }
  double reached = 0;
  for (size_t i = 0; i + 2 < bends; ++i) {
    reached += std::abs(slope(i) - slope(i + 1));
    if (i == 0 || !(reached > z * sum)) continue;
    const uint32_t last = ids[i - 1];
    candidates->Keep({row.l[last], last});
    return;
  }
}

void TopH(double h, const DialectRules& rules, Candidates* candidates) {
  if (rules.top_h_candidates > 0) {
    candidates->KeepFirst(rules.top_h_candidates);
  }
  candidates->KeepSurprisal(h);
}

void ExcludeTopChoices(const Xtc& xtc, absl::Span<const uint32_t> protected_ids,
                       const NoisePoint& at, Candidates* candidates) {
  const double coin = Uniform(Noise(at, Purpose::kXtcCoin, 0));
  if (!(coin < xtc.probability)) return;
  const double floor = xtc.log_threshold + candidates->LogMass();
  if (floor > 0) return;  // not even the first reaches it
  Cut above = floor == -kInfinity ? candidates->cut()
                                  : PrefixOfFloor(candidates->scale(),
                                                  static_cast<float>(floor));
  if (AtMost(candidates->cut(), above)) above = candidates->cut();
  above = candidates->kernels().last_of(candidates->row(), above);
  if (candidates->WithoutLast(&above)) candidates->Ban(above, protected_ids);
}

}  // namespace logitd
