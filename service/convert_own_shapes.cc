// Parameters of a shape of their own: contract to sampler and back.
#include "service/convert_own_shapes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/knob_check.h"
#include "sampler/knobs.h"
#include "sampler/knobs_at.h"
#include "sampler/status_macros.h"
#include "service/convert_params.h"
#include "service/profiles/knob.h"
#include "service/session/quote.h"

namespace logitd {

bool HasOwnShape(int number) {
  return number == kBiasIdsField || number == kBiasValuesField ||
         number == kForcedTokensField || number == kThinkingBudgetField ||
         number == kOnEmptyField || number == kOnNonFiniteField ||
         number == kOnConflictField || number == kDialectField ||
         number == kStepsField || number == kSchedulesField;
}

absl::Status CheckCount(absl::string_view field, size_t count, const char* what,
                        const char* flag, uint32_t most) {
  if (count <= most) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      field, ": ", count, " ", what, " are more than --", flag, " ", most));
}

// The tokens of a sequence, at most as many as one may have.
absl::Status ReadSequence(const std::string& field, const std::string& bytes,
                          TokenIds* tokens) {
  if (bytes.size() / 4 > kStopSequenceTokensMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(field, ": ", bytes.size() / 4, " tokens are more than ",
                     kStopSequenceTokensMax));
  }
  LOGITD_ASSIGN_OR_RETURN(*tokens, ReadIds(field, bytes));
  return absl::OkStatus();
}

namespace {

absl::Status ReadBias(const v1::SamplingParams& wire, const Limits& limits,
                      Params* params) {
  LOGITD_RETURN_IF_ERROR(CheckCount("logit_bias_ids",
                                    wire.logit_bias_ids().size() / 4, "ids",
                                    "max_bias", limits.max_bias));
  LOGITD_ASSIGN_OR_RETURN(params->logit_bias_ids,
                          ReadIds("logit_bias_ids", wire.logit_bias_ids()));
  if (static_cast<size_t>(wire.logit_bias_values_size()) !=
      params->logit_bias_ids.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "logit_bias_values: ", wire.logit_bias_values_size(), " values for ",
        params->logit_bias_ids.size(), " logit_bias_ids"));
  }
  params->logit_bias_values.assign(wire.logit_bias_values().begin(),
                                   wire.logit_bias_values().end());
  return absl::OkStatus();
}

absl::Status ReadForcedTokens(const v1::SamplingParams& wire,
                              const Limits& limits, Params* params) {
  LOGITD_RETURN_IF_ERROR(CheckCount("forced_tokens",
                                    wire.forced_tokens().size() / 4, "tokens",
                                    "max_ids", limits.max_ids));
  LOGITD_ASSIGN_OR_RETURN(params->forced_tokens,
                          ReadIds("forced_tokens", wire.forced_tokens()));
  return absl::OkStatus();
}

absl::Status ReadThinkingBudget(const v1::ThinkingBudget& wire,
                                Params* params) {
  ThinkingBudget budget;
  const std::string name = "thinking_budget.";
  LOGITD_RETURN_IF_ERROR(
      ReadSequence(name + "start", wire.start(), &budget.start));
  LOGITD_RETURN_IF_ERROR(ReadSequence(name + "end", wire.end(), &budget.end));
  LOGITD_RETURN_IF_ERROR(
      ReadSequence(name + "message", wire.message(), &budget.message));
  budget.max_tokens = wire.max_tokens();
  params->thinking_budget = std::move(budget);
  return absl::OkStatus();
}

absl::Status UnknownValue(absl::string_view field, int value,
                          const char* type) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, " is not a value of ", type));
}

absl::Status ReadOnEmpty(v1::OnEmpty value, Params* params) {
  switch (value) {
    case v1::ON_EMPTY_UNSPECIFIED:
      params->on_empty.reset();
      return absl::OkStatus();
    case v1::ON_EMPTY_RELAX:
      params->on_empty = OnEmpty::kRelax;
      return absl::OkStatus();
    case v1::ON_EMPTY_ERROR:
      params->on_empty = OnEmpty::kError;
      return absl::OkStatus();
    default:
      return UnknownValue("on_empty", value, "OnEmpty");
  }
}

