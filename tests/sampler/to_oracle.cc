// The oracle's parameters, state and history of a case.
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

// The oracle's knob of a schedule.
void PointAt(int field, oracle::Schedule* to) {
  using O = oracle::Params;
  const struct {
    int field;
    double O::*knob;
  } kReals[] = {
      {1, &O::temperature},
      {2, &O::dynamic_range},
      {3, &O::dynamic_exponent},
      {4, &O::smoothing_factor},
      {5, &O::smoothing_curve},
      {11, &O::top_p},
      {12, &O::min_p},
      {13, &O::top_n_sigma},
      {14, &O::typical_p},
      {15, &O::epsilon},
      {16, &O::eta},
      {17, &O::top_a},
      {18, &O::tail_free},
      {19, &O::top_h},
      {21, &O::xtc_probability},
      {22, &O::xtc_threshold},
      {24, &O::top_p_decay},
      {25, &O::top_p_min},
      {31, &O::mirostat_tau},
      {32, &O::mirostat_eta},
      {33, &O::adaptive_target},
      {34, &O::adaptive_decay},
      {40, &O::repetition},
      {42, &O::frequency},
      {44, &O::presence},
      {47, &O::prompt_repetition},
      {48, &O::dry_multiplier},
      {49, &O::dry_base},
      {55, &O::length_factor},
      {67, &O::guidance_scale},
  };
  for (const auto& real : kReals) {
    if (real.field == field) to->real = real.knob;
  }
  if (field == 10) to->count = &O::top_k;
}

oracle::Schedule ToOracle(const Schedule& schedule) {
  oracle::Schedule to;
  PointAt(schedule.field, &to);
  to.linear = schedule.shape == ScheduleShape::kLinear;
  for (const SchedulePoint& point : schedule.points) {
    to.points.emplace_back(point.at, point.value);
  }
  if (schedule.min) to.min = *schedule.min;
  if (schedule.max) to.max = *schedule.max;
  return to;
}

// The knobs from temperature on.
void ShapeToOracle(const Params& p, oracle::Params* out) {
  oracle::Params& o = *out;
  for (const Stage step : p.steps) o.steps.push_back(NameOf(step));
  o.top_p_decay = p.top_p_decay.value_or(1);
  o.top_p_min = p.top_p_min.value_or(1e-6);
  o.top_p_reset_ids = p.top_p_reset_ids;
  o.dynamic_range = p.dynamic_temperature_range.value_or(0);
  o.dynamic_exponent = p.dynamic_temperature_exponent.value_or(1);
  o.smoothing_factor = p.smoothing_factor.value_or(0);
  o.smoothing_curve = p.smoothing_curve.value_or(1);
  o.top_n_sigma = p.top_n_sigma.value_or(0);
  o.typical_p = p.typical_p.value_or(1);
  o.epsilon = p.epsilon_cutoff.value_or(0);
  o.eta = p.eta_cutoff.value_or(0);
  o.top_a = p.top_a.value_or(0);
  o.tail_free = p.tail_free.value_or(1);
  o.top_h = p.top_h.value_or(1);
  o.p_less = p.p_less.value_or(false);
  o.xtc_probability = p.xtc_probability.value_or(0);
  o.xtc_threshold = p.xtc_threshold.value_or(0.1);
  o.xtc_protected_ids = p.xtc_protected_ids;
  o.mirostat = p.mirostat.value_or(0);
  o.mirostat_tau = p.mirostat_tau.value_or(5);
  o.mirostat_eta = p.mirostat_eta.value_or(0.1);
  o.adaptive_target = p.adaptive_p_target.value_or(0);
  o.adaptive_decay = p.adaptive_p_decay.value_or(0.9);
}

}  // namespace

oracle::Params ToOracle(const Params& p) {
  oracle::Params o;
  o.temperature = p.temperature.value_or(1);
  ShapeToOracle(p, &o);
  o.top_k = p.top_k.value_or(0);
  o.top_p = p.top_p.value_or(1);
  o.min_p = p.min_p.value_or(0);
  o.repetition = p.repetition_penalty.value_or(1);
  o.repetition_window = p.repetition_window.value_or(0);
  o.frequency = p.frequency_penalty.value_or(0);
  o.frequency_window = p.frequency_window.value_or(0);
  o.presence = p.presence_penalty.value_or(0);
  o.presence_window = p.presence_window.value_or(0);
  o.penalty_exclude_ids = p.penalty_exclude_ids;
  o.prompt_repetition = p.prompt_repetition_penalty.value_or(1);
  o.dry_multiplier = p.dry_multiplier.value_or(0);
  o.dry_base = p.dry_base.value_or(1.75);
  o.dry_allowed_length = p.dry_allowed_length.value_or(2);
  o.dry_window = p.dry_window.value_or(0);
  o.dry_breakers = p.dry_breaker_sequences;
  for (uint32_t id : p.dry_breaker_ids) o.dry_breakers.push_back({id});
  o.length_factor = p.length_penalty_factor.value_or(1);
  o.length_start = p.length_penalty_start.value_or(0);
  for (size_t i = 0; i < p.logit_bias_ids.size(); ++i) {
    o.bias.emplace_back(p.logit_bias_ids[i], p.logit_bias_values[i]);
  }
  o.guidance_scale = p.guidance_scale.value_or(1);
  o.allowed_ids = p.allowed_ids;
  o.banned_ids = p.banned_ids;
  o.bad_words = p.bad_words;
  o.suppressed_ids = p.suppressed_ids;
  o.begin_suppressed_ids = p.begin_suppressed_ids;
  o.no_repeat_ngram = p.no_repeat_ngram.value_or(0);
  o.forced_tokens = p.forced_tokens;
  if (p.thinking_budget) {
    const ThinkingBudget& budget = *p.thinking_budget;
    o.thinking = {budget.start, budget.end, budget.max_tokens, budget.message};
  }
  for (const Schedule& schedule : p.schedules) {
    o.schedules.push_back(ToOracle(schedule));
  }
  o.fail_on_conflict = p.on_conflict == OnConflict::kError;
  o.eos_ids = p.eos_ids;
  o.stop_ids = p.stop_ids;
  o.stop_sequences = p.stop_sequences;
  o.min_tokens = p.min_tokens.value_or(0);
  o.max_tokens = p.max_tokens.value_or(0);
  o.ignore_eos = p.ignore_eos.value_or(false);
  o.ban_eos = p.ban_eos.value_or(false);
  o.fail_on_empty = p.on_empty == OnEmpty::kError;
  o.ban_non_finite = p.on_non_finite == OnNonFinite::kBan;
  return o;
}

oracle::Feedback ToOracle(const Feedback& feedback) {
  oracle::Feedback o;
  o.mu = feedback.mu;
  o.has_sums = feedback.sums.has_value();
  if (o.has_sums) {
    o.weighted = feedback.sums->weighted;
    o.total = feedback.sums->total;
  }
  return o;
}

oracle::Past PastOf(const Case& c) { return {c.prompt, c.output}; }

}  // namespace logitd::tests
