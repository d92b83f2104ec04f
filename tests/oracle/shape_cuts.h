// The temperature and the cuts, as the page says them.
// Part of shape.h, which includes it.
#ifndef LOGITD_TESTS_ORACLE_SHAPE_CUTS_H_
#define LOGITD_TESTS_ORACLE_SHAPE_CUTS_H_

#include "tests/oracle/shape.h"

namespace logitd::oracle {

template <class A>
void Shaper<A>::Temperature() {
  double temperature = params_.temperature;
  greedy_ = temperature < 1e-5;
  if (greedy_) return;
  if (params_.dynamic_range > 0) {
    const N spread = Spread();
    const double low = std::max(1e-5, temperature - params_.dynamic_range);
    const double high = temperature + params_.dynamic_range;
    map_.it = static_cast<float>(static_cast<double>(
        1 / (static_cast<N>(low) + static_cast<N>(high - low) * spread)));
  } else {
    map_.it = static_cast<float>(1 / temperature);
  }
  const double f = params_.smoothing_factor, c = params_.smoothing_curve;
  map_.square = static_cast<float>((3 - c) / 2 * f);
  map_.cube = static_cast<float>((c - 1) / 2 * f);
  tempered_ = map_;
}

template <class A>
typename A::N Shaper<A>::Spread() {
  if (ids_.size() < 2) return 0;
  const N most = A::Log(static_cast<N>(ids_.size()));
  const N entropy = Entropy();
  slack_ = 2 * (1 + params_.dynamic_exponent) *
           (1 + 1 / std::max<Real>(static_cast<Real>(entropy), 1e-12L));
  const N share = std::min<N>(entropy / most, 1);
  if (share < std::numeric_limits<double>::min()) return 0;
  return A::Exp(static_cast<N>(params_.dynamic_exponent) * A::Log(share));
}

template <class A>
void Shaper<A>::TopNSigma() {
  if (params_.top_n_sigma == 0) return;
  const N count = static_cast<N>(ids_.size());
  const N mean =
      SumOf([&](uint32_t id) { return static_cast<W>(D(id)); }) / count;
  const float center = static_cast<float>(mean);
  const N squares = SumOf([&](uint32_t id) {
    const W off = static_cast<W>(D(id)) - center;
    return off * off;
  });
  if (!(squares >= 0x1p-100 && squares < 0x1p120)) return;
  Floor(-(params_.top_n_sigma * std::sqrt(squares / count)));
}

template <class A>
void Shaper<A>::TopK() {
  if (params_.top_k != 0) First(params_.top_k);
}

template <class A>
void Shaper<A>::TopP() {
  if (params_.top_p == 1) return;
  const N mass = Mass();
  First(Reach(ids_, Product(params_.top_p, mass), mass,
              [&](uint32_t id) { return Weight(id); }));
}

template <class A>
void Shaper<A>::MinP() {
  if (params_.min_p < std::numeric_limits<double>::min()) return;
  Floor(A::Log(static_cast<N>(params_.min_p)));
}

template <class A>
void Shaper<A>::Typical() {
  if (params_.typical_p == 1) return;
  const float center = static_cast<float>(MeanD());
  const auto distance = [&](uint32_t id) { return std::abs(D(id) - center); };
  Ids order = ids_;
  std::sort(order.begin(), order.end());
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return distance(a) < distance(b);
  });
  const N mass = Mass();
  const double target = Product(params_.typical_p, mass);
  const size_t n = std::min(
      order.size(),
      Reach(order, target, mass, [&](uint32_t id) { return Weight(id); }));
  if (n < order.size()) {
    for (uint32_t id : ids_) {  // which of two is nearer
      const float d = D(order[n - 1]), next = D(order[n]);
      if (D(id) != d && std::abs(distance(id) - distance(order[n - 1])) <
                            2e-6f * (1 + std::abs(d))) {
        Near(0);
      }
      if (D(id) != next && std::abs(distance(id) - distance(order[n])) <
                               2e-6f * (1 + std::abs(next))) {
        Near(0);
      }
    }
  }
  const std::set<uint32_t> stay(order.begin(),
                                order.begin() + static_cast<std::ptrdiff_t>(n));
  Rewrite([&](uint32_t id) { return stay.count(id) > 0; });
}

