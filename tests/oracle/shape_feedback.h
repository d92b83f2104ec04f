// Mirostat and adaptive_p: what they keep, and what they learn of a token.
// Part of shape.h, which includes it.
#ifndef LOGITD_TESTS_ORACLE_SHAPE_FEEDBACK_H_
#define LOGITD_TESTS_ORACLE_SHAPE_FEEDBACK_H_

#include "tests/oracle/shape.h"

namespace logitd::oracle {

template <class A>
Feedback Shaper<A>::After(uint32_t token) const {
  Feedback next = feedback_;
  if (std::find(ids_.begin(), ids_.end(), token) == ids_.end()) return next;
  if (params_.mirostat != 0) {
    const N logprob = static_cast<N>(D(token)) - A::Log(Mass());
    const N surprise = -logprob / kLn2;
    next.mu = static_cast<double>(Mu() - params_.mirostat_eta *
                                             (surprise - params_.mirostat_tau));
  }
  if (params_.adaptive_target > 0) {
    const double total = 1 / (1 - params_.adaptive_decay);
    const bool first = !feedback_.has_sums;
    const double weighted =
        first ? params_.adaptive_target * total : feedback_.weighted;
    const N p = A::Exp(static_cast<N>(steered_d_[token]) - log_steered_mass_);
    next.has_sums = true;
    next.weighted = static_cast<double>(p + params_.adaptive_decay * weighted);
    next.total = 1 + params_.adaptive_decay * (first ? total : feedback_.total);
  }
  return next;
}

template <class A>
void Shaper<A>::Mirostat() {
  if (params_.mirostat == 2) {
    const N floor = A::Log(Mass()) - Mu() * kLn2;
    Near(static_cast<Real>(floor));
    if (floor > 0) {
      First(1);
    } else {
      Floor(floor);
    }
  }
  if (params_.mirostat != 1 || l_.size() < 2) return;
  N products = 0, squares = 0;
  for (size_t i = 0; i + 1 < std::min<size_t>(ids_.size(), 100); ++i) {
    const float d = D(ids_[i]), next = D(ids_[i + 1]);
    if (next < -87) break;
    const N t = A::Log(static_cast<N>(i + 2) / static_cast<N>(i + 1));
    products += t * (static_cast<N>(d) - static_cast<N>(next));
    squares += t * t;
  }
  if (!(squares > 0) || !(products > 0)) return;
  const N s = products / squares, e = s - 1;
  const N log_size = A::Log(static_cast<N>(l_.size()));
  const N share = e == 0 ? 1 / log_size : e / (1 - A::Exp(-e * log_size));
  const N log_count = (A::Log(share) + Mu() * kLn2) / s;
  Near(static_cast<Real>(log_count - log_size));
  if (!(log_count < log_size)) return;
  const N count = A::Exp(log_count);
  Near(static_cast<Real>((count - std::round(count)) / std::max<N>(count, 1)));
  First(count < 1 ? 1 : static_cast<size_t>(count));
}

template <class A>
void Shaper<A>::AdaptiveP() {
  if (params_.adaptive_target == 0) return;
  double target = params_.adaptive_target;
  if (feedback_.has_sums) {
    target = 2 * target - feedback_.weighted / feedback_.total;
  }
  const W near =
      static_cast<W>(static_cast<float>(std::min(std::max(target, 0.0), 1.0)));
  const N mass = Mass();
  const W inverse = static_cast<W>(static_cast<float>(1 / mass));
  log_steered_mass_ = A::Log(mass);
  steered_d_.assign(l_.size(), kBanned);
  std::vector<float> l(l_.size(), kBanned);
  for (uint32_t id : ids_) {
    steered_d_[id] = D(id);
    const W p = Weight(id) * inverse;
    const W x = std::abs(p - near) * static_cast<W>(1.0f / 0.3f);
    l[id] = static_cast<float>(5 - 10 * (x * x) / (1 + x));
  }
  KeepOriginal();
  slack_ *= 4;  // logits up to 50 apart, in fp32
  l_ = std::move(l);
  map_ = {};
  Rerank();
}

}  // namespace logitd::oracle

#endif  // LOGITD_TESTS_ORACLE_SHAPE_FEEDBACK_H_
