// Rules for knobs that shape what is drawn from: those that do nothing alone,
// those of which one hides the other, and those that work against each other.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_tasks.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;

// ---- parts of a knob that is off --------------------------------------------

template <int kWhole, int... kParts>
void Without(const Subject& subject, Tell tell) {
  TellParts(subject, {kParts...}, kWhole, tell);
}

// ---- two that do one thing --------------------------------------------------

struct Pair {
  int told;  // where the finding stands
  int other;
  const char* why;
  const char* fix;
};

constexpr char kShare[] =
    "both keep a share of the mass, the second one of what the first left";
constexpr char kKeepOne[] = "Keep one of them.";

// Both act, and not only because the profile around a phase says so.
bool Meet(const Subject& subject, int a, int b) {
  return subject.On(a) && subject.On(b) && !subject.IsGreedy() &&
         (subject.OnHere(a) || subject.OnHere(b));
}

void TellPairs(const Subject& subject, absl::Span<const Pair> pairs,
               Tell tell) {
  for (const Pair& pair : pairs) {
    if (!Meet(subject, pair.told, pair.other)) continue;
    tell(subject.Field(pair.told),
         absl::StrCat(KnobAt(pair.told).name(), " and ",
                      KnobAt(pair.other).name(), " ", pair.why, "."),
         pair.fix);
  }
}

void TwoCuts(const Subject& subject, Tell tell) {
  constexpr Pair kPairs[] = {
      {P::kTypicalPFieldNumber, P::kTopPFieldNumber,
       "both keep a share of the mass, and what top_p keeps is always the most "
       "probable, which typical_p may drop",
       kKeepOne},
      {P::kTailFreeFieldNumber, P::kTopPFieldNumber, kShare, kKeepOne},
      {P::kTopHFieldNumber, P::kTopPFieldNumber,
       "both keep a share, of the entropy and of the mass, and one hides what "
       "the other does",
       kKeepOne},
      {P::kEtaCutoffFieldNumber, P::kEpsilonCutoffFieldNumber,
       "both drop what is improbable, and the higher limit hides the other",
       "Keep eta_cutoff, which lowers its limit where the row is flat."},
      {P::kTopAFieldNumber, P::kMinPFieldNumber,
       "both measure by the most probable token, and the higher limit hides "
       "the other",
       kKeepOne},
      {P::kTopNSigmaFieldNumber, P::kMinPFieldNumber,
       "both cut at a distance from the largest logit, and the nearer one "
       "hides the other",
       "Keep one of them: top_n_sigma holds at high temperatures."},
  };
  TellPairs(subject, kPairs, tell);
}

// It has no number because the row itself is to decide.
void PLessWithAnother(const Subject& subject, Tell tell) {
  if (!subject.On(P::kPLessFieldNumber)) return;
  for (const int cut : kCuts) {
    if (cut == P::kPLessFieldNumber) continue;
    if (!Meet(subject, P::kPLessFieldNumber, cut)) continue;
    tell(subject.Field(cut),
         absl::StrCat(KnobAt(cut).name(),
                      " stands beside p_less, which finds its limit from the "
                      "row alone."),
         kKeepOne);
  }
}

void PunishedTwice(const Subject& subject, Tell tell) {
  constexpr Pair kPairs[] = {
      {P::kRepetitionPenaltyFieldNumber, P::kDryMultiplierFieldNumber,
       "punish the same repeat twice, repetition_penalty also where a token "
       "alone comes again",
       "Keep dry_multiplier alone, or repetition_penalty of at most 1.05 "
       "beside it."},
      {P::kNoRepeatNgramFieldNumber, P::kDryMultiplierFieldNumber,
       "meet the same repeat, and what is banned cannot be punished",
       "Keep dry_multiplier, which can be outbid, or no_repeat_ngram, which "
       "cannot."},
  };
  constexpr double kMild = 1.05;
  const bool is_mild =
      subject.Value(P::kRepetitionPenaltyFieldNumber).most <= kMild;
  TellPairs(subject, absl::MakeConstSpan(kPairs).subspan(is_mild ? 1 : 0),
            tell);
}

// ---- against each other -----------------------------------------------------

void XtcNearGreedy(const Subject& subject, Tell tell) {
  constexpr double kCold = 0.3;
  if (subject.Value(P::kTemperatureFieldNumber).least >= kCold) return;
  if (!Meet(subject, P::kXtcProbabilityFieldNumber,
            P::kTemperatureFieldNumber)) {
    return;
  }
  tell(subject.Field(P::kXtcProbabilityFieldNumber),
       "xtc_probability removes the most probable tokens, which a temperature "
       "this low asks for.",
       "Remove it, or raise the temperature to 0.3 or more.");
}

