// Mirostat and adaptive_p as logitd/1 has them, in real numbers.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "tests/oracle/dialects/lacking.h"

namespace logitd::dialects {
namespace {

// s of p_i ~ i^-s by least squares over the first hundred that weigh something.
Real ZipfExponent(Ranked* left) {
  constexpr size_t kLookedAt = 100;
  constexpr Real kWeighsNothing = 87;  // so far below the largest
  const std::vector<Real>& l = left->logits();
  Real products = 0, squares = 0;
  for (size_t i = 1; i < std::min(kLookedAt, l.size()); ++i) {
    left->NoteDistance(std::fabs(l[0] - l[i] - kWeighsNothing));
    if (l[0] - l[i] > kWeighsNothing) break;
    const Real t = std::log(static_cast<Real>(i + 1) / static_cast<Real>(i));
    products += t * (l[i - 1] - l[i]);
    squares += t * t;
  }
  return squares > 0 ? products / squares : 0;
}

void CutMirostat1(Real mu, size_t vocab_size, Ranked* left) {
  const Real s = ZipfExponent(left);
  if (s <= 0 || vocab_size < 2) return;
  const Real e = s - 1, log_n = std::log(static_cast<Real>(vocab_size));
  const Real share = e == 0 ? 1 / log_n : e / (1 - std::exp(-e * log_n));
  const Real log_k = (std::log(share) + mu * std::log(Real{2})) / s;
  if (log_k >= log_n + 1) return;  // none has so many
  const Real k = std::exp(log_k);
  left->NoteDistance(std::fabs(k - std::round(k)) / std::max<Real>(k, 1));
  if (log_k >= log_n) return;
  left->Keep(left->TopKExactly(k < 1 ? 1 : static_cast<size_t>(k)));
}

// Those that surprise by mu bits at most; one where all surprise more.
void CutMirostat2(Real mu, Ranked* left) {
  size_t count = 0;
  const std::vector<Real> p = left->Probabilities();
  for (Real x : p) {
    left->NoteDistance(std::fabs(-std::log2(x) - mu) / std::max<Real>(mu, 1));
  }
  while (count < p.size() && -std::log2(p[count]) <= mu) ++count;
  left->Keep(left->TopKExactly(std::max<size_t>(count, 1)));
}

void AdaptP(const Params& params, Ranked* left) {
  Real aim = params.adaptive_p_target;
  if (params.adaptive_p_total_weight != 0) {
    aim = std::clamp<Real>(2 * aim - Real{params.adaptive_p_weighted_sum} /
                                         params.adaptive_p_total_weight,
                           0, 1);
  }
  std::vector<Real> logits;
  for (Real p : left->Probabilities()) {
    const Real x = std::fabs(p - aim) / 0.3L;
    logits.push_back(5 - 10 * x * x / (1 + x));
  }
  left->Replace(logits);
}

}  // namespace

void Steer(const Params& params, size_t vocab_size, Ranked* left) {
  if (params.mirostat == 1) CutMirostat1(params.mirostat_mu, vocab_size, left);
  if (params.mirostat == 2) CutMirostat2(params.mirostat_mu, left);
  if (params.adaptive_p) AdaptP(params, left);
}

}  // namespace logitd::dialects
