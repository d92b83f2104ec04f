#include "sampler/natural_exp.h"

#include <bit>
#include <cstdint>

namespace logitd {

double ExpD(double x) {
  if (!(x >= -708.0)) return 0.0;
  // x = n ln 2 + r with |r| <= ln 2 / 2; the sum rounds to a whole number.
  constexpr double kRound = 0x1.8p52;
  const double n = (x * 0x1.71547652b82fep+0 + kRound) - kRound;
  const double r = (x - n * 0x1.62e42fefa0000p-1) - n * 0x1.cf79abc9e3b3ap-40;
  // 1/k!, k from 13 down to 2.
  double q = 1.0 / 6227020800.0;
  q = q * r + 1.0 / 479001600.0;
  q = q * r + 1.0 / 39916800.0;
  q = q * r + 1.0 / 3628800.0;
  q = q * r + 1.0 / 362880.0;
  q = q * r + 1.0 / 40320.0;
  q = q * r + 1.0 / 5040.0;
  q = q * r + 1.0 / 720.0;
  q = q * r + 1.0 / 120.0;
  q = q * r + 1.0 / 24.0;
  q = q * r + 1.0 / 6.0;
  q = q * r + 1.0 / 2.0;
  const double p = 1.0 + (r + r * r * q);
  const auto k = static_cast<int64_t>(n);
  return p * std::bit_cast<double>(static_cast<uint64_t>(k + 1023) << 52);
}

}  // namespace logitd
