#include "sampler/order.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace logitd {
namespace {

bool HasEnds(const Params& params) {
  return !params.eos_ids.empty() && !params.ignore_eos.value_or(false);
}

bool Biases(const Params& params) {
  const auto& values = params.logit_bias_values;
  return std::any_of(values.begin(), values.end(),
                     [](double value) { return value != 0; });
}

bool Tempers(const StepValues& values) {
  return values.greedy || values.dynamic || values.inverse_temperature != 1 ||
         values.square != 0 || values.cube != 0;
}

bool Has(const std::vector<Stage>& order, Stage stage) {
  return std::find(order.begin(), order.end(), stage) != order.end();
}

}  // namespace

bool IsOn(Stage stage, const Params& params, const StepValues& values) {
  switch (stage) {
    case Stage::kLogitBias:
      return Biases(params);
    case Stage::kPromptRepetition:
      return values.prompt_repetition.has_value();
    case Stage::kRepetition:
      return values.repetition.has_value();
    case Stage::kFrequency:
      return values.frequency.has_value();
    case Stage::kPresence:
      return values.presence.has_value();
    case Stage::kDry:
      return values.dry.has_value();
    case Stage::kLength:
      return values.length_factor && HasEnds(params);
    case Stage::kTemperature:
      return Tempers(values);
    case Stage::kTopNSigma:
      return values.sigmas.has_value();
    case Stage::kTopK:
      return values.top_k.has_value();
    case Stage::kTopP:
      return values.top_p || values.fading_top_p;
    case Stage::kMinP:
      return values.min_p_floor.has_value();
    case Stage::kTypical:
      return values.typical_p.has_value();
    case Stage::kEpsilon:
      return values.log_epsilon.has_value();
    case Stage::kEta:
      return values.log_eta.has_value();
    case Stage::kTopA:
      return values.log_top_a.has_value();
    case Stage::kTailFree:
      return values.tail_free.has_value();
    case Stage::kTopH:
      return values.top_h.has_value();
    case Stage::kPLess:
      return values.p_less;
    case Stage::kXtc:
      return values.xtc.has_value();
    case Stage::kMirostat:
      return values.mirostat.has_value();
    case Stage::kAdaptiveP:
      return values.adaptive_p.has_value();
  }
  return false;
}

absl::Status CheckSteps(const Params& params, uint32_t vocab_size) {
  const std::vector<Stage>& steps = params.steps;
  if (steps.empty()) return absl::OkStatus();
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    if (std::find(steps.begin(), step, *step) == step) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("steps: ", NameOf(*step), " is named twice"));
  }
  const StepValues values = DeriveValuesOfAll(params, vocab_size).joined;
  for (size_t i = 0; i < kOrderedStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (!IsOn(stage, params, values) || Has(steps, stage)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("steps: lack ", NameOf(stage), ", whose knob is set"));
  }
  return absl::OkStatus();
}

std::vector<Stage> OrderOf(const Params& params, const StepValues& values) {
  std::vector<Stage> order = params.steps;
  if (order.empty()) {
    const DialectRules& rules =
        RulesOf(params.dialect.value_or(Dialect::kLogitd));
    order.assign(rules.order.begin(), rules.order.end());
  }
  if (!Has(order, Stage::kTemperature)) {
    order.insert(std::find_if_not(order.begin(), order.end(), ChangesLogits),
                 Stage::kTemperature);
  }
  std::vector<Stage> active;
  bool is_greedy = false;
  for (const Stage stage : order) {
    const bool is_temperature = stage == Stage::kTemperature;
    if (is_temperature) is_greedy = values.greedy;
    const bool is_dead = is_greedy && !is_temperature && !ChangesLogits(stage);
    if (!is_dead && (is_temperature || IsOn(stage, params, values))) {
      active.push_back(stage);
    }
  }
  return active;
}

}  // namespace logitd
