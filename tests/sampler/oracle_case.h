// What the specification says about a case: the textbook answer, and the same
// with the weights and sums of "Arithmetic", which must agree bit for bit.
//
// Knows the cases and the oracle, nothing of how the sampler finds things: the
// exact answer sorts, and adds one number at a time. Pure, thread-safe; a few
// milliseconds for a real vocabulary.
#ifndef LOGITD_TESTS_SAMPLER_ORACLE_CASE_H_
#define LOGITD_TESTS_SAMPLER_ORACLE_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sampler/sampler.h"
#include "tests/oracle/oracle.h"
#include "tests/sampler/cases.h"

namespace logitd::tests {

oracle::Params ToOracle(const Params& params);
oracle::Feedback ToOracle(const Feedback& feedback);
oracle::Past PastOf(const Case& c);
// After guidance its logits are those of GuideExactly: a last bit of its own
// would make ties of others, and others of ties.
oracle::Answer AskOracle(const Case& c);

// "Guidance" of the specification, to the bit; both rows as loaded.
std::vector<float> GuideExactly(double scale,
                                const std::vector<float>& conditional,
                                const std::vector<float>& unconditional);

// A boundary this close, relative to the mass, may fall either way.
inline constexpr double kAmbiguous = 0x1p-19;

// What Sample() must report, from the stages of the textbook answer (which are
// exact: double and narrow()) and the arithmetic of the specification.
Outcome Exact(const Case& c, const oracle::Answer& answer);

// Empty if both say the same to the last bit; else what differs.
std::string Difference(const Outcome& expected, const Outcome& got);

// Empty if the outcome is what the textbook says: kept set, numbers within
// 2e-6, the token. *ambiguous is true when they differ, but only by a boundary
// or a race closer than kAmbiguous.
std::string TextbookDifference(const Case& c, const oracle::Answer& answer,
                               const Outcome& got, bool* ambiguous);

// The largest distance of a reported probability, of the token or of what is
// kept, from the textbook's, where both keep as many tokens.
double TextbookError(const Case& c, const oracle::Answer& answer,
                     const Outcome& got);

// Empty if the status is what the textbook's failure asks for.
std::string FailureDifference(const oracle::Answer& answer,
                              const absl::Status& status);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_ORACLE_CASE_H_
