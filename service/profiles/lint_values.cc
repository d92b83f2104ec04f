// Rules for values that the field advises against.
#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_tasks.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;

struct Extreme {
  int knob;
  double min;
  double max;
};

void ExtremeValue(const Subject& subject, Tell tell) {
  constexpr Extreme kExtremes[] = {
      {P::kTemperatureFieldNumber, 0.01, 2},
      {P::kDynamicTemperatureRangeFieldNumber, 0, 2},
      {P::kDynamicTemperatureExponentFieldNumber, 0.1, 5},
      {P::kSmoothingFactorFieldNumber, 0, 2},
      {P::kTopPFieldNumber, 0.1, 1},
      {P::kMinPFieldNumber, 0, 0.5},
      {P::kTopNSigmaFieldNumber, 0.5, 5},
      {P::kTypicalPFieldNumber, 0.1, 1},
      {P::kEpsilonCutoffFieldNumber, 0, 0.01},
      {P::kEtaCutoffFieldNumber, 0, 0.01},
      {P::kTopAFieldNumber, 0, 0.5},
      {P::kTailFreeFieldNumber, 0.3, 1},
      {P::kTopHFieldNumber, 0.1, 1},
      {P::kXtcThresholdFieldNumber, 0.02, 0.5},
      {P::kMirostatTauFieldNumber, 1, 10},
      {P::kMirostatEtaFieldNumber, 0.01, 0.5},
      {P::kAdaptivePTargetFieldNumber, 0.05, 0.9},
      {P::kAdaptivePDecayFieldNumber, 0, 0.99},
      {P::kNoRepeatNgramFieldNumber, 3, kCountMax},
      {P::kRepetitionPenaltyFieldNumber, 0.5, 2},
      {P::kFrequencyPenaltyFieldNumber, -1.5, 1.5},
      {P::kPresencePenaltyFieldNumber, -1.5, 1.5},
      {P::kPromptRepetitionPenaltyFieldNumber, 0.5, 2},
      {P::kDryMultiplierFieldNumber, 0, 5},
      {P::kDryBaseFieldNumber, 1, 4},
      {P::kLengthPenaltyFactorFieldNumber, 1, 1.5},
      {P::kGuidanceScaleFieldNumber, 0, 5},
  };
  for (const Extreme& extreme : kExtremes) {
    if (!subject.OnHere(extreme.knob)) continue;
    const bool is_temperature = extreme.knob == P::kTemperatureFieldNumber;
    if (subject.IsGreedy() && is_temperature) continue;
    const Extent value = subject.Value(extreme.knob);
    if (value.least >= extreme.min && value.most <= extreme.max) continue;
    const std::string range =
        absl::StrCat(Digits(extreme.min), " to ", Digits(extreme.max));
    tell(subject.Field(extreme.knob),
         absl::StrCat(KnobAt(extreme.knob).name(), " ", Text(value, false),
                      " is allowed and far from ", range,
                      ", where text stays text."),
         is_temperature && value.least < extreme.min
             ? "Write temperature 0 for the largest logit."
             : absl::StrCat("Stay from ", range, "."));
  }
}

void RepetitionHigh(const Subject& subject, Tell tell) {
  constexpr double kHigh = 1.2;
  constexpr double kHelps = 0.1;
  constexpr int kKnob = P::kRepetitionPenaltyFieldNumber;
  if (!subject.OnHere(kKnob) || subject.Value(kKnob).most <= kHigh) return;
  if (subject.Value(P::kFrequencyPenaltyFieldNumber).least >= kHelps) return;
  if (IsStructured(subject.Task())) return;  // PenaltyOnStructure speaks
  tell(subject.Field(kKnob),
       "A high repetition_penalty falls on every token that was seen once, "
       "also on those that the prompt needs again.",
       "Answer a high share of repetition with frequency_penalty 0.1 to 0.8, "
       "which grows with each occurrence in the output.");
}

void RewardsRepetition(const Subject& subject, Tell tell) {
  const auto check = [&](int number, double off) {
    if (!subject.OnHere(number) || subject.Value(number).least >= off) return;
    tell(subject.Field(number),
         absl::StrCat(KnobAt(number).name(), " below ", Digits(off),
                      " rewards repetition, and ends in loops."),
         absl::StrCat("Set ", Digits(off), " or more."));
  };
  check(P::kRepetitionPenaltyFieldNumber, 1);
  check(P::kPromptRepetitionPenaltyFieldNumber, 1);
  check(P::kFrequencyPenaltyFieldNumber, 0);
  check(P::kPresencePenaltyFieldNumber, 0);
}

void PenaltyOnStructure(const Subject& subject, Tell tell) {
  if (!IsStructured(subject.Task())) return;
  if (subject.On(P::kPenaltyExcludeIdsFieldNumber)) return;
  for (const int number :
       {P::kRepetitionPenaltyFieldNumber, P::kFrequencyPenaltyFieldNumber,
        P::kPresencePenaltyFieldNumber, P::kPromptRepetitionPenaltyFieldNumber,
        P::kDryMultiplierFieldNumber}) {
    if (!subject.OnHere(number)) continue;
    tell(subject.Field(number),
         absl::StrCat(KnobAt(number).name(),
                      " punishes braces, keys and names, which structured "
                      "output must repeat."),
         "Remove it, or put those tokens in penalty_exclude_ids.");
  }
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr LintRule kRules[] = {
    {"extreme-value", kWarning, ExtremeValue},
    {"repetition-high", kWarning, RepetitionHigh},
    {"rewards-repetition", kWarning, RewardsRepetition},
    {"penalty-on-structure", kWarning, PenaltyOnStructure},
};

}  // namespace

absl::Span<const LintRule> ValueRules() { return kRules; }

}  // namespace logitd
