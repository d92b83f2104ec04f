// Rules for values that the field advises against, by themselves or for a task.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "service/profiles/lint_rules.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;
using Tasks = std::initializer_list<const char*>;

// Where a kind of task is at home. Ends belong to it.
struct Band {
  Tasks tasks;
  double temperature_min;
  double temperature_max;
  double top_p_min;
  double top_p_max;
};

const Band kExtraction = {{"extraction", "json", "facts"}, 0, 0.4, 0.8, 0.95};
const Band kChat = {{"chat", "drafting"}, 0.6, 1, 0.9, 1};
const Band kIdeas = {{"ideas", "brainstorm"}, 1.1, 2, 0.95, 1};
// The nearest thing to a quotation.
const Band kRetrieval = {{"retrieval"}, 0, 0.1, 0, 1};
// Above 1 these are right by luck.
const Band kPrecise = {
    {"math", "law", "medicine", "code", "data", "structured-data"}, 0, 1, 0, 1};
const Band* const kBands[] = {&kExtraction, &kChat, &kIdeas, &kRetrieval,
                              &kPrecise};
constexpr Tasks kStructured = {"extraction", "json", "code", "data",
                               "structured-data"};

bool Is(const std::string& task, const Tasks& tasks) {
  return std::any_of(tasks.begin(), tasks.end(),
                     [&](const char* one) { return task == one; });
}

bool Inside(double value, double min, double max) {
  return value >= min && value <= max;
}

bool TemperatureFits(const Subject& subject, const Band& band) {
  return Inside(subject.Value(P::kTemperatureFieldNumber), band.temperature_min,
                band.temperature_max);
}

bool TopPFits(const Subject& subject, const Band& band) {
  return subject.IsGreedy() || Inside(subject.Value(P::kTopPFieldNumber),
                                      band.top_p_min, band.top_p_max);
}

void TellBand(const Subject& subject, int number, double min, double max,
              Tell tell) {
  const std::string& name = KnobAt(number).name();
  tell(subject.Field(number),
       absl::StrCat(name, " ", Digits(subject.Value(number)), " is outside ",
                    Digits(min), " to ", Digits(max), ", where the task ",
                    Quote(subject.Task()), " is at home."),
       absl::StrCat(subject.IsClamped(number)
                        ? absl::StrCat("Let this clamp give ", name, " values")
                        : absl::StrCat("Set ", name),
                    " from ", Digits(min), " to ", Digits(max),
                    ", or change labels.task."));
}

// Of a phase only what is its own: the rest is told of the base.
void CheckBand(const Subject& subject, const Band& band, Tell tell) {
  if (!Is(subject.Task(), band.tasks)) return;
  if (subject.SetsHere(P::kTemperatureFieldNumber) &&
      !TemperatureFits(subject, band)) {
    TellBand(subject, P::kTemperatureFieldNumber, band.temperature_min,
             band.temperature_max, tell);
  }
  if (subject.SetsHere(P::kTopPFieldNumber) && !TopPFits(subject, band)) {
    TellBand(subject, P::kTopPFieldNumber, band.top_p_min, band.top_p_max,
             tell);
  }
}

void ExtractionBand(const Subject& subject, Tell tell) {
  CheckBand(subject, kExtraction, tell);
}
void ChatBand(const Subject& subject, Tell tell) {
  CheckBand(subject, kChat, tell);
}
void IdeasBand(const Subject& subject, Tell tell) {
  CheckBand(subject, kIdeas, tell);
}
void RetrievalBand(const Subject& subject, Tell tell) {
  CheckBand(subject, kRetrieval, tell);
}
void PreciseBand(const Subject& subject, Tell tell) {
  CheckBand(subject, kPrecise, tell);
}

void UnknownTask(const Subject& subject, Tell tell) {
  const std::string task = subject.Task();
  if (!subject.is_base() || task.empty()) return;
  std::vector<std::string> known;
  for (const Band* band : kBands) {
    if (Is(task, band->tasks)) return;
    known.insert(known.end(), band->tasks.begin(), band->tasks.end());
  }
  tell("labels.task",
       absl::StrCat("No advice is known for the task ", Quote(task), "."),
       absl::StrCat("The linter knows ", absl::StrJoin(known, ", "), "."));
}

