#include "tests/sampler/cases.h"

#include <string>
#include <utility>
#include <vector>

#include "tests/sampler/cases_setters.h"

namespace logitd::tests {
namespace {

// First the knobs of temperature and of cuts, but for the four that all peers
// have.
constexpr Setter kSetters[] = {
    SetDynamicTemperature,
    SetSmoothing,
    SetTopNSigma,
    SetTypical,
    SetEpsilon,
    SetEta,
    SetTopA,
    SetTailFree,
    SetTopH,
    SetPLess,
    SetXtc,
    // Others.
    SetMirostat,
    SetAdaptiveP,
    SetTemperature,
    SetTemperature,
    SetTopK,
    SetTopP,
    SetMinP,
    SetRepetition,
    SetFrequency,
    SetPresence,
    SetExcluded,
    SetBias,
    SetAllowed,
    SetBanned,
    SetMask,
    SetEnds,
    SetNonFinite,
    SetPromptRepetition,
    SetDry,
    SetLengthPenalty,
    SetNgram,
    SetSuppressed,
    SetForcedTokens,
    SetGuidance,
};
constexpr size_t kCutCount = 11;
static_assert(kSetters[kCutCount - 1] == SetXtc);

void SetEverything(Case* c, Dice* dice) {
  for (Setter set : kSetters) {
    const bool rare = set == SetAllowed || set == SetNonFinite ||
                      set == SetForcedTokens || set == SetGuidance;
    if (dice->Chance(rare ? 0.08 : 0.35)) set(c, dice);
  }
}

void SetTruncations(Case* c, Dice* dice) {
  SetTemperature(c, dice);
  if (dice->Chance(0.6)) SetTopK(c, dice);
  if (dice->Chance(0.7)) SetTopP(c, dice);
  if (dice->Chance(0.6)) SetMinP(c, dice);
  for (Setter set : absl::MakeConstSpan(kSetters).first(kCutCount)) {
    if (dice->Chance(0.25)) set(c, dice);
  }
}

void SetInOrder(Case* c, Dice* dice) {
  SetEverything(c, dice);
  SetSteps(c, dice);
}

// Guidance with what follows it.
void SetGuided(Case* c, Dice* dice) {
  if (dice->Chance(0.5)) SetTruncations(c, dice);
  if (dice->Chance(0.3)) SetBias(c, dice);
  if (dice->Chance(0.2)) c->params.on_non_finite = OnNonFinite::kBan;
  SetGuidance(c, dice);
}

// Of knobs that need the history: SetByPast.
void SetLater(Case*, Dice*) {}

struct Subject {
  Focus focus;
  const char* name;
  Setter set;
};

constexpr Subject kSubjects[] = {
    {Focus::kTemperature, "Temperature", SetTemperature},
    {Focus::kTopK, "TopK", SetTopK},
    {Focus::kTopP, "TopP", SetTopP},
    {Focus::kTopPDecay, "TopPDecay", SetFading},
    {Focus::kMinP, "MinP", SetMinP},
    {Focus::kRepetition, "Repetition", SetRepetition},
    {Focus::kFrequency, "Frequency", SetFrequency},
    {Focus::kPresence, "Presence", SetPresence},
    {Focus::kPromptRepetition, "PromptRepetition", SetPromptRepetition},
    {Focus::kDry, "Dry", SetDry},
    {Focus::kLengthPenalty, "LengthPenalty", SetLengthPenalty},
    {Focus::kLogitBias, "LogitBias", SetBias},
    {Focus::kAllowedIds, "AllowedIds", SetAllowed},
    {Focus::kBannedIds, "BannedIds", SetBanned},
    {Focus::kMask, "Mask", SetMask},
    {Focus::kMinTokens, "MinTokens", SetEnds},
    {Focus::kBadWords, "BadWords", SetLater},
    {Focus::kSuppressedIds, "SuppressedIds", SetSuppressed},
    {Focus::kNoRepeatNgram, "NoRepeatNgram", SetNgram},
    {Focus::kForcedTokens, "ForcedTokens", SetForcedTokens},
    {Focus::kThinkingBudget, "ThinkingBudget", SetLater},
    {Focus::kGuidance, "Guidance", SetGuided},
    {Focus::kNonFinite, "NonFinite", SetNonFinite},
    {Focus::kDynamicTemperature, "DynamicTemperature", SetDynamicTemperature},
    {Focus::kSmoothing, "Smoothing", SetSmoothing},
    {Focus::kTopNSigma, "TopNSigma", SetTopNSigma},
    {Focus::kTypical, "Typical", SetTypical},
    {Focus::kEpsilon, "Epsilon", SetEpsilon},
    {Focus::kEta, "Eta", SetEta},
    {Focus::kTopA, "TopA", SetTopA},
    {Focus::kTailFree, "TailFree", SetTailFree},
    {Focus::kTopH, "TopH", SetTopH},
    {Focus::kPLess, "PLess", SetPLess},
    {Focus::kXtc, "Xtc", SetXtc},
    {Focus::kMirostat, "Mirostat", SetMirostat},
    {Focus::kAdaptiveP, "AdaptiveP", SetAdaptiveP},
    {Focus::kTruncations, "Truncations", SetTruncations},
    {Focus::kEverything, "Everything", SetEverything},
    {Focus::kSteps, "Steps", SetInOrder},
    {Focus::kSchedules, "Schedules", SetEverything},
};

// The subjects stand in the order of the enum.
constexpr bool InOrder() {
  int count = 0;
  for (const Subject& subject : kSubjects) {
    if (static_cast<int>(subject.focus) != count++) return false;
  }
  return count == kFocusCount;
}
static_assert(InOrder());

const Subject& SubjectOf(Focus focus) {
  return kSubjects[static_cast<int>(focus)];
}

// Knobs made of the tokens that stand in the history.
void SetByPast(Focus focus, Case* c, Dice* dice) {
  const bool all = focus == Focus::kEverything || focus == Focus::kSteps ||
                   focus == Focus::kSchedules;
  SetDryBreakers(c, dice);
  if (focus == Focus::kBadWords || (all && dice->Chance(0.3))) {
    SetBadWords(c, dice);
  }
  const bool thinks = all && c->prompt_known && dice->Chance(0.2);
  if (focus == Focus::kThinkingBudget || thinks) {
    c->prompt_known = true;
    SetThinking(c, dice);
  }
  if (focus == Focus::kSchedules) SetSchedules(c, dice);
}

}  // namespace

absl::Span<const Setter> SettersOfKnobs() { return kSetters; }

void SetSteps(Case* c, Dice* dice) {
  std::vector<Stage> rest;
  for (size_t i = 0; i < kOrderedStageCount; ++i)
    rest.push_back(static_cast<Stage>(i));
  while (!rest.empty()) {
    const uint32_t next = dice->Below(static_cast<uint32_t>(rest.size()));
    c->params.steps.push_back(rest[next]);
    rest.erase(rest.begin() + next);
  }
}

const char* Name(Focus focus) { return SubjectOf(focus).name; }

Case MakeCase(Focus focus, uint32_t vocab_size, uint64_t seed) {
  Dice dice(seed);
  const Shape shape = static_cast<Shape>(dice.Below(kShapeCount));
  return MakeCase(focus, MakeRow(shape, vocab_size, dice.Next()), seed,
                  Name(shape));
}

Case MakeCase(Focus focus, std::vector<float> logits, uint64_t seed,
              const std::string& row_name) {
  Dice dice(seed * kFocusCount + static_cast<uint64_t>(focus));
  Case c;
  c.vocab_size = static_cast<uint32_t>(logits.size());
  c.logits = std::move(logits);
  c.name = std::string(Name(focus)) + " seed " + std::to_string(seed) +
           " row " + row_name + " of " + std::to_string(c.vocab_size);
  const bool widen = dice.Chance(focus == Focus::kNonFinite ? 0.5 : 0.1);
  const bool narrow = dice.Chance(0.4);
  SubjectOf(focus).set(&c, &dice);
  if (focus == Focus::kRepetition || focus == Focus::kFrequency ||
      focus == Focus::kPresence || focus == Focus::kPromptRepetition ||
      focus == Focus::kDry) {
    SetExcluded(&c, &dice);
  }
  SetPast(&c, &dice);
  SetByPast(focus, &c, &dice);
  SetReport(&c, &dice);
  if (narrow && (!c.params.min_p || dice.Chance(0.5))) {
    StoreAs(dice.Chance(0.5) ? Dtype::kFloat16 : Dtype::kBfloat16, &c);
  }
  if (widen) Widen(&c, &dice);
  c.misalignment = dice.Chance(0.3) ? dice.Below(4) : 0;
  return c;
}

uint32_t SmallVocabulary(uint64_t seed) {
  Dice dice(seed ^ 0x5A11);
  if (dice.Chance(0.3)) return 1 + dice.Below(700);
  return dice.OneOf(SmallVocabularies());
}

}  // namespace logitd::tests
