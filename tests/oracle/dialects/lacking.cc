#include "tests/oracle/dialects/lacking.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace logitd::dialects {

void Smooth(const Params& params, Ranked* left) {
  if (params.smoothing_factor == 0) return;
  const Real f = params.smoothing_factor, c = params.smoothing_curve;
  left->Bend([f, c](Real x) {
    return x * x * ((c - 1) / 2 * f * x - (3 - c) / 2 * f);
  });
}

void TemperAsLogitd(const Params& params, Real temperature, Ranked* left) {
  const Real range = params.dynamic_temperature_range;
  if (range > 0) {
    const Real low = std::max<Real>(1e-5L, temperature - range);
    const Real high = temperature + range;
    Real share = 0;
    if (left->size() > 1) {
      share = left->Entropy() / std::log(static_cast<Real>(left->size()));
    }
    const Real exponent = params.dynamic_temperature_exponent;
    temperature = low;
    if (share > 0) {
      temperature +=
          (high - low) * std::pow(std::min<Real>(share, 1), exponent);
    }
  }
  left->Temper(temperature);
  Smooth(params, left);
}

// Keeps l >= max - n * sigma, population sigma.
void CutTopNSigma(const Params& params, Ranked* left) {
  if (params.top_n_sigma == 0) return;
  const std::vector<Real>& l = left->logits();
  const Real count = static_cast<Real>(l.size());
  const Real mean = std::accumulate(l.begin(), l.end(), Real{0}) / count;
  Real squares = 0;
  for (Real x : l) squares += (x - mean) * (x - mean);
  const Real reach = params.top_n_sigma * std::sqrt(squares / count);
  size_t kept = 1;
  for (Real x : l) {
    if (x != l[0]) left->NoteDistance(std::fabs(l[0] - x - reach));
  }
  while (kept < l.size() && l[0] - l[kept] <= reach) ++kept;
  left->Keep(kept);
}

// The shortest prefix of mass >= p by |ln p_i - mean of ln p|, then by id.
void CutTypical(const Params& params, Ranked* left) {
  if (params.typical_p == 1) return;
  const std::vector<Real> p = left->Probabilities();
  const Real entropy = left->Entropy();
  std::vector<Real> score;
  score.reserve(p.size());
  for (Real x : p) score.push_back(std::fabs(-std::log(x) - entropy));
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return score[a] < score[b]; });
  std::vector<bool> kept(p.size(), false);
  Real mass = 0;
  size_t count = 0;
  while (count < order.size()) {
    kept[order[count]] = true;
    mass += p[order[count++]];
    if (count < order.size()) {
      left->NoteDistance(std::fabs(mass - params.typical_p));
    }
    if (mass >= params.typical_p) break;
  }
  if (count < order.size()) {
    const Real step = score[order[count]] - score[order[count - 1]];
    if (step == 0) left->NoteTie();
    if (step != 0) left->NoteDistance(step);
  }
  left->Keep(kept);
}

void CutEpsilonAndEta(const Params& params, Ranked* left) {
  if (params.epsilon_cutoff > 0) {
    left->Keep(left->AtLeast(params.epsilon_cutoff));
  }
  if (params.eta_cutoff > 0) {
    const Real eta = params.eta_cutoff;
    const Real other = std::sqrt(eta) * std::exp(-left->Entropy());
    left->Keep(left->AtLeast(std::min(eta, other)));
  }
}

void CutTopA(const Params& params, Ranked* left) {
  if (params.top_a == 0) return;
  const Real largest = left->Probabilities()[0];
  left->Keep(left->AtLeast(params.top_a * largest * largest));
}

void CutTailFree(const Params& params, Ranked* left) {
  if (params.tail_free == 1 || left->size() < 3) return;
  const std::vector<Real> p = left->Probabilities();
  std::vector<Real> bend;
  for (size_t i = 0; i + 2 < p.size(); ++i) {
    bend.push_back(std::fabs(p[i] - 2 * p[i + 1] + p[i + 2]));
  }
  const Real all = std::accumulate(bend.begin(), bend.end(), Real{0});
  Real sum = bend[0];
  for (size_t i = 1; i < bend.size(); ++i) {
    sum += bend[i];
    left->NoteDistance(std::fabs(sum - params.tail_free * all));
    if (sum > params.tail_free * all) {
      left->Keep(left->TopKExactly(i));
      return;
    }
  }
}

void CutTopH(const Params& params, Ranked* left) {
  if (params.top_h == 1) return;
  const Real limit = params.top_h * left->Entropy();
  Real sum = 0;
  size_t count = 0;
  for (Real p : left->Probabilities()) {
    if (p > 0) sum -= p * std::log(p);
    left->NoteDistance(std::fabs(sum - limit));
    if (count > 0 && sum > limit) break;
    ++count;
  }
  left->Keep(left->TopKExactly(count));
}

void CutPLess(const Params& params, Ranked* left) {
  if (!params.p_less) return;
  Real sum = 0;
  for (Real p : left->Probabilities()) sum += p * p;
  left->Keep(left->AtLeast(sum));
}

void CutXtc(const Params& params, Ranked* left) {
  if (!params.xtc_applies) return;
  const std::vector<Real> p = left->Probabilities();
  size_t above = 0;
  for (Real x : p) left->NoteDistance(std::fabs(x - params.xtc_threshold));
  while (above < p.size() && p[above] >= params.xtc_threshold) ++above;
  if (above < 2) return;
  const Ids& kept_anyhow = params.xtc_protected_ids;
  std::vector<bool> kept(p.size(), true);
  for (size_t i = 0; i + 1 < above; ++i) {
    kept[i] = std::find(kept_anyhow.begin(), kept_anyhow.end(),
                        left->ids()[i]) != kept_anyhow.end();
  }
  left->TopKExactly(above - 1);  // notes ties at this cut
  left->Keep(kept);
}

void CutFromTypicalOn(const Params& params, size_t vocab_size, Ranked* left) {
  CutTypical(params, left);
  CutEpsilonAndEta(params, left);
  CutTopA(params, left);
  CutTailFree(params, left);
  CutTopH(params, left);
  CutPLess(params, left);
  CutXtc(params, left);
  Steer(params, vocab_size, left);
}

}  // namespace logitd::dialects
