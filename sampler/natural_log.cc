#include "sampler/natural_log.h"

#include <bit>
#include <cstdint>

namespace logitd {

double LogD(double x) {
  // x = 2^k * f with f in [sqrt(1/2), sqrt(2)).
  constexpr uint64_t kRootHalf = 0x3FE6A09E667F3BCD;
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const int64_t k = static_cast<int64_t>(bits - kRootHalf) >> 52;
  const double f =
      std::bit_cast<double>(bits - (static_cast<uint64_t>(k) << 52));
  // ln f = 2 atanh(s), s = (f - 1) / (f + 1), |s| < 0.1716; the series ends
  // where its next term is below 2^-60.
  const double s = (f - 1.0) / (f + 1.0);
  const double z = s * s;
  double p = 1.0 / 21.0;
  p = p * z + 1.0 / 19.0;
  p = p * z + 1.0 / 17.0;
  p = p * z + 1.0 / 15.0;
  p = p * z + 1.0 / 13.0;
  p = p * z + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  // The leading 2s last, so that its rounding is the only large one.
  const double t = 2.0 * s;
  const double kd = static_cast<double>(k);
  const double low = t * (z * p) + kd * 0x1.cf79abc9e3b3ap-40;
  return kd * 0x1.62e42fefa0000p-1 + (t + low);
}

}  // namespace logitd
