#include "tests/support/kernels_scalar.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace logitd::tests {

float ScalarExpF(float d) {
  if (!(d >= -87.0f)) return 0.0f;
  const float n = std::fma(d, 0x1.715476p+0f, 12582912.0f) - 12582912.0f;
  const float f = std::fma(d, 0x1.715476p+0f, -n);
  const float square = f * f;
  const float low = std::fma(f, 0x1.62e42cp-1f, 1.0f);
  const float middle = std::fma(f, 0x1.c6b642p-5f, 0x1.ebf9c2p-3f);
  const float high = std::fma(f, 0x1.5bce7ap-10f, 0x1.3ce712p-7f);
  const float p = std::fma(std::fma(high, square, middle), square, low);
  // p * 2^n: p lies in [0.7, 1.5), the result is normal, so its exponent moves.
  uint32_t bits;
  std::memcpy(&bits, &p, sizeof(bits));
  bits += static_cast<uint32_t>(static_cast<int32_t>(n)) << 23;
  float scaled;
  std::memcpy(&scaled, &bits, sizeof(scaled));
  return scaled;
}

double ScalarLogD(double x) {
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  const uint64_t root_half = 0x3FE6A09E667F3BCDu;
  const int64_t k = static_cast<int64_t>(bits - root_half) >> 52;
  const uint64_t f_bits = bits - (static_cast<uint64_t>(k) << 52);
  double f;
  std::memcpy(&f, &f_bits, sizeof(f));
  const double s = (f - 1.0) / (f + 1.0);
  const double z = s * s;
  double p = 1.0 / 21.0;
  for (int odd = 19; odd >= 3; odd -= 2) {
    const double product = p * z;
    p = product + 1.0 / odd;
  }
  const double t = 2.0 * s;
  const double count = static_cast<double>(k);
  const double high = count * 0x1.62e42fefa0000p-1;
  const double low = count * 0x1.cf79abc9e3b3ap-40;
  const double tail = t * (z * p);
  return high + (t + (tail + low));
}

double ScalarExpD(double x) {
  if (!(x >= -708.0)) return 0;
  const double scaled = x * 0x1.71547652b82fep+0;
  const double n = (scaled + 0x1.8p52) - 0x1.8p52;
  const double coarse = x - n * 0x1.62e42fefa0000p-1;
  const double r = coarse - n * 0x1.cf79abc9e3b3ap-40;
  double factorial = 6227020800.0;  // 13!
  double q = 1.0 / factorial;
  for (int k = 12; k >= 2; --k) {
    factorial /= k + 1;
    const double product = q * r;
    q = product + 1.0 / factorial;
  }
  const double square = r * r;
  return std::ldexp(1.0 + (r + square * q), static_cast<int>(n));
}

float ScalarBlockSum(const float* terms, size_t count) {
  float lanes[16] = {};
  for (size_t i = 0; i < 128; ++i) {
    lanes[i % 16] += i < count ? terms[i] : 0.0f;
  }
  for (size_t half = 8; half > 0; half /= 2) {
    for (size_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

double ScalarSum(const std::vector<float>& terms) {
  double a[8] = {};
  for (size_t first = 0, block = 0; first < terms.size();
       first += 128, ++block) {
    const size_t count = std::min<size_t>(128, terms.size() - first);
    a[block % 8] += ScalarBlockSum(terms.data() + first, count);
  }
  for (size_t i = 0; i < 4; ++i) a[i] += a[i + 4];
  return (a[0] + a[2]) + (a[1] + a[3]);
}

double ScalarExponential(uint64_t noise) {
  const double u = (static_cast<double>(noise >> 12) + 0.5) * 0x1p-52;
  return -ScalarLogD(u);
}

}  // namespace logitd::tests
