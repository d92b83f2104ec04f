#include "sampler/fingerprint.h"

#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sampler/knobs.h"
#include "sampler/knobs_at.h"

namespace logitd {
namespace {

struct VersionedStage {
  const char* name;
  int version;
  bool (*active)(const Plan& plan);
};

// Before the stages of the plan's order.
constexpr VersionedStage kFirstStages[] = {
    {"check", 1, [](const Plan&) { return true; }},
    {"guidance", 1,
     [](const Plan& p) { return p.values.guidance.has_value(); }},
    {"thinking_budget", 1,
     [](const Plan& p) { return p.thinking.has_value(); }},
    {"forced_tokens", 1,
     [](const Plan& p) { return !p.forced_tokens.empty(); }},
    {"hard_bans", 1, [](const Plan&) { return true; }},
    {"min_tokens", 1, [](const Plan& p) { return !p.delayed_ids.empty(); }},
    {"bad_words", 1, [](const Plan& p) { return !p.bad_words.empty(); }},
    {"suppressed", 1,
     [](const Plan& p) {
       return !p.suppressed_ids.empty() || !p.begin_suppressed_ids.empty();
     }},
    {"no_repeat_ngram", 1, [](const Plan& p) { return p.no_repeat_ngram > 0; }},
};

// What stands at the place of the temperature.
constexpr VersionedStage kTemperatureStages[] = {
    {"greedy", 1, [](const Plan& p) { return p.is_ever_greedy; }},
    {"temperature", 1,
     [](const Plan& p) {
       return !p.values.greedy && p.values.inverse_temperature != 1.0f;
     }},
    {"dynamic_temperature", 1,
     [](const Plan& p) { return !p.values.greedy && p.values.dynamic; }},
    {"smoothing", 1,
     [](const Plan& p) {
       return !p.values.greedy && (p.values.square != 0 || p.values.cube != 0);
     }},
};

constexpr VersionedStage kLastStages[] = {
    {"draw", 1, [](const Plan& p) { return !p.values.greedy; }},
};

// Of the stages with a place in the order, but for the temperature.
constexpr int kStageVersion = 1;

std::string Line(const char* name, int version) {
  return absl::StrCat(name, "=", version);
}

// The stages of a plan in its order; of all there are for nullptr.
std::vector<std::string> StageLines(const Plan* plan) {
  std::vector<std::string> lines;
  const auto add = [&](absl::Span<const VersionedStage> stages) {
    for (const VersionedStage& stage : stages) {
      if (plan != nullptr && !stage.active(*plan)) continue;
      lines.push_back(Line(stage.name, stage.version));
    }
  };
  add(kFirstStages);
  const absl::Span<const Stage> order = plan == nullptr
                                            ? RulesOf(Dialect::kLogitd).order
                                            : absl::MakeConstSpan(plan->stages);
  for (const Stage stage : order) {
    if (stage == Stage::kTemperature) {
      add(kTemperatureStages);
    } else {
      lines.push_back(Line(NameOf(stage), kStageVersion));
    }
  }
  add(kLastStages);
  return lines;
}

std::string Bits(double value) {
  return absl::StrCat(
      absl::Hex(std::bit_cast<uint64_t>(value), absl::kZeroPad16));
}

std::string SortedIds(TokenIds ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return absl::StrJoin(ids, ",");
}

// Order and repetition mean nothing among sequences.
std::string SortedSequences(const std::vector<TokenIds>& sequences) {
  std::vector<std::string> texts;
  texts.reserve(sequences.size());
  for (const TokenIds& sequence : sequences) {
    texts.push_back(absl::StrJoin(sequence, ","));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return absl::StrJoin(texts, ";");
}

using Fields = std::map<int, std::string>;

void AddScalars(const Plan& plan, Fields* fields) {
  const Params& params = plan.params;
  for (const RealKnob& knob : kRealKnobs) {
    const auto& value = params.*knob.value;
    if (value && *value != knob.off) (*fields)[knob.field] = Bits(*value);
  }
  for (const CountKnob& knob : kCountKnobs) {
    const auto& value = params.*knob.value;
    if (value && *value != knob.off) {
      (*fields)[knob.field] = absl::StrCat(*value);
    }
  }
  for (const SwitchKnob& knob : kSwitchKnobs) {
    if ((params.*knob.value).value_or(false)) (*fields)[knob.field] = "1";
  }
  // top_k is off from the vocabulary's size on.
  if (plan.top_k_is_off()) fields->erase(10);
  if (!plan.relax_soft_bans) (*fields)[kOnEmptyField] = "2";
  if (plan.ban_non_finite) (*fields)[kOnNonFiniteField] = "2";
  if (!plan.mask_wins) (*fields)[kOnConflictField] = "2";
  const auto dialect = params.dialect.value_or(Dialect::kLogitd);
  if (dialect != Dialect::kLogitd) {
    (*fields)[kDialectField] = absl::StrCat(static_cast<int>(dialect));
  }
}

std::string Text(const ThinkingBudget& budget) {
  return absl::StrCat(absl::StrJoin(budget.start, ","), ";",
                      absl::StrJoin(budget.end, ","), ";", budget.max_tokens,
                      ";", absl::StrJoin(budget.message, ","));
}

std::string Text(const Schedule& schedule) {
  std::string text =
      schedule.shape == ScheduleShape::kLinear ? "linear" : "step";
  if (schedule.min) absl::StrAppend(&text, ",min=", Bits(*schedule.min));
  if (schedule.max) absl::StrAppend(&text, ",max=", Bits(*schedule.max));
  for (const SchedulePoint& point : schedule.points) {
    absl::StrAppend(&text, ",", point.at, "=", Bits(point.value));
  }
  return text;
}

void AddLists(const Plan& plan, Fields* fields) {
  const Params& params = plan.params;
  if (!params.steps.empty()) {
    (*fields)[kStepsField] =
        absl::StrJoin(params.steps, ",", [](std::string* out, Stage stage) {
          absl::StrAppend(out, NameOf(stage));
        });
  }
  for (const IdsKnob& knob : kIdsKnobs) {
    const TokenIds& ids = params.*knob.value;
    if (!ids.empty()) (*fields)[knob.field] = SortedIds(ids);
  }
  if (!plan.bias_ids.empty()) {
    std::string values;
    for (size_t i = 0; i < plan.bias_ids.size(); ++i) {
      absl::StrAppend(&values, i == 0 ? "" : ",", plan.bias_ids[i], ":",
                      Bits(plan.bias_values[i]));
    }
    (*fields)[kBiasIdsField] = values;
  }
  for (const SequencesKnob& knob : kSequencesKnobs) {
    const auto& sequences = params.*knob.value;
    if (sequences.empty()) continue;
    (*fields)[knob.field] = SortedSequences(sequences);
  }
  if (!params.forced_tokens.empty()) {
    (*fields)[kForcedTokensField] = absl::StrJoin(params.forced_tokens, ",");
  }
  if (params.thinking_budget) {
    (*fields)[kThinkingBudgetField] = Text(*params.thinking_budget);
  }
}

// In the order of the knobs. One that never leaves the off value is none.
void AddSchedules(const Plan& plan, Fields* fields) {
  std::map<int, std::string> texts;
  for (const Schedule& schedule : plan.params.schedules) {
    if (IsAlwaysOff(schedule, plan.vocab_size)) continue;
    texts[schedule.field] = Text(schedule);
  }
  if (!texts.empty()) {
    (*fields)[kSchedulesField] =
        absl::StrJoin(texts, ";", absl::PairFormatter(":"));
  }
}

// The plan's stages, then its parameters.
void AddPlan(const Plan& plan, const std::string& prefix,
             std::vector<std::string>* lines) {
  for (const std::string& line : StageLines(&plan)) {
    lines->push_back(absl::StrCat(prefix, line));
  }
  Fields fields;
  AddScalars(plan, &fields);
  AddLists(plan, &fields);
  AddSchedules(plan, &fields);
  for (const auto& [field, value] : fields) {
    lines->push_back(absl::StrCat(prefix, field, "=", value));
  }
}

}  // namespace

std::vector<std::string> StageVersions() { return StageLines(nullptr); }

std::vector<std::string> FingerprintLines(const Plan& plan) {
  std::vector<std::string> lines = {kSemantics,
                                    absl::StrCat("core=", kCoreVersion)};
  AddPlan(plan, "", &lines);
  return lines;
}

std::vector<std::string> FingerprintLines(
    const Plan& base, absl::Span<const FingerprintPhase> phases) {
  std::vector<std::string> lines = FingerprintLines(base);
  for (size_t i = 0; i < phases.size(); ++i) {
    const FingerprintPhase& phase = phases[i];
    const std::string prefix = absl::StrCat("phase", i + 1, ".");
    if (phase.within > 0) {
      lines.push_back(absl::StrCat(prefix, "within=", phase.within));
    }
    lines.push_back(
        absl::StrCat(prefix, "enter=", SortedSequences(*phase.enter)));
    if (!phase.leave->empty()) {
      lines.push_back(
          absl::StrCat(prefix, "leave=", SortedSequences(*phase.leave)));
    }
    AddPlan(*phase.plan, prefix, &lines);
  }
  return lines;
}

std::string Fingerprint(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), 8));
}

}  // namespace logitd
