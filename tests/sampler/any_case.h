// Random combinations of all knobs on small rows, and what turns one case into
// another that must have the same answer.
//
// Built on cases.h, so that a knob that is new there is in the properties too.
// Pure functions, thread-safe; O(V).
#ifndef LOGITD_TESTS_SAMPLER_ANY_CASE_H_
#define LOGITD_TESTS_SAMPLER_ANY_CASE_H_

#include <cstdint>
#include <string>

#include "tests/sampler/cases.h"

namespace logitd::tests {

inline constexpr uint32_t kAnyCases = 400;

// Any knobs on a row of multiples of 1/64, asking for every number. `count`
// ids; about one logit in sixteen is -inf. Without guidance, NaN and +inf.
Case AnyCase(uint64_t seed, uint32_t count = 150);

// In two cases of five a second row, as AnyCase makes the first.
void AddGuidance(Case* c);
void DropGuidance(Case* c);

// No two logits are equal.
void BreakTies(Case* c);

// What depends on where zero is, or rounds otherwise where it is elsewhere.
void DropWhatSeesZero(Case* c);
// All truncations, and mirostat.
void DropCuts(Case* c);
// What depends on how many candidates there are.
void DropWhatCounts(Case* c);

// Adds to each logit.
Case Shifted(Case c, float by);
// Logits, their additions and the temperature, times a power of two.
Case Scaled(Case c, float by);
// Lists in another order, with repetitions.
Case Reordered(Case c, Dice* dice);
// One id more, of this logit; the second row bans nothing there.
Case Extended(Case c, float logit);
// Each id under another name.
Case Renamed(const Case& c, const TokenIds& names);

// `outcome` without what is said of its token, of raw logits or of the row.
Outcome WithoutToken(Outcome outcome);
Outcome WithoutRaw(Outcome outcome);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_ANY_CASE_H_
