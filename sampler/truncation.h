// The truncation stages: which of the candidates stay.
//
// Each keeps at least one token. Most keep a prefix of the rank; typical and
// xtc do not. At most three passes over the row each, and visits of single
// blocks; tail_free sorts all tokens that weigh something. Thread-safe on
// different candidates. Specification: sampler/README.md, "Truncation".
#ifndef LOGITD_SAMPLER_TRUNCATION_H_
#define LOGITD_SAMPLER_TRUNCATION_H_

#include "absl/types/span.h"
#include "sampler/candidates.h"
#include "sampler/dialect.h"
#include "sampler/noise.h"
#include "sampler/step_values.h"

namespace logitd {

// d >= -sigmas * the standard deviation of d.
void TopNSigma(double sigmas, Candidates* candidates);
// The first k; with the rule also those that equal the kth.
void TopK(uint32_t k, const DialectRules& rules, Candidates* candidates);
// The shortest prefix of mass p * mass, or beyond it.
void TopP(double p, const DialectRules& rules, Candidates* candidates);
// The shortest prefix of that mass by distance from the mean of d.
void Typical(double p, const DialectRules& rules, Candidates* candidates);
// Probabilities of at least epsilon; eta; a * the largest squared; the sum of
// all squared. Arguments are logarithms.
void EpsilonCutoff(double log_epsilon, Candidates* candidates);
void EtaCutoff(double log_eta, Candidates* candidates);
void TopA(double log_a, Candidates* candidates);
void PLess(Candidates* candidates);
// Up to where the curvature of the sorted probabilities has summed up to z.
void TailFree(double z, Candidates* candidates);
// The longest prefix whose share of the entropy is at most h.
void TopH(double h, const DialectRules& rules, Candidates* candidates);
// When the coin says so, none above the threshold but the least likely of them
// and the protected ids (sorted).
void ExcludeTopChoices(const Xtc& xtc, absl::Span<const uint32_t> protected_ids,
                       const NoisePoint& at, Candidates* candidates);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_TRUNCATION_H_
