// What a rule may ask of the base or a phase.
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sampler/knobs.h"
#include "sampler/plan.h"
#include "service/profiles/lint_rules.h"

namespace logitd {

bool Subject::On(int field_number) const {
  return IsSet(params(), KnobAt(field_number));
}

bool Subject::OnHere(int field_number) const {
  if (!On(field_number)) return false;
  if (is_base()) return true;
  const v1::ParamLevel level = LevelOf(KnobAt(field_number));
  return level == v1::PARAM_LEVEL_PHASE_DEFAULT ||
         level == v1::PARAM_LEVEL_PHASE_FORCE;
}

double Subject::Value(int field_number) const {
  return EffectOf(params(), KnobAt(field_number), kCountMax);
}

bool Subject::IsGreedy() const {
  return Value(v1::SamplingParams::kTemperatureFieldNumber) < kGreedyBelow;
}

std::string Subject::Field(int field_number) const {
  const Knob& knob = KnobAt(field_number);
  const std::string here =
      is_base() ? "" : absl::StrCat("phases[", index, "].");
  switch (LevelOf(knob)) {
    case v1::PARAM_LEVEL_PROFILE_FORCE:
      return absl::StrCat("force_params.", knob.name());
    case v1::PARAM_LEVEL_PHASE_FORCE:
      return absl::StrCat(here, "force_params.", knob.name());
    case v1::PARAM_LEVEL_PROFILE_DEFAULT:
      return absl::StrCat("default_params.", knob.name());
    case v1::PARAM_LEVEL_CLAMP:
      return ClampField(knob);
    default:  // nobody's, or the phase's
      return absl::StrCat(here, "default_params.", knob.name());
  }
}

bool Subject::IsClamped(int field_number) const {
  return LevelOf(KnobAt(field_number)) == v1::PARAM_LEVEL_CLAMP;
}

bool Subject::SetsHere(int field_number) const {
  if (is_base()) return true;
  switch (LevelOf(KnobAt(field_number))) {
    case v1::PARAM_LEVEL_PHASE_DEFAULT:
    case v1::PARAM_LEVEL_PHASE_FORCE:
      return true;
    case v1::PARAM_LEVEL_CLAMP:
      return absl::StartsWith(ClampField(KnobAt(field_number)), "phases[");
    default:
      return false;
  }
}

std::string Subject::Task() const {
  const auto task = profile.labels().find("task");
  if (task == profile.labels().end()) return "";
  return absl::StrReplaceAll(absl::AsciiStrToLower(task->second),
                             {{" ", "-"}, {"_", "-"}});
}

// "clamps[0]" of the rule "profile clamps[0]", "phases[1].clamps[0]" of "phase
// tool clamps[0]".
std::string Subject::ClampField(const Knob& knob) const {
  for (const v1::Provenance& provenance : resolved.provenance) {
    if (provenance.knob() != knob.name()) continue;
    const std::string& rule = provenance.rule();
    const bool is_phases = absl::StartsWith(rule, "phase ");
    return absl::StrCat(is_phases ? absl::StrCat("phases[", index, "].") : "",
                        rule.substr(rule.rfind(' ') + 1));
  }
  return "";
}

v1::ParamLevel Subject::LevelOf(const Knob& knob) const {
  for (const v1::Provenance& provenance : resolved.provenance) {
    if (provenance.knob() == knob.name()) return provenance.level();
  }
  return v1::PARAM_LEVEL_BUILT_IN;
}

}  // namespace logitd
