// What the cases of all dialects draw from: numbers, ids, and the knobs that
// one engine has of its own and another lacks.
//
// Knows nothing of the sampler. Values; the same bits on every machine.
#ifndef LOGITD_TESTS_SAMPLER_DIALECT_DRAWS_H_
#define LOGITD_TESTS_SAMPLER_DIALECT_DRAWS_H_

#include <cstdint>
#include <vector>

#include "tests/oracle/dialects/dialects.h"
#include "tests/sampler/dialect_cases.h"
#include "tests/support/rows.h"

namespace logitd::tests {

double Between(double low, double high, Dice* dice);
// Values that people set, and any others.
double Pick(const std::vector<double>& usual, double low, double high,
            Dice* dice);
// One to count_max ids, some of them twice.
dialects::Ids AnyIds(const DialectCase& c, uint32_t count_max, Dice* dice);
uint32_t Size(const DialectCase& c);

void MakeDry(DialectCase* c, Dice* dice);
void MakeBias(DialectCase* c, Dice* dice);
void MakeGuidance(DialectCase* c, Dice* dice);
// As at some step of a generation, or its first.
void MakeMirostat(uint32_t version, dialects::Params* params, Dice* dice);
void MakeAdaptiveP(dialects::Params* params, Dice* dice);

// One to four knobs that the engine lacks, named in c->lacking.
void MakeLacking(DialectCase* c, Dice* dice);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_DIALECT_DRAWS_H_
