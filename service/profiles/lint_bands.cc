// Rules for values that the field advises against for a task, and for the
// labels that name it.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_tasks.h"
#include "service/profiles/nearest.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;

constexpr int kTemperature = P::kTemperatureFieldNumber;
constexpr int kTopP = P::kTopPFieldNumber;
constexpr char kTaskPrefix[] = "task.";

// top_k 1 is greedy whatever the temperature; that it should be written so is
// told by a rule of its own.
bool IsOneToken(const Subject& subject) {
  return subject.IsGreedy() || subject.Value(P::kTopKFieldNumber).Is(1);
}

bool Fits(const Interval& interval, const Extent& extent) {
  return interval.Has(extent.least) && interval.Has(extent.most);
}

bool TemperatureFits(const Subject& subject, const Band& band) {
  if (!subject.IsGreedy() && IsOneToken(subject)) return true;
  return Fits(band.temperature, subject.Value(kTemperature));
}

// Another knob cuts the tail as top_p would: most do, but a count or a limit
// near 0 leaves it to top_p.
bool IsCut(const Subject& subject) {
  for (const int cut : kCuts) {
    if (cut == P::kTopKFieldNumber || cut == P::kEpsilonCutoffFieldNumber ||
        cut == P::kEtaCutoffFieldNumber) {
      continue;
    }
    if (subject.On(cut)) return true;
  }
  return subject.On(P::kMirostatFieldNumber);
}

bool TopPFits(const Subject& subject, const Band& band) {
  return IsOneToken(subject) || (!subject.On(kTopP) && IsCut(subject)) ||
         Fits(band.top_p, subject.Value(kTopP));
}

// Where a phase changes what it has from the profile around it.
std::string FieldToChange(const Subject& subject, int number) {
  const std::string field = subject.Field(number);
  const bool is_around =
      !subject.SetsHere(number) && !absl::StartsWith(field, "phases[");
  return is_around && !subject.IsClamped(number)
             ? absl::StrCat("phases[", subject.index, "].", field)
             : field;
}

std::string HowToFit(const Subject& subject, int number,
                     const Interval& at_home) {
  const std::string& name = KnobAt(number).name();
  const bool is_clamp = subject.IsClamped(number);
  const bool has_no_cut = number == kTopP && !subject.On(kTopP);
  return absl::StrCat(is_clamp ? "Let this clamp give " : "Set ", name,
                      is_clamp ? " values" : "", " from ", at_home.Text(),
                      has_no_cut ? ", or min_p in its place" : "");
}

// By a task of its own.
void TellBand(const Subject& subject, int number, const Interval& at_home,
              Tell tell) {
  tell(FieldToChange(subject, number),
       absl::StrCat(KnobAt(number).name(), " ",
                    Text(subject.Value(number), false), " is outside ",
                    at_home.Text(), ", where the task ", Quote(subject.Task()),
                    " is at home."),
       absl::StrCat(HowToFit(subject, number, at_home), ", or change labels.",
                    subject.TaskLabel(), "."));
}

// By the profile's task, from which a phase may well differ.
void TellPhase(const Subject& subject, int number, const Interval& at_home,
               Tell tell) {
  tell(subject.Field(number),
       absl::StrCat(KnobAt(number).name(), " ",
                    Text(subject.Value(number), false), " is outside ",
                    at_home.Text(), ", where the profile's task ",
                    Quote(subject.Task()), " is at home."),
       absl::StrCat(HowToFit(subject, number, at_home),
                    ", or say by the label ", kTaskPrefix,
                    subject.phase->name(), " what the phase is for."));
}

template <class TellOne>
void CheckBand(const Subject& subject, const Band& band, bool all,
               const TellOne& tell_one) {
  if ((all || subject.SetsHere(kTemperature)) &&
      !TemperatureFits(subject, band)) {
    tell_one(kTemperature, band.temperature);
  }
  if ((all || subject.SetsHere(kTopP)) && !TopPFits(subject, band)) {
    tell_one(kTopP, band.top_p);
  }
}

template <BandIndex kIndex>
void CheckOwnTask(const Subject& subject, Tell tell) {
  const Band& band = Bands()[kIndex];
  if (!subject.HasOwnTask() || !band.Has(subject.Task())) return;
  CheckBand(subject, band, true, [&](int number, const Interval& at_home) {
    TellBand(subject, number, at_home, tell);
  });
}

