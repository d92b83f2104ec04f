// The cases of the digest: every knob alone, in random company, in an order of
// its own, and all of them at once.
//
// Built on cases.h, with the knobs that its textbook does not know. The same
// bits on every machine, as there. Pure; thread-safe; O(V).
#ifndef LOGITD_TESTS_SAMPLER_DIGEST_CASES_H_
#define LOGITD_TESTS_SAMPLER_DIGEST_CASES_H_

#include "tests/sampler/cases.h"

namespace logitd::tests {

// Most are small, because emulated processors run them all.
inline constexpr int kDigestCases = 3200;
// Those behind these verify a draft.
inline constexpr int kDigestCasesWithoutDraft = 3120;

// index < kDigestCases.
Case DigestCase(int index);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_DIGEST_CASES_H_
