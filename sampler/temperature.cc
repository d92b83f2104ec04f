#include "sampler/temperature.h"

#include <algorithm>
#include <limits>

#include "sampler/natural_exp.h"
#include "sampler/natural_log.h"

namespace logitd {
namespace {

// The entropy's share of what it could be, to the power of the exponent.
double Spread(double exponent, Candidates* candidates) {
  const uint64_t count = candidates->Count();
  if (count < 2) return 0;
  const double most = LogD(static_cast<double>(count));
  const double share = std::min(candidates->Entropy() / most, 1.0);
  if (share < std::numeric_limits<double>::min()) return 0;
  return ExpD(exponent * LogD(share));
}

}  // namespace

void Temper(const StepValues& values, Candidates* candidates) {
  float inverse_temperature = values.inverse_temperature;
  if (values.dynamic) {
    const DynamicTemperature& range = *values.dynamic;
    const double spread = Spread(range.exponent, candidates);
    const double temperature = range.low + (range.high - range.low) * spread;
    inverse_temperature = static_cast<float>(1.0 / temperature);
  }
  candidates->SetScale(
      {candidates->scale().m, inverse_temperature, values.square, values.cube});
}

}  // namespace logitd
