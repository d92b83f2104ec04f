// Rules for the switches of phases.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_sequences.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

using Sequences = google::protobuf::RepeatedPtrField<v1::TokenSequence>;

void PhaseNeverLeft(const Subject& subject, Tell tell) {
  if (subject.is_base() || subject.phase->leave_size() > 0) return;
  tell(absl::StrCat("phases[", subject.index, "].leave"),
       "Nothing leaves this phase: it lasts to the end of the generation, "
       "unless a phase around it is left.",
       "Give the token sequences that leave it.");
}

void PhaseChangesNothing(const Subject& subject, Tell tell) {
  if (subject.is_base()) return;
  const v1::Phase& phase = *subject.phase;
  if (!KnobsSet(phase.default_params()).empty()) return;
  if (!KnobsSet(phase.force_params()).empty() || phase.clamps_size() > 0) {
    return;
  }
  tell(absl::StrCat("phases[", subject.index, "]"),
       "The phase has no parameter of its own, so inside it all is as in the "
       "base.",
       "Give it default_params, force_params or clamps, or remove it.");
}

// Whoever hears the last token of `enter` leaves a phase around first: of the
// sequences that a token completes, those that leave come first.
bool LeavesAtItsEnd(const TokenIds& enter,
                    const std::vector<const v1::Phase*>& around) {
  return std::any_of(around.begin(), around.end(), [&](const v1::Phase* outer) {
    return std::any_of(outer->leave().begin(), outer->leave().end(),
                       [&](const v1::TokenSequence& leave) {
                         return EndsWith(enter, IdsIn(leave));
                       });
  });
}

// A part of `enter` before its end leaves the phase directly around, and no
// switch in the rest of it could bring that phase back on top.
bool LeavesBeforeItsEnd(const v1::Profile& profile, const v1::Phase& phase,
                        const TokenIds& enter, const v1::Phase& outer) {
  const auto may = [&](const Sequences& sequences, size_t count) {
    return std::any_of(sequences.begin(), sequences.end(), [&](const auto& s) {
      return MayEndWith(Tokens(enter).first(count), IdsIn(s));
    });
  };
  for (size_t i = 1; i < enter.size(); ++i) {
    const bool leaves = std::any_of(
        outer.leave().begin(), outer.leave().end(), [&](const auto& s) {
          return EndsWith(Tokens(enter).first(i), IdsIn(s));
        });
    if (!leaves) continue;
    bool is_back = false;
    for (size_t count = i; count < enter.size(); ++count) {
      is_back = is_back || may(outer.enter(), count);
      for (const v1::Phase& other : profile.phases()) {
        // Another phase on top may be what is left in its place.
        const bool is_other = &other != &outer && &other != &phase;
        is_back = is_back || (is_other && may(other.leave(), count));
      }
    }
    if (!is_back) return true;
  }
  return false;
}

void PhaseNeverEntered(const Subject& subject, Tell tell) {
  if (subject.is_base() || subject.phase->enter_size() == 0) return;
  const v1::Phase& phase = *subject.phase;
  const auto around = subject.Around();
  if (around.empty()) return;
  for (const v1::TokenSequence& sequence : phase.enter()) {
    const TokenIds enter = IdsIn(sequence);
    if (!LeavesAtItsEnd(enter, around) &&
        !LeavesBeforeItsEnd(subject.profile, phase, enter, *around.front())) {
      return;
    }
  }
  tell(absl::StrCat("phases[", subject.index, "].enter"),
       absl::StrCat("The phase is never entered: every sequence that would "
                    "enter it leaves ",
                    Quote(phase.within()), " or a phase around that first."),
       "Give it a sequence that leaves no phase around it.");
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr LintRule kRules[] = {
    {"phase-never-left", kWarning, PhaseNeverLeft},
    {"phase-changes-nothing", kWarning, PhaseChangesNothing},
    {"phase-never-entered", kWarning, PhaseNeverEntered},
};

}  // namespace

absl::Span<const LintRule> PhaseRules() { return kRules; }

}  // namespace logitd
