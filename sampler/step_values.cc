#include "sampler/step_values.h"

#include <algorithm>
#include <limits>

#include "sampler/dialect.h"
#include "sampler/natural_log.h"

namespace logitd {
namespace {

// A value that is absent at its off value.
std::optional<double> UnlessOff(const std::optional<double>& value,
                                double off) {
  return value == off ? std::nullopt : value;
}

// log_d wants a normal number; below those the knob is off.
std::optional<double> LogOf(const std::optional<double>& value) {
  if (value.value_or(0) < std::numeric_limits<double>::min()) {
    return std::nullopt;
  }
  return LogD(*value);
}

void DeriveTemperature(const Params& params, const DialectRules& rules,
                       StepValues* values) {
  const double temperature = params.temperature.value_or(1.0);
  const double range = params.dynamic_temperature_range.value_or(0.0);
  const bool is_zero = rules.greedy_below > 0 ? temperature < rules.greedy_below
                                              : temperature == 0;
  values->greedy = is_zero && !(rules.dynamic_reaches_zero && range > 0);
  if (values->greedy) return;
  const double raised = std::max(temperature, rules.least_temperature);
  values->inverse_temperature = static_cast<float>(1.0 / raised);
  if (range > 0) {
    const double lowest = rules.dynamic_reaches_zero ? 0 : kGreedyBelow;
    values->dynamic = {std::max(lowest, raised - range), raised + range,
                       params.dynamic_temperature_exponent.value_or(1.0),
                       rules.least_temperature};
  }
  const double factor = params.smoothing_factor.value_or(0.0);
  const double curve = params.smoothing_curve.value_or(1.0);
  values->square = static_cast<float>((3.0 - curve) / 2.0 * factor);
  values->cube = static_cast<float>((curve - 1.0) / 2.0 * factor);
}

void DeriveTruncation(const Params& params, uint32_t vocab_size,
                      StepValues* values) {
  values->sigmas = UnlessOff(params.top_n_sigma, 0.0);
  if (params.top_k && *params.top_k < vocab_size) values->top_k = params.top_k;
  const double decay = params.top_p_decay.value_or(1.0);
  if (decay < 1) {
    const double first = params.top_p.value_or(1.0);
    values->fading_top_p = {
        first, decay, std::min(first, params.top_p_min.value_or(kTopPMin))};
  } else {
    values->top_p = UnlessOff(params.top_p, 1.0);
  }
  if (const auto log = LogOf(params.min_p)) {
    values->min_p_floor = static_cast<float>(*log);
  }
  values->typical_p = UnlessOff(params.typical_p, 1.0);
  values->log_epsilon = LogOf(params.epsilon_cutoff);
  values->log_eta = LogOf(params.eta_cutoff);
  values->log_top_a = LogOf(params.top_a);
  values->tail_free = UnlessOff(params.tail_free, 1.0);
  values->top_h = UnlessOff(params.top_h, 1.0);
  values->p_less = params.p_less.value_or(false);
}

void DeriveDraw(const Params& params, StepValues* values) {
  const double chance = params.xtc_probability.value_or(0.0);
  if (chance > 0) {
    const double threshold = params.xtc_threshold.value_or(kXtcThreshold);
    values->xtc = {chance, LogOf(threshold).value_or(
                               -std::numeric_limits<double>::infinity())};
  }
  const uint32_t version = params.mirostat.value_or(0);
  if (version != 0) {
    values->mirostat = {version, params.mirostat_tau.value_or(kMirostatTau),
                        params.mirostat_eta.value_or(kMirostatEta)};
  }
  const double target = params.adaptive_p_target.value_or(0.0);
  if (target > 0) {
    values->adaptive_p = {target,
                          params.adaptive_p_decay.value_or(kAdaptivePDecay)};
  }
}

}  // namespace

StepValues DeriveValues(const Params& params, uint32_t vocab_size) {
  StepValues values;
  const DialectRules& rules =
      RulesOf(params.dialect.value_or(Dialect::kLogitd));
  DeriveTemperature(params, rules, &values);
  DeriveTruncation(params, vocab_size, &values);
  DeriveDraw(params, &values);
  return values;
}

}  // namespace logitd
