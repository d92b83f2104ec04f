#include "sampler/step_values.h"

#include <algorithm>
#include <limits>
#include <vector>

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

}  // namespace

bool IsGreedy(double temperature, double range, const DialectRules& rules) {
  const bool is_zero = rules.greedy_below > 0 ? temperature < rules.greedy_below
                                              : temperature == 0;
  return is_zero && !(rules.dynamic_reaches_zero && range > 0);
}

namespace {

void DeriveTemperature(const KnobsAt& knobs, const DialectRules& rules,
                       StepValues* values) {
  const double temperature = knobs(&Params::temperature).value_or(1.0);
  const double range = knobs(&Params::dynamic_temperature_range).value_or(0.0);
  values->greedy = IsGreedy(temperature, range, rules);
  const double raised = std::max(temperature, rules.least_temperature);
  if (raised > 0) {
    values->inverse_temperature = static_cast<float>(1.0 / raised);
  }
  if (range > 0) {
    const double lowest = rules.dynamic_reaches_zero ? 0 : kGreedyBelow;
    values->dynamic = {
        std::max(lowest, raised - range), raised + range,
        knobs(&Params::dynamic_temperature_exponent).value_or(1.0),
        rules.least_temperature};
  }
  const double factor = knobs(&Params::smoothing_factor).value_or(0.0);
  const double curve = knobs(&Params::smoothing_curve).value_or(1.0);
  values->square = static_cast<float>((3.0 - curve) / 2.0 * factor);
  values->cube = static_cast<float>((curve - 1.0) / 2.0 * factor);
}

void DeriveTruncation(const KnobsAt& knobs, uint32_t vocab_size,
                      StepValues* values) {
  values->sigmas = UnlessOff(knobs(&Params::top_n_sigma), 0.0);
  const auto top_k = knobs(&Params::top_k);
  if (top_k && *top_k < vocab_size) values->top_k = top_k;
  const auto decay = knobs(&Params::top_p_decay);
  if (decay && *decay < 1) {
    const double first = knobs(&Params::top_p).value_or(1.0);
    values->fading_top_p = {
        first, *decay,
        std::min(first, knobs(&Params::top_p_min).value_or(kTopPMin))};
  } else {
    values->top_p = UnlessOff(knobs(&Params::top_p), 1.0);
  }
  if (const auto log = LogOf(knobs(&Params::min_p))) {
    values->min_p_floor = static_cast<float>(*log);
  }
  values->typical_p = UnlessOff(knobs(&Params::typical_p), 1.0);
  values->log_epsilon = LogOf(knobs(&Params::epsilon_cutoff));
  values->log_eta = LogOf(knobs(&Params::eta_cutoff));
  values->log_top_a = LogOf(knobs(&Params::top_a));
  values->tail_free = UnlessOff(knobs(&Params::tail_free), 1.0);
  values->top_h = UnlessOff(knobs(&Params::top_h), 1.0);
  values->p_less = knobs.params().p_less.value_or(false);
}

void DeriveDraw(const KnobsAt& knobs, StepValues* values) {
  const double chance = knobs(&Params::xtc_probability).value_or(0.0);
  if (chance > 0) {
    const double threshold =
        knobs(&Params::xtc_threshold).value_or(kXtcThreshold);
    values->xtc = {chance, LogOf(threshold).value_or(
                               -std::numeric_limits<double>::infinity())};
  }
  const uint32_t version = knobs(&Params::mirostat).value_or(0);
  if (version != 0) {
    values->mirostat = {version,
                        knobs(&Params::mirostat_tau).value_or(kMirostatTau),
                        knobs(&Params::mirostat_eta).value_or(kMirostatEta)};
  }
  const double target = knobs(&Params::adaptive_p_target).value_or(0.0);
  if (target > 0) {
    values->adaptive_p = {
        target, knobs(&Params::adaptive_p_decay).value_or(kAdaptivePDecay)};
  }
}

void DeriveEdits(const KnobsAt& knobs, StepValues* values) {
  values->guidance = UnlessOff(knobs(&Params::guidance_scale), 1.0);
  values->prompt_repetition =
      UnlessOff(knobs(&Params::prompt_repetition_penalty), 1.0);
  values->repetition = UnlessOff(knobs(&Params::repetition_penalty), 1.0);
  values->frequency = UnlessOff(knobs(&Params::frequency_penalty), 0.0);
  values->presence = UnlessOff(knobs(&Params::presence_penalty), 0.0);
  const double multiplier = knobs(&Params::dry_multiplier).value_or(0.0);
  if (multiplier != 0) {
    values->dry = {multiplier, knobs(&Params::dry_base).value_or(1.75)};
  }
  values->length_factor = UnlessOff(knobs(&Params::length_penalty_factor), 1.0);
}

// Where lines begin and end. A knob is off at one value or from one on, so one
// that is on between two points is on at one of them.
std::vector<uint32_t> PointsOf(const Params& params) {
  std::vector<uint32_t> points = {0};
  for (const Schedule& schedule : params.schedules) {
    for (const SchedulePoint& point : schedule.points) {
      points.push_back(point.at);
    }
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

void Join(const StepValues& other, StepValues* all) {
  const auto join = [&](auto StepValues::*value) {
    if (!(all->*value)) all->*value = other.*value;
  };
  join(&StepValues::guidance);
  join(&StepValues::prompt_repetition);
  join(&StepValues::repetition);
  join(&StepValues::frequency);
  join(&StepValues::presence);
  join(&StepValues::dry);
  join(&StepValues::length_factor);
  join(&StepValues::dynamic);
  join(&StepValues::sigmas);
  join(&StepValues::top_k);
  join(&StepValues::top_p);
  join(&StepValues::fading_top_p);
  join(&StepValues::min_p_floor);
  join(&StepValues::typical_p);
  join(&StepValues::log_epsilon);
  join(&StepValues::log_eta);
  join(&StepValues::log_top_a);
  join(&StepValues::tail_free);
  join(&StepValues::top_h);
  join(&StepValues::xtc);
  join(&StepValues::mirostat);
  join(&StepValues::adaptive_p);
  const auto join_float = [&](float StepValues::*value, float off) {
    if (all->*value == off) all->*value = other.*value;
  };
  join_float(&StepValues::inverse_temperature, 1);
  join_float(&StepValues::square, 0);
  join_float(&StepValues::cube, 0);
  all->greedy = all->greedy && other.greedy;
}

}  // namespace

StepValues DeriveValues(const KnobsAt& knobs, uint32_t vocab_size) {
  StepValues values;
  const DialectRules& rules =
      RulesOf(knobs.params().dialect.value_or(Dialect::kLogitd));
  DeriveEdits(knobs, &values);
  DeriveTemperature(knobs, rules, &values);
  DeriveTruncation(knobs, vocab_size, &values);
  DeriveDraw(knobs, &values);
  return values;
}

ValuesOfAll DeriveValuesOfAll(const Params& params, uint32_t vocab_size) {
  ValuesOfAll all;
  bool is_first = true;
  for (const uint32_t point : PointsOf(params)) {
    const StepValues values = DeriveValues(KnobsAt(params, point), vocab_size);
    all.is_ever_greedy = all.is_ever_greedy || values.greedy;
    if (is_first) all.joined = values;
    Join(values, &all.joined);
    is_first = false;
  }
  return all;
}

}  // namespace logitd