template <class A>
void Shaper<A>::Epsilon() {
  if (!IsOff(params_.epsilon)) {
    Probable(A::Log(static_cast<N>(params_.epsilon)));
  }
}

template <class A>
void Shaper<A>::Eta() {
  if (IsOff(params_.eta)) return;
  const N log_eta = A::Log(static_cast<N>(params_.eta));
  Probable(std::min(log_eta, static_cast<N>(0.5) * log_eta - Entropy()));
}

template <class A>
void Shaper<A>::TopA() {
  if (IsOff(params_.top_a)) return;
  Probable(A::Log(static_cast<N>(params_.top_a)) - 2 * A::Log(Mass()));
}

template <class A>
void Shaper<A>::TailFree() {
  if (params_.tail_free == 1 || ids_.size() <= 2) return;
  const size_t n = ids_.size();
  std::vector<N> w(n), bend(n - 2);
  for (size_t i = 0; i < n; ++i) w[i] = static_cast<N>(Weight(ids_[i]));
  N sum = 0, reached = 0;
  for (size_t i = 0; i + 2 < n; ++i) {
    bend[i] = std::abs((w[i] - w[i + 1]) - (w[i + 1] - w[i + 2]));
    sum += bend[i];
  }
  // A bend is no better known than the weights it comes from.
  const N known = (sum + Mass()) / 4;
  for (size_t i = 0; i + 2 < n; ++i) {
    reached += bend[i];
    if (i == 0) continue;
    Near(static_cast<Real>((reached - params_.tail_free * sum) / known));
    if (reached > params_.tail_free * sum) return First(i);
  }
}

template <class A>
void Shaper<A>::TopH() {
  if (params_.top_h == 1) return;
  const float log_mass = static_cast<float>(A::Log(Mass()));
  const auto term = [&](uint32_t id) {
    return Product(Weight(id), log_mass - D(id));
  };
  const N entropy = SumOf(term);
  const double above = std::nextafter(Product(params_.top_h, entropy),
                                      std::numeric_limits<double>::infinity());
  // The entropy is no better known than the mass it comes from.
  const N known = (entropy + Mass() * (1 + log_mass)) / 4;
  First(std::max<size_t>(Reach(ids_, above, known, term), 2) - 1);
}

template <class A>
void Shaper<A>::PLess() {
  if (!params_.p_less) return;
  const N squares = SumOf([&](uint32_t id) { return Weight(id) * Weight(id); });
  Probable(A::Log(squares) - 2 * A::Log(Mass()));
}

template <class A>
void Shaper<A>::Xtc() {
  if (params_.xtc_probability == 0) return;
  const uint64_t noise = Noise(at_, 3, 0);
  const double u = (static_cast<double>(noise >> 12) + 0.5) * 0x1p-52;
  if (!(u < params_.xtc_probability)) return;
  const double t = params_.xtc_threshold;
  const N floor =
      IsOff(t) ? -kInfinity : A::Log(static_cast<N>(t)) + A::Log(Mass());
  Near(static_cast<Real>(floor));
  if (floor > 0) return;
  Ids all = ids_;
  if (floor != -kInfinity) Floor(floor);
  Ids above = ids_;
  ids_ = all;
  if (above.size() < 2) return;
  above.pop_back();
  const Ids& safe = params_.xtc_protected_ids;
  std::set<uint32_t> gone(above.begin(), above.end());
  for (uint32_t id : safe) gone.erase(id);
  Rewrite([&](uint32_t id) { return gone.count(id) == 0; });
}

}  // namespace logitd::oracle

#endif  // LOGITD_TESTS_ORACLE_SHAPE_CUTS_H_
