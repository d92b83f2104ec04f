// The stages from temperature on, in the plan's order: what the draw draws
// from.
//
// Specification: sampler/README.md, "Stages".
#ifndef LOGITD_SAMPLER_SHAPE_H_
#define LOGITD_SAMPLER_SHAPE_H_

#include "sampler/candidates.h"
#include "sampler/explain.h"
#include "sampler/feedback.h"
#include "sampler/history.h"
#include "sampler/noise.h"
#include "sampler/plan.h"

namespace logitd {

// What the stages look at.
struct StepView {
  const Plan& plan;
  const StepValues& values;  // of this step
  const History& history;
  const Feedback& feedback;
  const NoisePoint& at;
};

// What the distribution was on the way.
struct Shaped {
  // No draw: the first of the candidates' rank is the token.
  bool greedy = false;
  // The map of the temperature stage, over the row that no stage has rewritten,
  // and the mass of all that are not banned under it, when asked for.
  kernels::Scale tempered = {0, 1.0f};
  double tempered_mass = 0;
  // The candidates that adaptive-p found.
  kernels::Scale steered = {0, 1.0f};
  double log_steered_mass = 0;
};

// `observer` (nullptr: none) is told of each stage that runs.
Shaped Shape(const StepView& step, bool wants_tempered_mass,
             StageObserver* observer, Candidates* candidates);

// What `feedback` becomes once `token`, a candidate, is accepted. Costs nothing
// without mirostat and adaptive-p.
void Learn(const StepValues& values, const Shaped& shaped, uint32_t token,
           Candidates* candidates, Feedback* feedback);

// The share of the tempered mass that the candidates have. Of a rewritten row
// the original is lost.
double KeptMass(const Shaped& shaped, Candidates* candidates);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_SHAPE_H_
