#include "sampler/temperature.h"

#include <algorithm>
#include <limits>

#include "sampler/natural_exp.h"
#include "sampler/natural_log.h"

namespace logitd {
namespace {

// The entropy's share of what it could be, to the power of the exponent.
double Spread(double exponent, uint64_t listed, Candidates* candidates) {
  const double most = LogD(static_cast<double>(listed));
  const double share = std::min(candidates->Entropy() / most, 1.0);
  if (share < std::numeric_limits<double>::min()) return 0;
  return ExpD(exponent * LogD(share));
}

}  // namespace

bool Temper(const StepValues& values, uint64_t listed, Candidates* candidates) {
  float inverse_temperature = values.inverse_temperature;
  if (values.dynamic) {
    const DynamicTemperature& range = *values.dynamic;
    const double spread =
        listed < 2 ? 0 : Spread(range.exponent, listed, candidates);
    const double temperature = range.low + (range.high - range.low) * spread;
    if (temperature == 0) return false;
    inverse_temperature =
        static_cast<float>(1.0 / std::max(temperature, range.least));
  }
  candidates->SetScale(
      {candidates->scale().m, inverse_temperature, values.square, values.cube});
  return true;
}

}  // namespace logitd