absl::Status ReadOnNonFinite(v1::OnNonFinite value, Params* params) {
  switch (value) {
    case v1::ON_NON_FINITE_UNSPECIFIED:
      params->on_non_finite.reset();
      return absl::OkStatus();
    case v1::ON_NON_FINITE_REJECT:
      params->on_non_finite = OnNonFinite::kReject;
      return absl::OkStatus();
    case v1::ON_NON_FINITE_BAN:
      params->on_non_finite = OnNonFinite::kBan;
      return absl::OkStatus();
    default:
      return UnknownValue("on_non_finite", value, "OnNonFinite");
  }
}

absl::Status ReadOnConflict(v1::OnConflict value, Params* params) {
  switch (value) {
    case v1::ON_CONFLICT_UNSPECIFIED:
      params->on_conflict.reset();
      return absl::OkStatus();
    case v1::ON_CONFLICT_MASK_WINS:
      params->on_conflict = OnConflict::kMaskWins;
      return absl::OkStatus();
    case v1::ON_CONFLICT_ERROR:
      params->on_conflict = OnConflict::kError;
      return absl::OkStatus();
    default:
      return UnknownValue("on_conflict", value, "OnConflict");
  }
}

absl::Status ReadDialect(v1::Dialect value, Params* params) {
  if (value < 0 || value >= kDialectCount) {
    return UnknownValue("dialect", value, "Dialect");
  }
  params->dialect.reset();
  if (value != v1::DIALECT_UNSPECIFIED) {
    params->dialect = static_cast<Dialect>(value);
  }
  return absl::OkStatus();
}

// Stages that are there but have no place in an order.
bool IsFixed(const std::string& step) {
  for (const char* name : {"check", "raw", "guidance", "bans", "draw"}) {
    if (step == name) return true;
  }
  return false;
}

absl::Status ReadSteps(const v1::SamplingParams& wire, Params* params) {
  params->steps.clear();
  for (int i = 0; i < wire.steps_size(); ++i) {
    const std::string& step = wire.steps(i);
    const auto name = std::find(std::begin(kStageNames), std::end(kStageNames),
                                absl::string_view(step));
    if (name == std::end(kStageNames)) {
      return absl::InvalidArgumentError(
          absl::StrCat("steps[", i, "]: ", Quote(step),
                       IsFixed(step) ? " has a fixed place"
                                     : " is not the name of a stage"));
    }
    params->steps.push_back(static_cast<Stage>(name - std::begin(kStageNames)));
  }
  return absl::OkStatus();
}

absl::Status ReadShape(const std::string& field, v1::ScheduleShape shape,
                       ScheduleShape* to) {
  switch (shape) {
    case v1::SCHEDULE_SHAPE_STEP:
      *to = ScheduleShape::kStep;
      return absl::OkStatus();
    case v1::SCHEDULE_SHAPE_LINEAR:
      *to = ScheduleShape::kLinear;
      return absl::OkStatus();
    case v1::SCHEDULE_SHAPE_UNSPECIFIED:
      return absl::InvalidArgumentError(
          field +
          ": is not set, and is SCHEDULE_SHAPE_STEP or "
          "SCHEDULE_SHAPE_LINEAR");
    default:
      return UnknownValue(field, shape, "ScheduleShape");
  }
}

absl::Status ReadSchedule(const std::string& path, const v1::Schedule& wire,
                          Schedule* schedule) {
  const Knob* knob = FindKnob(wire.knob());
  if (knob == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, "knob: ", Quote(wire.knob()),
                     " is not a field of SamplingParams"));
  }
  if (!CanBeScheduled(knob->number())) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, "knob: ", knob->name(), " cannot be a function of the position"));
  }
  LOGITD_RETURN_IF_ERROR(
      ReadShape(path + "shape", wire.shape(), &schedule->shape));
  schedule->field = knob->number();
  for (const v1::SchedulePoint& point : wire.points()) {
    schedule->points.push_back({point.at(), point.value()});
  }
  if (wire.has_min()) schedule->min = wire.min();
  if (wire.has_max()) schedule->max = wire.max();
  return absl::OkStatus();
}

