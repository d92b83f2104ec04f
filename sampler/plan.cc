#include "sampler/plan.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sampler/float_environment.h"
#include "sampler/knobs.h"
#include "sampler/natural_log.h"
#include "sampler/order.h"
#include "sampler/repeat_index.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

TokenIds SortedSet(TokenIds ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

TokenIds Union(TokenIds a, const TokenIds& b) {
  a.insert(a.end(), b.begin(), b.end());
  return SortedSet(std::move(a));
}

std::shared_ptr<const SequenceSet> Sequences(std::vector<TokenIds> sequences) {
  if (sequences.empty()) return nullptr;
  return std::make_shared<const SequenceSet>(std::move(sequences));
}

void CompileBans(const Params& params, Plan* plan) {
  if (!params.allowed_ids.empty()) {
    plan->allowed_mask.assign((plan->vocab_size + 7) / 8, 0);
    for (const uint32_t id : params.allowed_ids) {
      plan->allowed_mask[id / 8] |= static_cast<uint8_t>(1u << (id % 8));
    }
  }
  plan->banned_ids = SortedSet(params.banned_ids);
  if (params.ban_eos.value_or(false)) {
    plan->banned_ids = Union(std::move(plan->banned_ids), params.eos_ids);
  }
  plan->bad_words = params.bad_words;
  plan->suppressed_ids = SortedSet(params.suppressed_ids);
  plan->begin_suppressed_ids = SortedSet(params.begin_suppressed_ids);
  plan->no_repeat_ngram = params.no_repeat_ngram.value_or(0);
  plan->relax_soft_bans =
      params.on_empty.value_or(OnEmpty::kRelax) == OnEmpty::kRelax;
  plan->ban_non_finite =
      params.on_non_finite.value_or(OnNonFinite::kReject) == OnNonFinite::kBan;
}

void CompileForcing(const Params& params, Plan* plan) {
  plan->forced_tokens = params.forced_tokens;
  plan->mask_wins = params.on_conflict.value_or(OnConflict::kMaskWins) ==
                    OnConflict::kMaskWins;
  if (!params.thinking_budget) return;
  const ThinkingBudget& budget = *params.thinking_budget;
  ThinkingPlan& thinking = plan->thinking.emplace();
  thinking.start = Sequences({budget.start});
  thinking.end = Sequences({budget.end});
  thinking.max_tokens = budget.max_tokens;
  thinking.forced = budget.message;
  thinking.forced.insert(thinking.forced.end(), budget.end.begin(),
                         budget.end.end());
}

void CompileEnds(const Params& params, Plan* plan) {
  if (!params.ignore_eos.value_or(false)) {
    plan->eos_ids = SortedSet(params.eos_ids);
  }
  plan->stop_ids = SortedSet(params.stop_ids);
  plan->max_tokens = params.max_tokens;
  plan->min_tokens = params.min_tokens.value_or(0);
  if (plan->min_tokens > 0) {
    const bool all = plan->rules->min_tokens_ban_ignored_eos;
    plan->delayed_ids =
        Union(plan->stop_ids, all ? params.eos_ids : plan->eos_ids);
  }
}

void CompileBiasAndPenalties(const Params& params, Plan* plan) {
  std::vector<std::pair<uint32_t, double>> bias;
  for (size_t i = 0; i < params.logit_bias_ids.size(); ++i) {
    if (params.logit_bias_values[i] == 0) continue;
    bias.emplace_back(params.logit_bias_ids[i], params.logit_bias_values[i]);
  }
  std::sort(bias.begin(), bias.end());
  for (const auto& [id, value] : bias) {
    plan->bias_ids.push_back(id);
    plan->bias_values.push_back(value);
  }
  plan->penalty_exclude_ids = SortedSet(params.penalty_exclude_ids);
}

void CompileDry(const Params& params, Plan* plan) {
  if (!plan->values.dry) return;
  DryPlan& dry = plan->dry.emplace();
  dry.allowed_length = params.dry_allowed_length.value_or(2);
  dry.window = params.dry_window;
  std::vector<TokenIds> breakers = params.dry_breaker_sequences;
  for (const uint32_t id : params.dry_breaker_ids) breakers.push_back({id});
  TokenIds untouched = params.penalty_exclude_ids;
  for (const TokenIds& breaker : breakers) {
    if (breaker.size() == 1) untouched.push_back(breaker[0]);
  }
  dry.untouched = SortedSet(std::move(untouched));
  if (plan->rules->dry_breaker_by_start) dry.breakers_by_start = breakers;
  dry.breakers = Sequences(std::move(breakers));
}

void CompileLength(const Params& params, Plan* plan) {
  if (!plan->values.length_factor || plan->eos_ids.empty()) return;
  plan->length =
      LengthPlan{params.length_penalty_start.value_or(0), plan->eos_ids};
}

// After so many tokens it is at its least, wherever it began.
uint32_t FadedAfter(const FadingTopP& fading) {
  const double count = LogD(fading.least / fading.first) / LogD(fading.decay);
  return count < 1e9 ? static_cast<uint32_t>(count) + 2
                     : std::numeric_limits<uint32_t>::max();
}

}  // namespace

