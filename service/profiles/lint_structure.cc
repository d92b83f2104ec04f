// Rules for clamps and forces.
#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/resolve_clamps.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;

// Calls use(clamp, knob, limits, path, forced) with each valid clamp of the
// subject itself.
template <class Use>
void ForEachClamp(const Subject& subject, const Use& use) {
  const auto& clamps =
      subject.is_base() ? subject.profile.clamps() : subject.phase->clamps();
  P forced = subject.profile.force_params();
  if (!subject.is_base()) forced.MergeFrom(subject.phase->force_params());
  const std::string before =
      subject.is_base() ? "" : absl::StrCat("phases[", subject.index, "].");
  for (int i = 0; i < clamps.size(); ++i) {
    const auto limits = LimitsOf(clamps[i], kCountMax);
    if (!limits) continue;
    const Knob& knob = *FindKnob(clamps[i].knob());
    use(clamps[i], knob, *limits, absl::StrCat(before, "clamps[", i, "]"),
        IsSet(forced, knob));
  }
}

void ClampOfForced(const Subject& subject, Tell tell) {
  ForEachClamp(subject,
               [&](const v1::Clamp& clamp, const Knob& knob, const NumberRange&,
                   const std::string& path, bool is_forced) {
                 if (!is_forced) return;
                 if (clamp.mode() == v1::CLAMP_MODE_REJECT) return;
                 tell(path,
                      absl::StrCat("force_params pins ", knob.name(),
                                   ", so there is nothing to limit."),
                      "Remove the clamp, or the force.");
               });
}

void RejectOfForced(const Subject& subject, Tell tell) {
  ForEachClamp(subject,
               [&](const v1::Clamp& clamp, const Knob& knob, const NumberRange&,
                   const std::string& path, bool is_forced) {
                 if (!is_forced) return;
                 if (clamp.mode() != v1::CLAMP_MODE_REJECT) return;
                 tell(path,
                      absl::StrCat("force_params pins ", knob.name(),
                                   ", so this only refuses callers who ask for "
                                   "a value outside, which none would get."),
                      "Remove the clamp, if such callers may be served.");
               });
}

void ClampOfNothing(const Subject& subject, Tell tell) {
  ForEachClamp(subject,
               [&](const v1::Clamp&, const Knob& knob,
                   const NumberRange& limits, const std::string& path, bool) {
                 const NumberRange all = *RangeOf(knob);
                 if (limits.min > all.min || limits.max < all.max) return;
                 tell(path,
                      absl::StrCat("The clamp lets through every value that ",
                                   knob.name(), " may have."),
                      "Remove it, or narrow it.");
               });
}

// The value that the defaults of this subject come to.
bool DefaultOf(const Subject& subject, const Knob& knob, Extent* value) {
  P defaults = subject.profile.default_params();
  if (!subject.is_base()) TakeKnobs(subject.phase->default_params(), &defaults);
  *value = EffectOf(defaults, knob, kCountMax);
  return IsSet(defaults, knob);
}

std::string DefaultField(const Subject& subject, const Knob& knob) {
  const bool is_phases =
      !subject.is_base() && IsSet(subject.phase->default_params(), knob);
  return absl::StrCat(
      is_phases ? absl::StrCat("phases[", subject.index, "].") : "",
      "default_params.", knob.name());
}

void DefaultOutsideClamp(const Subject& subject, Tell tell) {
  ForEachClamp(subject, [&](const v1::Clamp& clamp, const Knob& knob,
                            const NumberRange& limits, const std::string& path,
                            bool is_forced) {
    Extent value = {};
    if (is_forced || !DefaultOf(subject, knob, &value)) return;
    if (limits.Contains(value)) return;
    if (clamp.mode() == v1::CLAMP_MODE_REJECT) return;  // an error
    tell(DefaultField(subject, knob),
         absl::StrCat(Outside(value, limits), ", ", path,
                      ": the default is never used as it stands."),
         "Move the default inside the clamp.");
  });
}

void RejectsSilence(const Subject& subject, Tell tell) {
  ForEachClamp(subject, [&](const v1::Clamp& clamp, const Knob& knob,
                            const NumberRange& limits, const std::string& path,
                            bool is_forced) {
    Extent value = {};
    if (clamp.mode() != v1::CLAMP_MODE_REJECT || is_forced) return;
    if (DefaultOf(subject, knob, &value) || limits.Contains(value)) return;
    tell(path,
         absl::StrCat("The off value of ", knob.name(),
                      " is outside, so every caller must set it."),
         absl::StrCat("Set default_params.", knob.name(),
                      ", if that is not meant."));
  });
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr LintRule kRules[] = {
    {"clamp-of-forced", kWarning, ClampOfForced},
    {"reject-of-forced", v1::LINT_SEVERITY_INFO, RejectOfForced},
    {"clamp-of-nothing", kWarning, ClampOfNothing},
    {"default-outside-clamp", kWarning, DefaultOutsideClamp},
    {"rejects-silence", v1::LINT_SEVERITY_INFO, RejectsSilence},
};

}  // namespace

absl::Span<const LintRule> StructureRules() { return kRules; }

}  // namespace logitd
