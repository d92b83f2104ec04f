// Each knob by itself, at a value that people set: what one of them costs.
//
// Values; thread-safe.
#ifndef LOGITD_TESTS_SUPPORT_SINGLE_KNOBS_H_
#define LOGITD_TESTS_SUPPORT_SINGLE_KNOBS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sampler/params.h"

namespace logitd::tests {

struct SingleKnob {
  std::string name;
  Params params;
  bool mask = false;  // comes with the row
  bool second_row = false;
  // typical_p, tail_free and mirostat 1 look at the rank itself.
  bool may_read_more = false;
  // To add to the full reads that kernels make: a copy of the row that is made
  // without one, less the loading of a second row.
  int other_reads = 0;
};

// The first is no knob at all: the row is loaded, weighed and drawn from.
std::vector<SingleKnob> SingleKnobs(uint32_t vocab_size);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SUPPORT_SINGLE_KNOBS_H_
