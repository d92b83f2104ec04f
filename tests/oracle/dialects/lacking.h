// Knobs that an engine lacks, as logitd/1 has them: sampler/README.md, "DRY",
// "Temperature", "Truncation" and "Feedback", in real numbers. Where each
// dialect has them is its own file's matter.
#ifndef LOGITD_TESTS_ORACLE_DIALECTS_LACKING_H_
#define LOGITD_TESTS_ORACLE_DIALECTS_LACKING_H_

#include <cstddef>
#include <vector>

#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/ranked.h"

namespace logitd::dialects {

// Each does nothing at its off value.

// For each distinct token of the prompt: l / r above 0, l * r below.
void RepeatPrompt(const Params& params, const Past& past,
                  std::vector<Real>* logits);
void DryAsLogitd(const Params& params, const Past& past,
                 std::vector<Real>* logits);

// A temperature that may be dynamic, and quadratic smoothing after it.
void TemperAsLogitd(const Params& params, Real temperature, Ranked* left);
void Smooth(const Params& params, Ranked* left);

void CutTopNSigma(const Params& params, Ranked* left);
void CutTypical(const Params& params, Ranked* left);
void CutEpsilonAndEta(const Params& params, Ranked* left);
void CutTopA(const Params& params, Ranked* left);
void CutTailFree(const Params& params, Ranked* left);
void CutTopH(const Params& params, Ranked* left);
void CutPLess(const Params& params, Ranked* left);
void CutXtc(const Params& params, Ranked* left);

// Mirostat or adaptive_p, with what they remember.
void Steer(const Params& params, size_t vocab_size, Ranked* left);

// All from typical on, in logitd/1's order.
void CutFromTypicalOn(const Params& params, size_t vocab_size, Ranked* left);

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_ORACLE_DIALECTS_LACKING_H_
