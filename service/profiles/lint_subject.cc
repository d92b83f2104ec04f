// What a rule may ask of the base or a phase.
#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sampler/knobs.h"
#include "sampler/plan.h"
#include "service/limits.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_sequences.h"

namespace logitd {

namespace {

bool Has(const TokenIds& sorted, uint32_t id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

TokenIds Sorted(const std::string& bytes, const std::string& more) {
  TokenIds ids = IdsIn(bytes);
  const TokenIds others = IdsIn(more);
  ids.insert(ids.end(), others.begin(), others.end());
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

bool Choice::May(uint32_t id) const {
  return (allowed.empty() || Has(allowed, id)) && !Has(banned, id);
}

bool Choice::Ends(uint32_t id) const { return Has(ends, id); }

Choice ChoiceOf(const v1::SamplingParams& params) {
  const std::string& eos = params.eos_ids();
  return {Sorted(params.allowed_ids(), ""),
          Sorted(params.banned_ids(), params.ban_eos() ? eos : ""),
          Sorted(params.stop_ids(), params.ignore_eos() ? "" : eos)};
}

std::vector<const v1::Phase*> Subject::Around() const {
  std::vector<const v1::Phase*> around;
  std::string name = is_base() ? "" : phase->within();
  while (!name.empty() && around.size() < kPhasesMax) {
    const auto at = std::find_if(
        profile.phases().begin(), profile.phases().end(),
        [&](const v1::Phase& other) { return other.name() == name; });
    if (at == profile.phases().end()) break;
    around.push_back(&*at);
    name = at->within();
  }
  return around;
}

bool Subject::CanLeave() const {
  const auto around = Around();
  return (!is_base() && phase->leave_size() > 0) ||
         std::any_of(around.begin(), around.end(), [](const v1::Phase* outer) {
           return outer->leave_size() > 0;
         });
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

Extent Subject::Value(int field_number) const {
  return EffectOf(params(), KnobAt(field_number), kCountMax);
}

bool Subject::IsGreedy() const {
  using P = v1::SamplingParams;
  return IsGreedyAt(params(), Value(P::kTemperatureFieldNumber).most,
                    Value(P::kDynamicTemperatureRangeFieldNumber).most);
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

bool Subject::IsForced(int field_number) const {
  const v1::ParamLevel level = LevelOf(KnobAt(field_number));
  return level == v1::PARAM_LEVEL_PROFILE_FORCE ||
         level == v1::PARAM_LEVEL_PHASE_FORCE;
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

std::string Subject::TaskLabel() const {
  const std::string own = is_base() ? "" : "task." + phase->name();
  return profile.labels().count(own) > 0 ? own : "task";
}

std::string Subject::Task() const {
  const auto task = profile.labels().find(TaskLabel());
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

void TellParts(const Subject& subject, absl::Span<const int> parts, int whole,
               Tell tell) {
  if (subject.On(whole)) return;
  const std::string& name = KnobAt(whole).name();
  for (const int part : parts) {
    if (!subject.OnHere(part)) continue;
    tell(subject.Field(part),
         absl::StrCat(KnobAt(part).name(), " does nothing while ", name,
                      " is off."),
         absl::StrCat("Remove it, or set ", name, "."));
  }
}

v1::ParamLevel Subject::LevelOf(const Knob& knob) const {
  for (const v1::Provenance& provenance : resolved.provenance) {
    if (provenance.knob() == knob.name()) return provenance.level();
  }
  return v1::PARAM_LEVEL_BUILT_IN;
}

}  // namespace logitd
