// StepValues: the numbers that the stages of one step work with, derived from
// parameters.
//
// A knob at its off value is absent here. A plain value; thread-compatible.
// Formulas: sampler/README.md, "Stages" and the sections behind it.
#ifndef LOGITD_SAMPLER_STEP_VALUES_H_
#define LOGITD_SAMPLER_STEP_VALUES_H_

#include <cstdint>
#include <optional>

#include "sampler/dialect.h"
#include "sampler/knobs_at.h"
#include "sampler/params.h"

namespace logitd {

// Below this temperature a step is greedy, but for dialects that say otherwise.
inline constexpr double kGreedyBelow = 1e-5;

// Whether a step at that temperature, with that dynamic range, takes the
// largest logit.
bool IsGreedy(double temperature, double range, const DialectRules& rules);

// Temperatures between `low` and `high`, by the entropy. At 0 it is greedy;
// others are at least `least`.
struct DynamicTemperature {
  double low;
  double high;
  double exponent;
  double least;
};

// A top_p that shrinks with each token.
struct FadingTopP {
  double first;
  double decay;
  double least;
};

struct Xtc {
  double probability;
  double log_threshold;  // -inf: every token counts
};

struct Mirostat {
  uint32_t version;  // 1 or 2
  double tau;        // bits
  double eta;
};

struct AdaptiveP {
  double target;
  double decay;
};

struct Dry {
  double multiplier;
  double base;
};

struct StepValues {
  std::optional<double> guidance;           // the scale; only when not 1
  std::optional<double> prompt_repetition;  // only when not 1
  std::optional<double> repetition;         // only when not 1
  std::optional<double> frequency;          // only when not 0
  std::optional<double> presence;           // only when not 0
  std::optional<Dry> dry;
  std::optional<double> length_factor;  // only when not 1

  bool greedy = false;  // whatever the other temperatures are
  float inverse_temperature = 1.0f;
  std::optional<DynamicTemperature> dynamic;
  float square = 0;  // of the curve; both 0: none
  float cube = 0;

  std::optional<double> sigmas;   // top_n_sigma
  std::optional<uint32_t> top_k;  // only when below the vocabulary's size
  std::optional<double> top_p;    // only when below 1, and always the same
  std::optional<FadingTopP> fading_top_p;
  std::optional<float> min_p_floor;  // least d kept: float(log_d(min_p))
  std::optional<double> typical_p;
  std::optional<double> log_epsilon;
  std::optional<double> log_eta;
  std::optional<double> log_top_a;
  std::optional<double> tail_free;
  std::optional<double> top_h;
  bool p_less = false;

  std::optional<Xtc> xtc;
  std::optional<Mirostat> mirostat;
  std::optional<AdaptiveP> adaptive_p;
};

// Of valid parameters.
StepValues DeriveValues(const KnobsAt& knobs, uint32_t vocab_size);

struct ValuesOfAll {
  // What is on at any step, with one of its values; greedy when every step is.
  // Without schedules the values of each step.
  StepValues joined;
  bool is_ever_greedy = false;
};
// Of valid parameters; O(points of schedules).
ValuesOfAll DeriveValuesOfAll(const Params& params, uint32_t vocab_size);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_STEP_VALUES_H_