absl::StatusOr<Plan> Plan::Compile(Params params, uint32_t vocab_size) {
  const FloatEnvironment environment;
  LOGITD_RETURN_IF_ERROR(Validate(params, vocab_size));
  Plan plan;
  plan.vocab_size = vocab_size;
  plan.rules = &RulesOf(params.dialect.value_or(Dialect::kLogitd));
  const ValuesOfAll all = DeriveValuesOfAll(params, vocab_size);
  plan.values = all.joined;
  plan.is_ever_greedy = all.is_ever_greedy;
  plan.xtc_protected_ids = SortedSet(params.xtc_protected_ids);
  if (plan.values.fading_top_p && !params.top_p_reset_ids.empty()) {
    std::vector<TokenIds> resets;
    for (const uint32_t id : params.top_p_reset_ids) resets.push_back({id});
    plan.top_p_resets = Sequences(std::move(resets));
  }
  CompileBans(params, &plan);
  CompileForcing(params, &plan);
  CompileEnds(params, &plan);
  CompileBiasAndPenalties(params, &plan);
  CompileDry(params, &plan);
  CompileLength(params, &plan);
  plan.stages = OrderOf(params, plan.values);
  plan.params = std::move(params);
  return plan;
}

StepValues Plan::ValuesAt(uint32_t generated) const {
  if (params.schedules.empty()) return values;
  return DeriveValues(KnobsAt(params, generated), vocab_size);
}

const char* Plan::knob_of_prompt() const {
  if (values.repetition && rules->repetition_counts_prompt) {
    return "repetition_penalty";
  }
  if (values.prompt_repetition) return "prompt_repetition_penalty";
  if (dry) return "dry_multiplier";
  if (no_repeat_ngram > 0) return "no_repeat_ngram";
  if (thinking) return "thinking_budget";
  if (rules->frequency_counts_prompt) {
    if (values.frequency) return "frequency_penalty";
    if (values.presence) return "presence_penalty";
  }
  const bool words = !bad_words.empty() && rules->bad_words_match_prompt;
  return words ? "bad_words" : "";
}

uint32_t Plan::least_repeat() const {
  uint32_t least = dry ? dry->allowed_length : 0;
  if (no_repeat_ngram > 1 && (least == 0 || no_repeat_ngram - 1 < least)) {
    least = no_repeat_ngram - 1;
  }
  return least;
}

uint32_t Plan::lookback() const {
  constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();
  uint32_t most = 1;  // the ends look at the last token
  const auto look = [&](uint32_t tokens) { most = std::max(most, tokens); };
  const auto look_at_window = [&](std::optional<uint32_t> window) {
    look(window.value_or(kAll));
  };
  if (values.repetition) look_at_window(params.repetition_window);
  if (values.frequency) look_at_window(params.frequency_window);
  if (values.presence) look_at_window(params.presence_window);
  if (values.prompt_repetition || no_repeat_ngram > 0) look(kAll);
  if (top_p_resets) {
    look(params.schedules.empty() ? FadedAfter(*values.fading_top_p) : kAll);
  }
  if (dry && !dry->window) look(kAll);
  if (dry && dry->window) {
    // A breaker may begin before the window.
    const uint32_t longest = dry->breakers ? dry->breakers->longest() : 0;
    look(*dry->window + std::max(longest, RepeatIndex::kGramMax));
  }
  if (thinking) {  // further back nothing is left to force
    look(thinking->max_tokens + static_cast<uint32_t>(thinking->forced.size()) +
         std::max(thinking->start->longest(), thinking->end->longest()));
  }
  for (const TokenIds& sequence : params.stop_sequences) {
    look(static_cast<uint32_t>(sequence.size()));
  }
  for (const TokenIds& sequence : bad_words) {
    look(static_cast<uint32_t>(sequence.size()));
  }
  return most;
}

}  // namespace logitd
