// Power: b^n by repeated squaring in double, the same bits on every machine.
//
// Pure, thread-safe, O(log n). Specification: sampler/README.md, "Arithmetic".
#ifndef LOGITD_SAMPLER_POWER_H_
#define LOGITD_SAMPLER_POWER_H_

#include <algorithm>
#include <cstdint>
#include <limits>

namespace logitd {

// For base >= 0; at most the largest double.
inline double Power(double base, uint32_t exponent) {
  double power = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent % 2 == 1) power *= base;
    base *= base;
  }
  return std::min(power, std::numeric_limits<double>::max());
}

}  // namespace logitd

#endif  // LOGITD_SAMPLER_POWER_H_
