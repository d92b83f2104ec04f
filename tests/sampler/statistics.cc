#include "tests/sampler/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace logitd::tests {
namespace {

using Real = long double;

// The regularised incomplete gamma functions P (by its series, for x < a + 1)
// and Q (by its continued fraction, else). Abramowitz and Stegun 6.5.29, .31.
Real GammaP(Real a, Real x) {
  Real term = 1 / a, sum = term;
  for (Real n = a + 1; term > sum * 1e-18L; n += 1) {
    term *= x / n;
    sum += term;
  }
  return sum * std::exp(a * std::log(x) - x - std::lgamma(a));
}

Real GammaQ(Real a, Real x) {
  constexpr Real kTiny = 1e-300L;
  Real b = x + 1 - a, c = 1 / kTiny, d = 1 / b, product = d;
  for (int n = 1; n < 100000; ++n) {
    const Real an = -n * (n - a);
    b += 2;
    d = 1 / (std::abs(an * d + b) < kTiny ? kTiny : an * d + b);
    c = std::abs(b + an / c) < kTiny ? kTiny : b + an / c;
    product *= d * c;
    if (std::abs(d * c - 1) < 1e-17L) break;
  }
  return product * std::exp(a * std::log(x) - x - std::lgamma(a));
}

}  // namespace

double ChiSquareTail(double statistic, double degrees) {
  if (statistic <= 0) return 1;
  const Real a = Real{degrees} / 2, x = Real{statistic} / 2;
  return static_cast<double>(x < a + 1 ? 1 - GammaP(a, x) : GammaQ(a, x));
}

double PoissonTail(uint64_t count, double mean) {
  // P(X >= n) = P(gamma(n) <= mean).
  if (count == 0) return 1;
  const Real a = static_cast<Real>(count), x = mean;
  return static_cast<double>(x < a + 1 ? GammaP(a, x) : 1 - GammaQ(a, x));
}

double ChiSquareP(const std::vector<uint64_t>& counts,
                  const std::vector<double>& probabilities) {
  constexpr double kPoolBelow = 50;
  const double draws = static_cast<double>(
      std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
  double statistic = 0, pooled = 0, pooled_expected = 0;
  int cells = 0;
  const auto add = [&](double count, double expected) {
    statistic += (count - expected) * (count - expected) / expected;
    ++cells;
  };
  for (size_t i = 0; i < counts.size(); ++i) {
    const double count = static_cast<double>(counts[i]);
    const double expected = probabilities[i] * draws;
    if (expected == 0 && count > 0) return 0;
    if (expected < kPoolBelow) {
      pooled += count;
      pooled_expected += expected;
    } else {
      add(count, expected);
    }
  }
  if (pooled_expected >= kPoolBelow) {
    add(pooled, pooled_expected);
  } else if (pooled_expected > 0 && PoissonTail(static_cast<uint64_t>(pooled),
                                                pooled_expected) < kAlpha / 4) {
    return 0;  // what should hardly ever come came often
  }
  return cells < 2 ? 1 : ChiSquareTail(statistic, cells - 1);
}

}  // namespace logitd::tests
