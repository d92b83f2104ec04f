#include "tests/sampler/asked.h"

#include <algorithm>
#include <optional>

#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

template <class T>
std::optional<T> UnlessOff(T value, T off) {
  return value == off ? std::nullopt : std::optional<T>(value);
}

void SetPenalties(const dialects::Params& from, Params* to) {
  to->prompt_repetition_penalty = UnlessOff(from.prompt_repetition, 1.0);
  to->repetition_penalty = UnlessOff(from.repetition, 1.0);
  to->repetition_window = UnlessOff(from.repetition_window, 0u);
  to->frequency_penalty = UnlessOff(from.frequency, 0.0);
  to->frequency_window = UnlessOff(from.frequency_window, 0u);
  to->presence_penalty = UnlessOff(from.presence, 0.0);
  to->presence_window = UnlessOff(from.presence_window, 0u);
  to->penalty_exclude_ids = from.penalty_exclude_ids;
  to->dry_multiplier = UnlessOff(from.dry_multiplier, 0.0);
  to->dry_base = from.dry_base;
  to->dry_allowed_length = from.dry_allowed_length;
  to->dry_window = UnlessOff(from.dry_window, 0u);
  to->dry_breaker_sequences = from.dry_breakers;
  to->length_penalty_start = from.length_penalty_start;
  to->length_penalty_factor = UnlessOff(from.length_penalty_factor, 1.0);
  for (const auto& [id, bias] : from.bias) {
    to->logit_bias_ids.push_back(id);
    to->logit_bias_values.push_back(bias);
  }
}

void SetBans(const dialects::Params& from, Params* to) {
  to->no_repeat_ngram = from.no_repeat_ngram;
  to->allowed_ids = from.allowed_ids;
  to->banned_ids = from.banned_ids;
  to->bad_words = from.bad_words;
  to->suppressed_ids = from.suppressed_ids;
  to->begin_suppressed_ids = from.begin_suppressed_ids;
  to->guidance_scale = UnlessOff(from.guidance_scale, 1.0);
  to->eos_ids = from.eos_ids;
  to->stop_ids = from.stop_ids;
  to->min_tokens = from.min_tokens;
  to->ignore_eos = from.ignore_eos;
  to->ban_eos = from.ban_eos;
}

void SetShape(const dialects::Params& from, Params* to) {
  to->temperature = from.temperature;
  to->dynamic_temperature_range = from.dynamic_temperature_range;
  to->dynamic_temperature_exponent = from.dynamic_temperature_exponent;
  to->smoothing_factor = from.smoothing_factor;
  to->smoothing_curve = from.smoothing_curve;
  to->top_k = UnlessOff(from.top_k, 0u);
  to->top_p = from.top_p;
  to->min_p = from.min_p;
  to->top_n_sigma = from.top_n_sigma;
  to->typical_p = from.typical_p;
  to->epsilon_cutoff = from.epsilon_cutoff;
  to->eta_cutoff = from.eta_cutoff;
  to->top_h = from.top_h;
  to->top_a = from.top_a;
  to->tail_free = from.tail_free;
  to->p_less = from.p_less;
  to->xtc_probability = from.xtc_applies && from.xtc_threshold <= .5 ? 1 : 0;
  to->xtc_threshold = std::min(from.xtc_threshold, .5);
  to->xtc_protected_ids = from.xtc_protected_ids;
  to->mirostat = from.mirostat;
  if (from.adaptive_p) to->adaptive_p_target = from.adaptive_p_target;
}

}  // namespace

Dialect DialectOf(DialectName name) {
  return static_cast<Dialect>(static_cast<int>(name) + 1);
}

Case Asked(const DialectCase& from, Dialect dialect) {
  Params params;
  params.dialect = dialect;
  SetPenalties(from.params, &params);
  SetBans(from.params, &params);
  SetShape(from.params, &params);
  Case c = Question(from.row.logits, params);
  c.name = from.name;
  c.guidance = from.row.unconditional;
  if (!params.guidance_scale) c.guidance.clear();
  c.has_mask = from.row.has_mask;
  c.mask = from.row.mask;
  c.prompt = from.past.prompt;
  c.output = from.past.output;
  c.at.position = static_cast<uint32_t>(c.prompt.size() + c.output.size());
  c.report.kept_ids = true;
  if (from.params.mirostat != 0) c.feedback.mu = from.params.mirostat_mu;
  if (from.params.adaptive_p) {
    c.feedback.sums = Feedback::Sums{from.params.adaptive_p_weighted_sum,
                                     from.params.adaptive_p_total_weight};
  }
  return c;
}

}  // namespace logitd::tests
