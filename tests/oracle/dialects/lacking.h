// Knobs that an engine lacks, as logitd/1 has them: sampler/README.md,
// "Temperature" and "Truncation", in real numbers. Where each dialect has them
// is its own file's matter.
#ifndef LOGITD_TESTS_ORACLE_DIALECTS_LACKING_H_
#define LOGITD_TESTS_ORACLE_DIALECTS_LACKING_H_

#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/ranked.h"

namespace logitd::dialects {

// A temperature that may be dynamic, and quadratic smoothing after it.
void TemperAsLogitd(const Params& params, Real temperature, Ranked* left);
void Smooth(const Params& params, Ranked* left);

// Each does nothing at its off value.
void CutTopNSigma(const Params& params, Ranked* left);
void CutTypical(const Params& params, Ranked* left);
void CutEpsilonAndEta(const Params& params, Ranked* left);
void CutTopA(const Params& params, Ranked* left);
void CutTailFree(const Params& params, Ranked* left);
void CutTopH(const Params& params, Ranked* left);
void CutPLess(const Params& params, Ranked* left);
void CutXtc(const Params& params, Ranked* left);

// All from typical on, in logitd/1's order.
void CutFromTypicalOn(const Params& params, Ranked* left);

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_ORACLE_DIALECTS_LACKING_H_
