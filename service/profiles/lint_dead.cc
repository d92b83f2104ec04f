// Rules for knobs that do nothing, or work against each other.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"
#include "sampler/plan.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/resolve_clamps.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;

constexpr int kTemperatures[] = {P::kDynamicTemperatureRangeFieldNumber,
                                 P::kSmoothingFactorFieldNumber};
constexpr int kPenalties[] = {
    P::kRepetitionPenaltyFieldNumber, P::kFrequencyPenaltyFieldNumber,
    P::kPresencePenaltyFieldNumber, P::kPromptRepetitionPenaltyFieldNumber,
    P::kDryMultiplierFieldNumber};
constexpr int kPartsOfDry[] = {
    P::kDryBaseFieldNumber, P::kDryAllowedLengthFieldNumber,
    P::kDryBreakerIdsFieldNumber, P::kDryBreakerSequencesFieldNumber};
// From here on nearly every row's mass is kept whatever it holds.
constexpr double kWideTopK = 32768;

template <class Is>
bool Any(const google::protobuf::RepeatedPtrField<v1::Clamp>& clamps,
         const Is& is) {
  return std::any_of(clamps.begin(), clamps.end(), is);
}

// No caller can raise the temperature: it is forced, or a clamp is that low.
bool StaysGreedy(const Subject& subject) {
  if (subject.IsForced(P::kTemperatureFieldNumber)) return true;
  const auto keeps = [&](const v1::Clamp& clamp) {
    const auto limits = LimitsOf(clamp, kCountMax);
    return limits && clamp.knob() == "temperature" &&
           IsGreedyAt(subject.params(), limits->max, 0);
  };
  return Any(subject.profile.clamps(), keeps) ||
         (!subject.is_base() && Any(subject.phase->clamps(), keeps));
}

// It can keep the largest logit away from a greedy temperature behind it; no
// other cut can.
bool TypicalComesFirst(const P& params) {
  if (params.steps().empty()) {
    const auto order = RulesOf(DialectIn(params)).order;
    return std::find(order.begin(), order.end(), Stage::kTypical) <
           std::find(order.begin(), order.end(), Stage::kTemperature);
  }
  const auto& steps = params.steps();
  const auto temperature = std::find(steps.begin(), steps.end(), "temperature");
  return std::find(steps.begin(), temperature, "typical") != temperature &&
         temperature != steps.end();
}

// A phase that is not greedy takes the base's value.
bool IsUsedInAPhase(const Subject& subject, int number) {
  return subject.is_base() &&
         std::any_of(subject.all->begin(), subject.all->end(),
                     [&](const Subject& other) {
                       return !other.is_base() && !other.IsGreedy() &&
                              other.On(number) && !other.OnHere(number);
                     });
}

// What a force or a clamp pins is there for callers who set a temperature.
void GreedyTruncation(const Subject& subject, Tell tell) {
  if (!subject.IsGreedy()) return;
  const bool stays = StaysGreedy(subject);
  const auto check = [&](int number) {
    if (!subject.OnHere(number) || IsUsedInAPhase(subject, number)) return;
    const bool is_pinned =
        subject.IsForced(number) || subject.IsClamped(number);
    if (is_pinned && !stays) return;
    if (number == P::kTypicalPFieldNumber &&
        TypicalComesFirst(subject.params())) {
      return;
    }
    tell(subject.Field(number),
         absl::StrCat(KnobAt(number).name(),
                      " does nothing at a temperature this low, where the "
                      "largest logit always wins."),
         "Remove it, or raise the temperature.");
  };
  for (const int number : kTemperatures) check(number);
  for (const int number : kCuts) check(number);
}

void TopKOne(const Subject& subject, Tell tell) {
  if (!subject.Value(P::kTopKFieldNumber).Is(1) || subject.IsGreedy()) return;
  if (!subject.OnHere(P::kTopKFieldNumber)) return;
  tell(subject.Field(P::kTopKFieldNumber),
       "top_k 1 leaves one token, so temperature and the other truncations do "
       "nothing.",
       "Write temperature 0 in its place: it says what is meant and costs "
       "less.");
}

void WideTopK(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kTopKFieldNumber) || subject.IsGreedy()) return;
  if (subject.Value(P::kTopKFieldNumber).least < kWideTopK) return;
  tell(subject.Field(P::kTopKFieldNumber),
       "A top_k this large keeps practically everything and still costs a "
       "pass.",
       "Remove it, or cut with top_p or min_p.");
}