bool IsPrecise(const std::string& task) {
  for (const BandIndex band : {kExtractionBand, kRetrievalBand, kPreciseBand}) {
    if (Bands()[band].Has(task)) return true;
  }
  return false;
}

void AgainstThePrecise(const Subject& subject, Tell tell) {
  if (!IsPrecise(subject.Task()) || subject.IsGreedy()) return;
  for (const int number :
       {P::kXtcProbabilityFieldNumber, P::kAdaptivePTargetFieldNumber,
        P::kTypicalPFieldNumber}) {
    if (!subject.OnHere(number)) continue;
    tell(subject.Field(number),
         absl::StrCat(KnobAt(number).name(),
                      " can keep the most probable token away, and the task ",
                      subject.Task(), " wants it."),
         "Remove it, or cut the tail with top_p or min_p.");
  }
}

void TwoSteers(const Subject& subject, Tell tell) {
  constexpr Pair kPairs[] = {
      {P::kXtcProbabilityFieldNumber, P::kAdaptivePTargetFieldNumber,
       "both lead away from the most probable token, and the target is met by "
       "what xtc left",
       "Keep adaptive_p_target, which measures what it does."},
      {P::kDynamicTemperatureRangeFieldNumber, P::kAdaptivePTargetFieldNumber,
       "both change the distribution from row to row, the one by entropy, the "
       "other by what was drawn",
       kKeepOne},
      {P::kDynamicTemperatureRangeFieldNumber, P::kMirostatFieldNumber,
       "both change the distribution from row to row, the one by entropy, the "
       "other by what was drawn",
       kKeepOne},
      {P::kSmoothingFactorFieldNumber, P::kDynamicTemperatureRangeFieldNumber,
       "both reshape the row, and neither's effect can be told from the "
       "other's",
       kKeepOne},
  };
  TellPairs(subject, kPairs, tell);
}

// The deviation is one of bad tokens too; without them it is another measure.
void SigmaOfTheRest(const Subject& subject, Tell tell) {
  constexpr const char* kBefore[] = {"top_k",   "top_p",     "min_p",
                                     "typical", "tail_free", "top_h"};
  constexpr int kSteps = P::kStepsFieldNumber;
  if (!subject.On(P::kTopNSigmaFieldNumber) || subject.IsGreedy()) return;
  if (!subject.OnHere(P::kTopNSigmaFieldNumber) && !subject.OnHere(kSteps)) {
    return;
  }
  for (const std::string& step : subject.params().steps()) {
    if (step == "top_n_sigma") return;
    if (std::count(std::begin(kBefore), std::end(kBefore), step) == 0) continue;
    tell(subject.Field(kSteps),
         absl::StrCat("top_n_sigma behind ", step,
                      " measures the deviation of what that left, and cuts "
                      "more."),
         absl::StrCat("Name top_n_sigma before ", step, "."));
    return;
  }
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr LintRule kRules[] = {
    {"dynamic-without-range", kWarning,
     Without<P::kDynamicTemperatureRangeFieldNumber,
             P::kDynamicTemperatureExponentFieldNumber>},
    {"curve-without-smoothing", kWarning,
     Without<P::kSmoothingFactorFieldNumber, P::kSmoothingCurveFieldNumber>},
    {"xtc-without-probability", kWarning,
     Without<P::kXtcProbabilityFieldNumber, P::kXtcThresholdFieldNumber,
             P::kXtcProtectedIdsFieldNumber>},
    {"top-p-without-decay", kWarning,
     Without<P::kTopPDecayFieldNumber, P::kTopPMinFieldNumber,
             P::kTopPResetIdsFieldNumber>},
    {"mirostat-off", kWarning,
     Without<P::kMirostatFieldNumber, P::kMirostatTauFieldNumber,
             P::kMirostatEtaFieldNumber>},
    {"decay-without-target", kWarning,
     Without<P::kAdaptivePTargetFieldNumber, P::kAdaptivePDecayFieldNumber>},
    {"two-cuts", kWarning, TwoCuts},
    {"p-less-with-another", kWarning, PLessWithAnother},
    {"punished-twice", kWarning, PunishedTwice},
    {"xtc-near-greedy", kWarning, XtcNearGreedy},
    {"against-the-precise", kWarning, AgainstThePrecise},
    {"two-steers", kWarning, TwoSteers},
    {"sigma-of-the-rest", kWarning, SigmaOfTheRest},
};

}  // namespace

absl::Span<const LintRule> DrawRules() { return kRules; }

}  // namespace logitd
