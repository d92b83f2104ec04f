#include "sampler/params.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "sampler/knob_check.h"
#include "sampler/knobs.h"
#include "sampler/order.h"
#include "sampler/sequence_set.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

absl::Status CheckIds(const char* name, const TokenIds& ids, size_t count_max,
                      uint32_t vocab_size) {
  if (ids.size() > count_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name, ": ", ids.size(), " ids are more than ", count_max));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < vocab_size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": id ", ids[i], " at index ", i, " is outside [0, ",
                     vocab_size, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckSequence(const std::string& name, const TokenIds& tokens,
                           size_t least, uint32_t vocab_size) {
  if (tokens.size() < least) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": 0 tokens are outside [1, ", kStopSequenceTokensMax, "]"));
  }
  return CheckIds(name.c_str(), tokens, kStopSequenceTokensMax, vocab_size);
}

absl::Status CheckBias(const Params& params, uint32_t vocab_size) {
  LOGITD_RETURN_IF_ERROR(
      CheckIds("logit_bias_ids", params.logit_bias_ids, kBiasMax, vocab_size));
  const std::vector<double>& values = params.logit_bias_values;
  if (values.size() != params.logit_bias_ids.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("logit_bias_values: ", values.size(), " values for ",
                     params.logit_bias_ids.size(), " logit_bias_ids"));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::abs(values[i]) <= 100) continue;  // false for NaN
    return absl::InvalidArgumentError(
        absl::StrCat("logit_bias_values: ", Digits(values[i]), " at index ", i,
                     " is outside [-100, 100]; to ban a token use banned_ids"));
  }
  TokenIds sorted = params.logit_bias_ids;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("logit_bias_ids: id ", *twice, " is given twice"));
  }
  return absl::OkStatus();
}

absl::Status CheckSequences(const SequencesKnob& knob,
                            const std::vector<TokenIds>& sequences,
                            uint32_t vocab_size) {
  if (sequences.size() > kStopSequencesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(knob.name, ": ", sequences.size(),
                     " sequences are more than ", kStopSequencesMax));
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    const std::string name = absl::StrCat(knob.name, "[", i, "].tokens");
    LOGITD_RETURN_IF_ERROR(CheckSequence(name, sequences[i], 1, vocab_size));
  }
  return absl::OkStatus();
}

bool Holds(const TokenIds& tokens, const TokenIds& part) {
  return std::search(tokens.begin(), tokens.end(), part.begin(), part.end()) !=
         tokens.end();
}

absl::Status CheckThinking(const ThinkingBudget& budget, uint32_t vocab_size) {
  const std::string name = "thinking_budget.";
  LOGITD_RETURN_IF_ERROR(
      CheckSequence(name + "start", budget.start, 1, vocab_size));
  LOGITD_RETURN_IF_ERROR(
      CheckSequence(name + "end", budget.end, 1, vocab_size));
  LOGITD_RETURN_IF_ERROR(
      CheckSequence(name + "message", budget.message, 0, vocab_size));
  if (budget.max_tokens > kCountMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, "max_tokens: ", budget.max_tokens,
                     " is outside [0, ", kCountMax, "]"));
  }
  if (SequenceSet({budget.end}).EndsOneOf(budget.start)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, "start: ends with thinking_budget.end, so no section begins"));
  }
  TokenIds forced = budget.message;
  forced.insert(forced.end(), budget.end.begin(), budget.end.end());
  if (Holds(forced, budget.start)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name,
        "message: holds thinking_budget.start, alone or with the end, so "
        "no section would end"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Params& params, uint32_t vocab_size) {
  for (const RealKnob& knob : kRealKnobs) {
    const auto& value = params.*knob.value;
    if (value) LOGITD_RETURN_IF_ERROR(CheckReal(knob.name, knob, *value));
  }
  for (const CountKnob& knob : kCountKnobs) {
    const auto& value = params.*knob.value;
    if (value) LOGITD_RETURN_IF_ERROR(CheckCount(knob.name, knob, *value));
  }
  for (const IdsKnob& knob : kIdsKnobs) {
    LOGITD_RETURN_IF_ERROR(
        CheckIds(knob.name, params.*knob.value, knob.count_max, vocab_size));
  }
  LOGITD_RETURN_IF_ERROR(CheckBias(params, vocab_size));
  for (const SequencesKnob& knob : kSequencesKnobs) {
    LOGITD_RETURN_IF_ERROR(
        CheckSequences(knob, params.*knob.value, vocab_size));
  }
  LOGITD_RETURN_IF_ERROR(
      CheckIds("forced_tokens", params.forced_tokens, kIdsMax, vocab_size));
  LOGITD_RETURN_IF_ERROR(CheckSchedules(params));
  LOGITD_RETURN_IF_ERROR(CheckSteps(params, vocab_size));
  return params.thinking_budget
             ? CheckThinking(*params.thinking_budget, vocab_size)
             : absl::OkStatus();
}

}  // namespace logitd
