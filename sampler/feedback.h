// Mirostat and adaptive-p: stages that steer by what was drawn before.
//
// What they remember is a Feedback, a value that belongs to a session: a stage
// reads it, and the step says what it becomes if its token is accepted.
// Specification: sampler/README.md, "Feedback".
#ifndef LOGITD_SAMPLER_FEEDBACK_H_
#define LOGITD_SAMPLER_FEEDBACK_H_

#include <cstdint>
#include <optional>

#include "sampler/candidates.h"
#include "sampler/step_values.h"

namespace logitd {

// Absent: as at the first step.
struct Feedback {
  std::optional<double> mu;  // mirostat's limit of surprise, bits
  struct Sums {
    double weighted = 0;
    double total = 0;
    friend bool operator==(const Sums&, const Sums&) = default;
  };
  std::optional<Sums> sums;  // adaptive-p's

  bool empty() const { return !mu && !sums; }
  friend bool operator==(const Feedback&, const Feedback&) = default;
};

// Drops tokens that surprise by more than mu bits (version 2), or all but as
// many as Zipf's law gives for mu (version 1). vocab_size is N of version 1.
void ApplyMirostat(const Mirostat& mirostat, const Feedback& feedback,
                   uint32_t vocab_size, Candidates* candidates);

// Gives each candidate a logit by its distance from the target.
void ApplyAdaptiveP(const AdaptiveP& adaptive, const Feedback& feedback,
                    Candidates* candidates);

// After a token of final log-probability `logprob` (finite) was accepted.
void LearnMirostat(const Mirostat& mirostat, double logprob,
                   Feedback* feedback);
// After one that had `probability` before the stage.
void LearnAdaptiveP(const AdaptiveP& adaptive, double probability,
                    Feedback* feedback);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_FEEDBACK_H_
