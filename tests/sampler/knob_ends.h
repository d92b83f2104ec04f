// The least and the greatest value that a real knob takes.
#ifndef LOGITD_TESTS_SAMPLER_KNOB_ENDS_H_
#define LOGITD_TESTS_SAMPLER_KNOB_ENDS_H_

#include <cmath>

#include "sampler/knobs.h"

namespace logitd::tests {

inline double LeastOf(const RealKnob& knob) {
  return knob.min_open ? std::nextafter(knob.min, knob.max) : knob.min;
}
inline double MostOf(const RealKnob& knob) {
  return knob.max_open ? std::nextafter(knob.max, knob.min) : knob.max;
}

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_KNOB_ENDS_H_
