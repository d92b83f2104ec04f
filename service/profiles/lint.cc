#include "service/profiles/lint.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "sampler/knobs.h"
#include "service/profiles/lint_errors.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/resolve_one.h"
#include "service/profiles/validate.h"
#include "service/profiles/validate_phases.h"

namespace logitd {
namespace {

using Findings = std::vector<v1::LintFinding>;

// Reads "clamps[12]" off the front of a field path.
bool IndexIn(absl::string_view* field, absl::string_view list, int* index) {
  absl::string_view rest = *field;
  if (!absl::ConsumePrefix(&rest, list)) return false;
  const size_t end = rest.find(']');
  if (end == absl::string_view::npos ||
      !absl::SimpleAtoi(rest.substr(0, end), index) || *index < 0) {
    return false;
  }
  *field = rest.substr(end + 1);
  return true;
}

Violations ViolationsOf(const v1::Profile& profile, const Limits& limits) {
  Violations violations = Validate(profile, limits);
  if (!profile.name().empty()) return violations;
  std::erase_if(violations, [](const auto& v) { return v.field == "name"; });
  return violations;
}

Findings ErrorsOf(const Violations& violations) {
  Findings findings;
  for (const Violation& violation : violations) {
    ErrorRule rule = ErrorRuleOf(violation);
    v1::LintFinding& finding = findings.emplace_back();
    finding.set_rule(rule.id);
    finding.set_severity(v1::LINT_SEVERITY_ERROR);
    finding.set_field(violation.field);
    finding.set_message(violation.description);
    finding.set_fix(std::move(rule.fix));
  }
  return findings;
}

// "top_p" of "default_params.top_p", "stop_sequences" of
// "force_params.stop_sequences[0].tokens".
void ClearField(absl::string_view field, v1::SamplingParams* params) {
  const Knob* knob = FindKnob(field.substr(0, field.find_first_of(".[")));
  if (knob != nullptr) ClearKnob(*knob, params);
}

// `Owner` is Profile or Phase. What stands there is left alone when the field
// is none of these.
template <class Owner>
void ClearIn(absl::string_view field, Owner* owner) {
  if (absl::ConsumePrefix(&field, "default_params.")) {
    ClearField(field, owner->mutable_default_params());
  } else if (absl::ConsumePrefix(&field, "force_params.")) {
    ClearField(field, owner->mutable_force_params());
  }
  int index = 0;
  if (IndexIn(&field, "clamps[", &index) && index < owner->clamps_size()) {
    owner->mutable_clamps(index)->Clear();  // limits nothing
  }
}

// The profile without the values that are wrong.
v1::Profile Cleared(const v1::Profile& profile, const Violations& violations) {
  v1::Profile cleared = profile;
  for (const Violation& violation : violations) {
    absl::string_view field = violation.field;
    int index = 0;
    if (!IndexIn(&field, "phases[", &index)) {
      ClearIn(field, &cleared);
    } else if (index < cleared.phases_size() &&
               absl::ConsumePrefix(&field, ".")) {
      ClearIn(field, cleared.mutable_phases(index));
    }
  }
  return cleared;
}

bool Has(const Findings& findings, const v1::LintFinding& one) {
  return std::any_of(
      findings.begin(), findings.end(), [&](const v1::LintFinding& other) {
        return other.rule() == one.rule() && other.field() == one.field() &&
               other.message() == one.message();
      });
}

// What is wrong with the whole profile may be found in several phases.
void AddFindings(const Subject& subject, Findings* findings) {
  for (const LintRule& rule : AllLintRules()) {
    rule.check(subject,
               [&](const std::string& field, const std::string& message,
                   const std::string& fix) {
                 v1::LintFinding finding;
                 finding.set_rule(rule.id);
                 finding.set_severity(rule.severity);
                 finding.set_field(field);
                 finding.set_message(message);
                 finding.set_fix(fix);
                 if (!Has(*findings, finding)) findings->push_back(finding);
               });
  }
}

// What does not resolve is among the violations.
void AddSubject(const Layers& layers, Subject subject,
                std::vector<Subject>* all) {
  auto resolved = ResolveOne(layers, kCountMax, Rejects::kNo);
  if (!resolved.ok()) return;
  subject.resolved = *std::move(resolved);
  subject.choice = ChoiceOf(subject.params());
  all->push_back(std::move(subject));
}

Findings AdviceOn(const v1::Profile& profile) {
  std::vector<Subject> all;
  AddSubject(LayersOf(&profile, nullptr), {profile, nullptr, -1, &all, {}, {}},
             &all);
  for (int i = 0; i < profile.phases_size(); ++i) {
    const v1::Phase& phase = profile.phases(i);
    AddSubject(LayersOf(&profile, phase, i, false, nullptr),
               {profile, &phase, i, &all, {}, {}}, &all);
  }
  Findings findings;
  for (const Subject& subject : all) AddFindings(subject, &findings);
  return findings;
}

void KeepCommon(const Findings& others, Findings* findings) {
  std::erase_if(*findings, [&](const v1::LintFinding& finding) {
    return !Has(others, finding);
  });
}

}  // namespace

Findings Lint(const v1::Profile& profile, const Limits& limits) {
  const Violations violations = ViolationsOf(profile, limits);
  Findings findings = ErrorsOf(violations);
  if (ContentOf(profile).ByteSizeLong() > limits.max_profile_bytes ||
      profile.phases_size() > static_cast<int>(kPhasesMax)) {
    return findings;
  }
  Findings advice = AdviceOn(profile);
  if (!violations.empty()) {
    // Neither what is said of a wrong value nor what is said of its absence.
    KeepCommon(AdviceOn(Cleared(profile, violations)), &advice);
  }
  findings.insert(findings.end(), advice.begin(), advice.end());
  std::stable_sort(
      findings.begin(), findings.end(),
      [](const auto& a, const auto& b) { return a.severity() > b.severity(); });
  return findings;
}

std::vector<v1::LintFinding> LintText(absl::string_view text,
                                      absl::string_view id, Fields fields,
                                      const Limits& limits, bool* is_profile) {
  v1::Profile profile;
  const Violations faults = ReadProfileText(text, id, fields, &profile);
  *is_profile = faults.empty();
  return *is_profile ? Lint(profile, limits) : ErrorsOf(faults);
}

std::vector<LintRule> AllLintRules() {
  std::vector<LintRule> all;
  for (const auto& rules :
       {DeadKnobRules(), DrawRules(), TokenRules(), TaskRules(), ValueRules(),
        StructureRules(), PhaseRules(), TriggerRules()}) {
    all.insert(all.end(), rules.begin(), rules.end());
  }
  return all;
}

}  // namespace logitd
