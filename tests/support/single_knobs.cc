#include "tests/support/single_knobs.h"

#include <utility>

namespace logitd::tests {
namespace {

using Knobs = std::vector<SingleKnob>;

Params& Add(const char* name, Knobs* knobs) {
  knobs->push_back({name, {}});
  return knobs->back().params;
}

// Spread over the vocabulary.
TokenIds Ids(uint32_t count, uint32_t vocab_size) {
  TokenIds ids;
  for (uint32_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<uint32_t>(uint64_t{i} * vocab_size / count));
  }
  return ids;
}

void AddTemperatures(Knobs* knobs) {
  Add("temperature", knobs).temperature = 0.8;
  Add("greedy", knobs).temperature = 0;
  Params& dynamic = Add("dynamic_temperature", knobs);
  dynamic.temperature = 0.8;
  dynamic.dynamic_temperature_range = 0.5;
  Add("smoothing", knobs).smoothing_factor = 0.2;
}

void AddCuts(Knobs* knobs) {
  Add("top_n_sigma", knobs).top_n_sigma = 1;
  Add("top_k", knobs).top_k = 40;
  Add("top_p", knobs).top_p = 0.95;
  Params& decay = Add("top_p_decay", knobs);
  decay.top_p = 0.95;
  decay.top_p_decay = 0.9999;
  Add("min_p", knobs).min_p = 0.05;
  Add("typical", knobs).typical_p = 0.95;
  knobs->back().may_read_more = true;
  Add("epsilon", knobs).epsilon_cutoff = 3e-4;
  Add("eta", knobs).eta_cutoff = 2e-3;
  Add("top_a", knobs).top_a = 0.2;
  Add("tail_free", knobs).tail_free = 0.95;
  knobs->back().may_read_more = true;
  Add("top_h", knobs).top_h = 0.4;
  Add("p_less", knobs).p_less = true;
  Params& xtc = Add("xtc", knobs);
  xtc.xtc_probability = 1;
  xtc.xtc_threshold = 0.1;
}

void AddFeedback(Knobs* knobs) {
  Add("mirostat 1", knobs).mirostat = 1;
  knobs->back().may_read_more = true;
  Add("mirostat 2", knobs).mirostat = 2;
  Add("adaptive_p", knobs).adaptive_p_target = 0.3;
  knobs->back().other_reads = 1;
}

void AddLooksBack(uint32_t vocab_size, Knobs* knobs) {
  Params& repetition = Add("repetition", knobs);
  repetition.repetition_penalty = 1.1;
  repetition.repetition_window = 64;
  Params& frequency = Add("frequency", knobs);
  frequency.frequency_penalty = 0.1;
  frequency.frequency_window = 64;
  Params& presence = Add("presence", knobs);
  presence.presence_penalty = 0.1;
  presence.presence_window = 64;
  Add("prompt_repetition", knobs).prompt_repetition_penalty = 1.1;
  Add("dry", knobs).dry_multiplier = 0.8;
  Params& length = Add("length", knobs);
  length.length_penalty_factor = 1.00001;
  length.eos_ids = {vocab_size - 1};
  Add("no_repeat_ngram", knobs).no_repeat_ngram = 3;
  Params& words = Add("bad_words", knobs);
  for (uint32_t id : Ids(64, vocab_size)) words.bad_words.push_back({1, id});
}

void AddBans(uint32_t vocab_size, Knobs* knobs) {
  Params& bias = Add("logit_bias", knobs);
  bias.logit_bias_ids = Ids(100, vocab_size);
  bias.logit_bias_values.assign(100, 1.5);
  Add("allowed_ids", knobs).allowed_ids = Ids(1000, vocab_size);
  Add("banned_ids", knobs).banned_ids = Ids(100, vocab_size);
  Add("mask", knobs);
  knobs->back().mask = true;
  Params& least = Add("min_tokens", knobs);
  least.min_tokens = 1u << 20;
  least.eos_ids = {vocab_size - 1};
  Add("suppressed", knobs).suppressed_ids = Ids(100, vocab_size);
  Add("guidance", knobs).guidance_scale = 1.5;
  knobs->back().second_row = true;
  knobs->back().other_reads = -1;
}

void AddForcing(uint32_t vocab_size, Knobs* knobs) {
  Add("forced_tokens", knobs).forced_tokens = Ids(1u << 16, vocab_size);
  Add("thinking_budget", knobs).thinking_budget =
      ThinkingBudget{{1}, {2}, 1000, {}};
}

// What says how other knobs act, beside one that is cheap.
void AddManner(uint32_t vocab_size, Knobs* knobs) {
  Params& steps = Add("steps", knobs);
  steps.temperature = 0.8;
  steps.min_p = 0.05;
  steps.steps = {Stage::kMinP, Stage::kTemperature};
  constexpr int kTemperatureField = 1;
  Add("schedules", knobs).schedules = {{kTemperatureField,
                                        ScheduleShape::kLinear,
                                        {{0, 1.2}, {1000, 0.8}},
                                        {},
                                        {}}};
  Params& dialect = Add("dialect", knobs);
  dialect.temperature = 0.8;
  dialect.dialect = Dialect::kLlamaCpp;
  Params& exclude = Add("penalty_exclude_ids", knobs);
  exclude.frequency_penalty = 0.1;
  exclude.frequency_window = 64;
  exclude.penalty_exclude_ids = Ids(100, vocab_size);
  Params& protect = Add("xtc_protected_ids", knobs);
  protect.xtc_probability = 1;
  protect.xtc_threshold = 0.1;
  protect.xtc_protected_ids = Ids(100, vocab_size);
}

}  // namespace

std::vector<SingleKnob> SingleKnobs(uint32_t vocab_size) {
  Knobs knobs;
  Add("none", &knobs);
  AddTemperatures(&knobs);
  AddCuts(&knobs);
  AddFeedback(&knobs);
  AddLooksBack(vocab_size, &knobs);
  AddBans(vocab_size, &knobs);
  AddForcing(vocab_size, &knobs);
  AddManner(vocab_size, &knobs);
  return knobs;
}

}  // namespace logitd::tests
