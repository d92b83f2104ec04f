#include "service/profiles/lint.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"
#include "sampler/plan.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/resolve_one.h"
#include "service/profiles/validate.h"
#include "service/profiles/validate_phases.h"

namespace logitd {
namespace {

using Findings = std::vector<v1::LintFinding>;

constexpr char kInvalidFix[] =
    "Correct this field: what it may hold is in the message.";

void AddInvalid(const v1::Profile& profile, const Limits& limits,
                Findings* findings) {
  for (const Violation& violation : Validate(profile, limits)) {
    v1::LintFinding& finding = findings->emplace_back();
    finding.set_rule(kInvalidRule);
    finding.set_severity(v1::LINT_SEVERITY_ERROR);
    finding.set_field(violation.field);
    finding.set_message(violation.description);
    finding.set_fix(kInvalidFix);
  }
}

void AddFindings(const Subject& subject, Findings* findings) {
  for (const LintRule& rule : AllLintRules()) {
    rule.check(subject,
               [&](const std::string& field, const std::string& message,
                   const std::string& fix) {
                 v1::LintFinding& finding = findings->emplace_back();
                 finding.set_rule(rule.id);
                 finding.set_severity(rule.severity);
                 finding.set_field(field);
                 finding.set_message(message);
                 finding.set_fix(fix);
               });
  }
}

// What does not resolve is among the violations.
void LintLayers(const Layers& layers, Subject subject, Findings* findings) {
  auto resolved = ResolveOne(layers, kCountMax, Rejects::kNo);
  if (!resolved.ok()) return;
  subject.resolved = *std::move(resolved);
  AddFindings(subject, findings);
}

}  // namespace

Findings Lint(const v1::Profile& profile, const Limits& limits) {
  Findings findings;
  AddInvalid(profile, limits, &findings);
  if (ContentOf(profile).ByteSizeLong() > limits.max_profile_bytes ||
      profile.phases_size() > static_cast<int>(kPhasesMax)) {
    return findings;
  }
  LintLayers(LayersOf(&profile, nullptr), {profile, nullptr, -1, {}},
             &findings);
  for (int i = 0; i < profile.phases_size(); ++i) {
    const v1::Phase& phase = profile.phases(i);
    LintLayers(LayersOf(&profile, phase, i, false, nullptr),
               {profile, &phase, i, {}}, &findings);
  }
  std::stable_sort(
      findings.begin(), findings.end(),
      [](const auto& a, const auto& b) { return a.severity() > b.severity(); });
  return findings;
}

std::vector<LintRule> AllLintRules() {
  std::vector<LintRule> all;
  for (const auto& rules :
       {DeadKnobRules(), TokenRules(), ValueRules(), StructureRules()}) {
    all.insert(all.end(), rules.begin(), rules.end());
  }
  return all;
}

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
    default:  // nobody's, a clamp's or the phase's
      return absl::StrCat(here, "default_params.", knob.name());
  }
}

std::string Subject::Task() const {
  const auto task = profile.labels().find("task");
  return task == profile.labels().end() ? "" : task->second;
}

v1::ParamLevel Subject::LevelOf(const Knob& knob) const {
  for (const v1::Provenance& provenance : resolved.provenance) {
    if (provenance.knob() == knob.name()) return provenance.level();
  }
  return v1::PARAM_LEVEL_BUILT_IN;
}

}  // namespace logitd