// Of a phase only what is its own: the rest is told of the base.
void PhaseOutsideBand(const Subject& subject, Tell tell) {
  if (subject.HasOwnTask()) return;
  for (const Band& band : Bands()) {
    if (!band.Has(subject.Task())) continue;
    CheckBand(subject, band, false, [&](int number, const Interval& at_home) {
      TellPhase(subject, number, at_home, tell);
    });
  }
}

// Inside its task's band the pair is the field's practice.
void TemperatureAndTopP(const Subject& subject, Tell tell) {
  if (!subject.On(kTemperature) || !subject.On(kTopP)) return;
  if (IsOneToken(subject)) return;
  if (!subject.OnHere(kTemperature) && !subject.OnHere(kTopP)) return;
  for (const Band& band : Bands()) {
    const bool advises_top_p = band.top_p.min > 0;
    if (advises_top_p && band.Has(subject.Task()) &&
        TemperatureFits(subject, band) && TopPFits(subject, band)) {
      return;
    }
  }
  tell(subject.Field(kTopP),
       "temperature and top_p are both changed, and neither's effect can be "
       "told from the other's.",
       "Change one of them and leave the other at 1.");
}

void UnknownTask(const Subject& subject, Tell tell) {
  const std::string task = subject.Task();
  if (!subject.HasOwnTask() || task.empty()) return;
  const std::vector<std::string> known = KnownTasks();
  if (std::count(known.begin(), known.end(), task) > 0) return;
  const std::string nearest = Nearest(task, known);
  tell(absl::StrCat("labels.", subject.TaskLabel()),
       absl::StrCat("No advice is known for the task ", Quote(task),
                    nearest.empty() ? "" : ", the nearest known one is ",
                    nearest, "."),
       absl::StrCat("Write one of ", absl::StrJoin(known, ", "), "."));
}

void TaskOfNoPhase(const Subject& subject, Tell tell) {
  if (!subject.is_base()) return;
  std::vector<std::string> names;
  for (const v1::Phase& phase : subject.profile.phases()) {
    names.push_back(phase.name());
  }
  std::map<std::string, std::string> labels(subject.profile.labels().begin(),
                                            subject.profile.labels().end());
  for (const auto& [key, value] : labels) {
    absl::string_view phase = key;
    if (!absl::ConsumePrefix(&phase, kTaskPrefix)) continue;
    if (std::count(names.begin(), names.end(), phase) > 0) continue;
    const std::string nearest = Nearest(phase, names);
    tell(absl::StrCat("labels.", key),
         absl::StrCat("The profile has no phase ", Quote(phase),
                      nearest.empty() ? "" : ", the nearest is ", nearest, "."),
         "Write the name of a phase behind the dot, or remove the label.");
  }
}

void NoTask(const Subject& subject, Tell tell) {
  if (!subject.Task().empty()) return;
  const auto is_changed = [&](int number) {
    return subject.On(number) && subject.SetsHere(number);
  };
  if (!is_changed(kTemperature) && !is_changed(kTopP)) return;
  tell("labels.task",
       "temperature or top_p is changed, and no label says for what task.",
       "Say what the profile is for, as in task: chat, and the linter judges "
       "the values.");
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr auto kInfo = v1::LINT_SEVERITY_INFO;
constexpr LintRule kRules[] = {
    {"band-extraction", kWarning, CheckOwnTask<kExtractionBand>},
    {"band-chat", kWarning, CheckOwnTask<kChatBand>},
    {"band-ideas", kWarning, CheckOwnTask<kIdeasBand>},
    {"band-retrieval", kWarning, CheckOwnTask<kRetrievalBand>},
    {"band-precise", kWarning, CheckOwnTask<kPreciseBand>},
    {"temperature-and-top-p", kWarning, TemperatureAndTopP},
    {"phase-outside-band", kInfo, PhaseOutsideBand},
    {"unknown-task", kInfo, UnknownTask},
    {"task-of-no-phase", kInfo, TaskOfNoPhase},
    {"no-task", kInfo, NoTask},
};

}  // namespace

absl::Span<const LintRule> TaskRules() { return kRules; }

}  // namespace logitd