// Inside its task's band the pair is the field's practice.
void TemperatureAndTopP(const Subject& subject, Tell tell) {
  if (!subject.On(P::kTemperatureFieldNumber) || subject.IsGreedy()) return;
  if (!subject.On(P::kTopPFieldNumber)) return;
  if (!subject.OnHere(P::kTemperatureFieldNumber) &&
      !subject.OnHere(P::kTopPFieldNumber)) {
    return;
  }
  for (const Band* band : {&kExtraction, &kChat, &kIdeas}) {
    if (Is(subject.Task(), band->tasks) && TemperatureFits(subject, *band) &&
        TopPFits(subject, *band)) {
      return;
    }
  }
  tell(subject.Field(P::kTopPFieldNumber),
       "temperature and top_p are both changed, and neither's effect can be "
       "told from the other's.",
       "Change one of them and leave the other at 1.");
}

struct Extreme {
  int knob;
  double min;
  double max;
};

void ExtremeValue(const Subject& subject, Tell tell) {
  constexpr Extreme kExtremes[] = {
      {P::kTemperatureFieldNumber, 0.01, 2},
      {P::kTopPFieldNumber, 0.1, 1},
      {P::kMinPFieldNumber, 0, 0.5},
      {P::kRepetitionPenaltyFieldNumber, 0.5, 2},
      {P::kFrequencyPenaltyFieldNumber, -1.5, 1.5},
      {P::kPresencePenaltyFieldNumber, -1.5, 1.5},
  };
  for (const Extreme& extreme : kExtremes) {
    if (!subject.OnHere(extreme.knob)) continue;
    const bool is_temperature = extreme.knob == P::kTemperatureFieldNumber;
    if (subject.IsGreedy() && is_temperature) continue;
    const double value = subject.Value(extreme.knob);
    if (Inside(value, extreme.min, extreme.max)) continue;
    const std::string range =
        absl::StrCat(Digits(extreme.min), " to ", Digits(extreme.max));
    tell(subject.Field(extreme.knob),
         absl::StrCat(KnobAt(extreme.knob).name(), " ", Digits(value),
                      " is allowed and far from ", range,
                      ", where text stays text."),
         is_temperature && value < extreme.min
             ? "Write temperature 0 for the largest logit."
             : absl::StrCat("Stay from ", range, "."));
  }
}

void RepetitionHigh(const Subject& subject, Tell tell) {
  constexpr double kHigh = 1.2;
  constexpr int kKnob = P::kRepetitionPenaltyFieldNumber;
  if (!subject.OnHere(kKnob) || subject.Value(kKnob) <= kHigh) return;
  if (subject.On(P::kFrequencyPenaltyFieldNumber)) return;
  tell(subject.Field(kKnob),
       "A high repetition_penalty falls on every token that was seen once, "
       "also on those that the prompt needs again.",
       "Answer a high share of repetition with frequency_penalty 0.1 to 0.8, "
       "which grows with each occurrence in the output.");
}

void RewardsRepetition(const Subject& subject, Tell tell) {
  const auto check = [&](int number, double off) {
    if (!subject.OnHere(number) || subject.Value(number) >= off) return;
    tell(subject.Field(number),
         absl::StrCat(KnobAt(number).name(), " below ", Digits(off),
                      " rewards repetition, and ends in loops."),
         absl::StrCat("Set ", Digits(off), " or more."));
  };
  check(P::kRepetitionPenaltyFieldNumber, 1);
  check(P::kFrequencyPenaltyFieldNumber, 0);
  check(P::kPresencePenaltyFieldNumber, 0);
}

void PenaltyOnStructure(const Subject& subject, Tell tell) {
  if (!Is(subject.Task(), kStructured)) return;
  for (const int number :
       {P::kRepetitionPenaltyFieldNumber, P::kFrequencyPenaltyFieldNumber,
        P::kPresencePenaltyFieldNumber}) {
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
    {"band-extraction", kWarning, ExtractionBand},
    {"band-chat", kWarning, ChatBand},
    {"band-ideas", kWarning, IdeasBand},
    {"band-retrieval", kWarning, RetrievalBand},
    {"band-precise", kWarning, PreciseBand},
    {"temperature-and-top-p", kWarning, TemperatureAndTopP},
    {"extreme-value", kWarning, ExtremeValue},
    {"repetition-high", kWarning, RepetitionHigh},
    {"rewards-repetition", kWarning, RewardsRepetition},
    {"penalty-on-structure", kWarning, PenaltyOnStructure},
    {"unknown-task", v1::LINT_SEVERITY_INFO, UnknownTask},
};

}  // namespace

absl::Span<const LintRule> ValueRules() { return kRules; }

}  // namespace logitd
