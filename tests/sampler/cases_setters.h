// What cases are made of: each of these turns on one knob, or one property of a
// row, with values that the dice choose.
//
// Those that make ids or sequences look at the row and the history of the case,
// so that they are met there. Uses no libm and no std distribution. Pure
// functions of their arguments, thread-safe; O(V).
#ifndef LOGITD_TESTS_SAMPLER_CASES_SETTERS_H_
#define LOGITD_TESTS_SAMPLER_CASES_SETTERS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "sampler/dtype.h"
#include "sampler/params.h"
#include "tests/sampler/cases.h"
#include "tests/support/rows.h"

namespace logitd::tests {

using Setter = void (*)(Case*, Dice*);

uint32_t AnyId(const Case& c, Dice* dice);
// 1 to count_max ids.
TokenIds AnyIds(const Case& c, uint32_t count_max, Dice* dice);
// The id of the largest logit.
uint32_t Largest(const Case& c);
double Real(double low, double high, Dice* dice);

// All below that turn on knobs and need no history; temperature twice.
absl::Span<const Setter> SettersOfKnobs();
// All stages in an order of their own.
void SetSteps(Case* c, Dice* dice);

// cases_shaping.cc: temperature, truncation, feedback.
void SetTemperature(Case* c, Dice* dice);
void SetDynamicTemperature(Case* c, Dice* dice);
void SetSmoothing(Case* c, Dice* dice);
void SetTopNSigma(Case* c, Dice* dice);
void SetTopK(Case* c, Dice* dice);
void SetTopP(Case* c, Dice* dice);
void SetFading(Case* c, Dice* dice);  // top_p_decay
void SetMinP(Case* c, Dice* dice);
void SetTypical(Case* c, Dice* dice);
void SetEpsilon(Case* c, Dice* dice);
void SetEta(Case* c, Dice* dice);
void SetTopA(Case* c, Dice* dice);
void SetTailFree(Case* c, Dice* dice);
void SetTopH(Case* c, Dice* dice);
void SetPLess(Case* c, Dice* dice);
void SetXtc(Case* c, Dice* dice);
void SetMirostat(Case* c, Dice* dice);
void SetAdaptiveP(Case* c, Dice* dice);

// cases_history.cc: the history itself, which comes when it is known what looks
// at it, and what looks at it.
void SetPast(Case* c, Dice* dice);
void SetRepetition(Case* c, Dice* dice);
void SetFrequency(Case* c, Dice* dice);
void SetPresence(Case* c, Dice* dice);
void SetPromptRepetition(Case* c, Dice* dice);
void SetExcluded(Case* c, Dice* dice);
void SetDry(Case* c, Dice* dice);
void SetLengthPenalty(Case* c, Dice* dice);
void SetNgram(Case* c, Dice* dice);
void SetForcedTokens(Case* c, Dice* dice);
// Made of the tokens of the history: after SetPast.
void SetDryBreakers(Case* c, Dice* dice);  // where DRY is on
void SetBadWords(Case* c, Dice* dice);
void SetThinking(Case* c, Dice* dice);
// A part of the tokens, or any ids.
TokenIds AnySequence(const Case& c, const TokenIds& tokens, uint32_t count_max,
                     Dice* dice);

// cases_schedules.cc: makes schedules of some of the constants. After the
// history.
void SetSchedules(Case* c, Dice* dice);

// cases_row.cc: bans, bias, and what comes with a row.
void SetBias(Case* c, Dice* dice);
void SetAllowed(Case* c, Dice* dice);
void SetBanned(Case* c, Dice* dice);
void SetSuppressed(Case* c, Dice* dice);
void SetMask(Case* c, Dice* dice);
void SetEnds(Case* c, Dice* dice);
void SetNonFinite(Case* c, Dice* dice);
void SetGuidance(Case* c, Dice* dice);
void SetReport(Case* c, Dice* dice);
// Some logits behind the vocabulary, which nobody may look at.
void Widen(Case* c, Dice* dice);
// Rounds logits to the dtype.
void StoreAs(Dtype dtype, Case* c);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_CASES_SETTERS_H_