absl::Status ReadSchedules(const v1::SamplingParams& wire, Params* params) {
  params->schedules.clear();
  for (int i = 0; i < wire.schedules_size(); ++i) {
    LOGITD_RETURN_IF_ERROR(ReadSchedule(absl::StrCat("schedules[", i, "]."),
                                        wire.schedules(i),
                                        &params->schedules.emplace_back()));
  }
  return absl::OkStatus();
}

void WriteSchedule(const Schedule& schedule, v1::Schedule* wire) {
  wire->set_knob(KnobAt(schedule.field).name());
  wire->set_shape(static_cast<v1::ScheduleShape>(schedule.shape));
  for (const SchedulePoint& from : schedule.points) {
    v1::SchedulePoint* point = wire->add_points();
    point->set_at(from.at);
    point->set_value(from.value);
  }
  if (schedule.min) wire->set_min(*schedule.min);
  if (schedule.max) wire->set_max(*schedule.max);
}

}  // namespace

absl::Status ReadOwnShape(const v1::SamplingParams& wire, int number,
                          const Limits& limits, Params* params) {
  switch (number) {
    case kBiasIdsField:
    case kBiasValuesField:  // two fields, one knob
      return ReadBias(wire, limits, params);
    case kForcedTokensField:
      return ReadForcedTokens(wire, limits, params);
    case kThinkingBudgetField:
      return ReadThinkingBudget(wire.thinking_budget(), params);
    case kOnConflictField:
      return ReadOnConflict(wire.on_conflict(), params);
    case kOnEmptyField:
      return ReadOnEmpty(wire.on_empty(), params);
    case kDialectField:
      return ReadDialect(wire.dialect(), params);
    case kStepsField:
      return ReadSteps(wire, params);
    case kSchedulesField:
      return ReadSchedules(wire, params);
    default:
      return ReadOnNonFinite(wire.on_non_finite(), params);
  }
}

void WriteOwnShapes(const Plan& plan, v1::SamplingParams* wire) {
  if (!plan.bias_ids.empty()) {
    wire->set_logit_bias_ids(WriteIds(plan.bias_ids));
    for (const double value : plan.bias_values) {
      wire->add_logit_bias_values(value);
    }
  }
  wire->set_forced_tokens(WriteIds(plan.forced_tokens));
  if (plan.params.thinking_budget) {
    const ThinkingBudget& budget = *plan.params.thinking_budget;
    v1::ThinkingBudget* to = wire->mutable_thinking_budget();
    to->set_start(WriteIds(budget.start));
    to->set_end(WriteIds(budget.end));
    to->set_max_tokens(budget.max_tokens);
    to->set_message(WriteIds(budget.message));
  }
  const auto dialect = plan.params.dialect.value_or(Dialect::kLogitd);
  if (dialect != Dialect::kLogitd) {
    wire->set_dialect(static_cast<v1::Dialect>(dialect));
  }
  for (const Stage step : plan.params.steps) wire->add_steps(NameOf(step));
  for (const Schedule& schedule : plan.params.schedules) {
    if (IsAlwaysOff(schedule, plan.vocab_size)) continue;
    WriteSchedule(schedule, wire->add_schedules());
  }
  if (!plan.relax_soft_bans) wire->set_on_empty(v1::ON_EMPTY_ERROR);
  if (plan.ban_non_finite) wire->set_on_non_finite(v1::ON_NON_FINITE_BAN);
  if (!plan.mask_wins) wire->set_on_conflict(v1::ON_CONFLICT_ERROR);
}

}  // namespace logitd