void WindowWithoutPenalty(const Subject& subject, Tell tell) {
  constexpr int kPairs[][2] = {
      {P::kRepetitionWindowFieldNumber, P::kRepetitionPenaltyFieldNumber},
      {P::kFrequencyWindowFieldNumber, P::kFrequencyPenaltyFieldNumber},
      {P::kPresenceWindowFieldNumber, P::kPresencePenaltyFieldNumber},
      {P::kDryWindowFieldNumber, P::kDryMultiplierFieldNumber},
  };
  for (const auto& [window, penalty] : kPairs) {
    if (!subject.OnHere(window) || subject.On(penalty)) continue;
    const std::string& name = KnobAt(penalty).name();
    tell(subject.Field(window),
         absl::StrCat(KnobAt(window).name(), " does nothing while ", name,
                      " is off."),
         absl::StrCat("Remove it, or set ", name, "."));
  }
}

void DryWithoutMultiplier(const Subject& subject, Tell tell) {
  TellParts(subject, kPartsOfDry, P::kDryMultiplierFieldNumber, tell);
}

void LengthWithoutFactor(const Subject& subject, Tell tell) {
  TellParts(subject, {P::kLengthPenaltyStartFieldNumber},
            P::kLengthPenaltyFactorFieldNumber, tell);
}

void ExcludeWithoutPenalty(const Subject& subject, Tell tell) {
  if (!subject.OnHere(P::kPenaltyExcludeIdsFieldNumber)) return;
  for (const int penalty : kPenalties) {
    if (subject.On(penalty)) return;
  }
  tell(subject.Field(P::kPenaltyExcludeIdsFieldNumber),
       "penalty_exclude_ids does nothing while every penalty is off.",
       "Remove it, or set a penalty.");
}

void MinPWithTopP(const Subject& subject, Tell tell) {
  if (!subject.On(P::kMinPFieldNumber) || !subject.On(P::kTopPFieldNumber)) {
    return;
  }
  if (subject.IsGreedy()) return;
  if (!subject.OnHere(P::kMinPFieldNumber) &&
      !subject.OnHere(P::kTopPFieldNumber)) {
    return;
  }
  tell(subject.Field(P::kMinPFieldNumber),
       "min_p and top_p both cut the tail, and one hides what the other does.",
       "Keep one of them: min_p holds at high temperatures, top_p is the "
       "better known.");
}

void TellHidden(const P& hidden, const P& force, const std::string& path,
                Tell tell) {
  for (const Knob* knob : KnobsSet(hidden)) {
    if (!IsSet(force, *knob) || MergeOf(*knob) != Merge::kReplace) continue;
    tell(absl::StrCat(path, knob->name()),
         absl::StrCat("force_params sets ", knob->name(),
                      " too, so this value is never used."),
         "Remove one of the two.");
  }
}

void ForceHidesDefault(const Subject& subject, Tell tell) {
  const v1::Profile& profile = subject.profile;
  if (subject.is_base()) {
    TellHidden(profile.default_params(), profile.force_params(),
               "default_params.", tell);
    return;
  }
  P force = profile.force_params();
  TakeKnobs(subject.phase->force_params(), &force);
  TellHidden(subject.phase->default_params(), force,
             absl::StrCat("phases[", subject.index, "].default_params."), tell);
}

// A clamp of the profile or a phase changes or refuses the off value. Then
// another rule says what to do with it.
bool IsMoved(const v1::Profile& profile, const Knob& knob) {
  const auto moves = [&](const v1::Clamp& clamp) {
    const auto limits = LimitsOf(clamp, kCountMax);
    return limits && clamp.knob() == knob.name() &&
           !limits->Contains(EffectOf(P(), knob, kCountMax));
  };
  return Any(profile.clamps(), moves) ||
         std::any_of(profile.phases().begin(), profile.phases().end(),
                     [&](const v1::Phase& phase) {
                       return Any(phase.clamps(), moves);
                     });
}

// In a force or a phase the off value switches something off; in the defaults
// there is nothing below.
void OffValue(const Subject& subject, Tell tell) {
  if (!subject.is_base()) return;
  const P& params = subject.profile.default_params();
  for (const Knob* knob : KnobsSet(params)) {
    if (!IsOff(params, *knob, kCountMax)) continue;
    if (IsMoved(subject.profile, *knob)) continue;
    tell(absl::StrCat("default_params.", knob->name()),
         absl::StrCat("This is the off value of ", knob->name(),
                      ", which it has anyway."),
         "Remove it.");
  }
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr LintRule kRules[] = {
    {"greedy-truncation", kWarning, GreedyTruncation},
    {"top-k-one", kWarning, TopKOne},
    {"top-k-wide", kWarning, WideTopK},
    {"window-without-penalty", kWarning, WindowWithoutPenalty},
    {"exclude-without-penalty", kWarning, ExcludeWithoutPenalty},
    {"dry-without-multiplier", kWarning, DryWithoutMultiplier},
    {"length-without-factor", kWarning, LengthWithoutFactor},
    {"min-p-with-top-p", kWarning, MinPWithTopP},
    {"force-hides-default", kWarning, ForceHidesDefault},
    {"off-value", v1::LINT_SEVERITY_INFO, OffValue},
};

}  // namespace

absl::Span<const LintRule> DeadKnobRules() { return kRules; }

}  // namespace logitd
