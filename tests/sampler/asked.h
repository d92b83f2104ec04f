// Cases of a dialect as the sampler is asked them.
//
// Values; making one costs O(V).
#ifndef LOGITD_TESTS_SAMPLER_ASKED_H_
#define LOGITD_TESTS_SAMPLER_ASKED_H_

#include "tests/sampler/cases.h"
#include "tests/sampler/dialect_cases.h"

namespace logitd::tests {

Dialect DialectOf(DialectName name);

// The case's parameters under that dialect, with every number and the kept ids
// asked for.
Case Asked(const DialectCase& from, Dialect dialect);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_ASKED_H_
