// The linter's rules as data, and what a rule may look at.
//
// A rule is a function that tells what it finds; its id, severity and order
// stand in a table. To add one: write it, put it in its file's table and in
// that of README.md, and give tests/profiles/lint_test.cc a profile that it
// fires on. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_LINT_RULES_H_
#define LOGITD_SERVICE_PROFILES_LINT_RULES_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "logitd/v1/profiles.pb.h"
#include "sampler/params.h"
#include "service/profiles/knob.h"
#include "service/profiles/resolve.h"

namespace logitd {

// Which ids may be drawn, and which of them finish. Sorted.
struct Choice {
  TokenIds allowed;  // empty: all
  TokenIds banned;   // with the EOS ids, where they are
  TokenIds ends;     // EOS ids and stop ids

  bool May(uint32_t id) const;
  bool Ends(uint32_t id) const;
};
Choice ChoiceOf(const v1::SamplingParams& params);

// The base, or one phase, as it is in force when the caller sets nothing.
struct Subject {
  const v1::Profile& profile;
  const v1::Phase* phase;  // nullptr: the base
  int index;               // of the phase
  // The base and all phases, this one too; without what does not resolve.
  const std::vector<Subject>* all;
  ResolvedParams resolved;
  Choice choice;

  const v1::SamplingParams& params() const { return resolved.params; }
  bool is_base() const { return phase == nullptr; }
  // The phases that one is inside of whenever this one is about to be entered,
  // the innermost first.
  std::vector<const v1::Phase*> Around() const;
  // A sequence leaves the phase, or one around it.
  bool CanLeave() const;
  // The knob is not at its off value.
  bool On(int field_number) const;
  // It is on, and not only because the profile around the phase says so.
  bool OnHere(int field_number) const;
  Extent Value(int field_number) const;
  // At every step.
  bool IsGreedy() const;
  // Where the knob is set: "phases[1].force_params.top_p", or the clamp that
  // changed it.
  std::string Field(int field_number) const;
  // A force gave it its value.
  bool IsForced(int field_number) const;
  // A clamp gave it its value.
  bool IsClamped(int field_number) const;
  // The value, off or not, is this subject's own: in a phase it is not only the
  // profile's around it.
  bool SetsHere(int field_number) const;
  // What it is judged by: "task", or the label of its own that a phase has,
  // "task.think".
  std::string TaskLabel() const;
  bool HasOwnTask() const { return is_base() || TaskLabel() != "task"; }
  // That label in lower case, its words joined by dashes; empty: none.
  std::string Task() const;

 private:
  v1::ParamLevel LevelOf(const Knob& knob) const;
  std::string ClampField(const Knob& knob) const;
};

// Field, one sentence, fix.
using Tell = absl::FunctionRef<void(const std::string&, const std::string&,
                                    const std::string&)>;

struct LintRule {
  const char* id;
  v1::LintSeverity severity;
  void (*check)(const Subject& subject, Tell tell);
};

// The knobs that cut a row's tail.
inline constexpr int kCuts[] = {
    v1::SamplingParams::kTopKFieldNumber,
    v1::SamplingParams::kTopPFieldNumber,
    v1::SamplingParams::kMinPFieldNumber,
    v1::SamplingParams::kTopNSigmaFieldNumber,
    v1::SamplingParams::kTypicalPFieldNumber,
    v1::SamplingParams::kEpsilonCutoffFieldNumber,
    v1::SamplingParams::kEtaCutoffFieldNumber,
    v1::SamplingParams::kTopAFieldNumber,
    v1::SamplingParams::kTailFreeFieldNumber,
    v1::SamplingParams::kTopHFieldNumber,
    v1::SamplingParams::kPLessFieldNumber,
};

// Tells of each part that is set while the knob that it belongs to is off.
void TellParts(const Subject& subject, absl::Span<const int> parts, int whole,
               Tell tell);

// Knobs that do nothing, or work against each other.
absl::Span<const LintRule> DeadKnobRules();
// The same of those that shape what is drawn from.
absl::Span<const LintRule> DrawRules();
// The same of lists of token ids and of ends.
absl::Span<const LintRule> TokenRules();
// Values that the field advises against.
absl::Span<const LintRule> ValueRules();
// The same of values for a task.
absl::Span<const LintRule> TaskRules();
// Clamps and forces.
absl::Span<const LintRule> StructureRules();
// Switches of phases.
absl::Span<const LintRule> PhaseRules();
// What keeps the sequences of those switches from being drawn.
absl::Span<const LintRule> TriggerRules();

// All of them.
std::vector<LintRule> AllLintRules();

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_LINT_RULES_H_
