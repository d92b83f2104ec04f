// Every knob that the sampler has built, whatever its type, as one list: its
// name in the contract, what it takes, what is off, and how to take it away.
//
// Made of sampler/knobs.h, so that a knob that is new there is here too; those
// of a shape of their own are added by hand. Immutable; thread-safe.
#ifndef LOGITD_TESTS_SAMPLER_KNOB_LIST_H_
#define LOGITD_TESTS_SAMPLER_KNOB_LIST_H_

#include <functional>
#include <string>
#include <vector>

#include "sampler/params.h"

namespace logitd::tests {

struct Knob {
  std::string name;
  int field = 0;      // its line in the fingerprint: values go with their ids
  std::string range;  // empty: a switch or an enum, whose type says it
  std::string off;
  std::function<bool(const Params&)> is_on;  // a constant, not the off value
  std::function<void(Params*)> take_away;
};

const std::vector<Knob>& AllKnobs();

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_KNOB_LIST_H_
