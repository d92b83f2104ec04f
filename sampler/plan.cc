#include "sampler/plan.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "sampler/float_environment.h"
#include "sampler/knobs.h"
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

template <class T>
std::optional<T> UnlessOff(const std::optional<T>& value, T off) {
  return value == off ? std::nullopt : value;
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
  plan->relax_soft_bans =
      params.on_empty.value_or(OnEmpty::kRelax) == OnEmpty::kRelax;
  plan->ban_non_finite =
      params.on_non_finite.value_or(OnNonFinite::kReject) == OnNonFinite::kBan;
}

void CompileEnds(const Params& params, Plan* plan) {
  if (!params.ignore_eos.value_or(false)) {
    plan->eos_ids = SortedSet(params.eos_ids);
  }
  plan->stop_ids = SortedSet(params.stop_ids);
  plan->max_tokens = params.max_tokens;
  plan->min_tokens = params.min_tokens.value_or(0);
  if (plan->min_tokens > 0) {
    plan->delayed_ids = Union(plan->eos_ids, plan->stop_ids);
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
  plan->repetition = UnlessOff(params.repetition_penalty, 1.0);
  plan->frequency = UnlessOff(params.frequency_penalty, 0.0);
  plan->presence = UnlessOff(params.presence_penalty, 0.0);
  plan->penalty_exclude_ids = SortedSet(params.penalty_exclude_ids);
}

}  // namespace

absl::StatusOr<Plan> Plan::Compile(Params params, uint32_t vocab_size) {
  const FloatEnvironment environment;
  LOGITD_RETURN_IF_ERROR(Validate(params, vocab_size));
  Plan plan;
  plan.vocab_size = vocab_size;
  plan.values = DeriveValues(params, vocab_size);
  plan.stages.assign(std::begin(kStageOrder), std::end(kStageOrder));
  plan.xtc_protected_ids = SortedSet(params.xtc_protected_ids);
  CompileBans(params, &plan);
  CompileEnds(params, &plan);
  CompileBiasAndPenalties(params, &plan);
  plan.params = std::move(params);
  return plan;
}

uint32_t Plan::lookback() const {
  constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();
  uint32_t most = 1;  // the ends look at the last token
  if (repetition) {
    most = std::max(most, params.repetition_window.value_or(kAll));
  }
  if (frequency) {
    most = std::max(most, params.frequency_window.value_or(kAll));
  }
  if (presence) most = std::max(most, params.presence_window.value_or(kAll));
  for (const TokenIds& sequence : params.stop_sequences) {
    most = std::max(most, static_cast<uint32_t>(sequence.size()));
  }
  return most;
}

}  // namespace logitd
