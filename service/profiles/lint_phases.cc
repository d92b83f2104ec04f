// Rules for the switches of phases.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sampler/params.h"
#include "service/convert_params.h"
#include "service/profiles/lint_rules.h"
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

TokenIds Read(const v1::TokenSequence& sequence) {
  return ReadIds("", sequence.tokens()).value_or(TokenIds());
}

using Tokens = absl::Span<const uint32_t>;

bool EndsWith(Tokens tokens, const TokenIds& end) {
  return !end.empty() && end.size() <= tokens.size() &&
         tokens.last(end.size()) == Tokens(end);
}

// A history that ends with these tokens may end with `end` too.
bool MayEndWith(Tokens tokens, const TokenIds& end) {
  const size_t both = std::min(tokens.size(), end.size());
  return tokens.last(both) == Tokens(end).last(both);
}

// The phases that one is inside of whenever it is about to be entered, the
// innermost first.
std::vector<const v1::Phase*> Around(const v1::Profile& profile,
                                     const v1::Phase& phase) {
  std::vector<const v1::Phase*> around;
  std::string name = phase.within();
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

// Whoever hears the last token of `enter` leaves a phase around first: of the
// sequences that a token completes, those that leave come first.
bool LeavesAtItsEnd(const TokenIds& enter,
                    const std::vector<const v1::Phase*>& around) {
  return std::any_of(around.begin(), around.end(), [&](const v1::Phase* outer) {
    return std::any_of(outer->leave().begin(), outer->leave().end(),
                       [&](const v1::TokenSequence& leave) {
                         return EndsWith(enter, Read(leave));
                       });
  });
}

// A part of `enter` before its end leaves the phase directly around, and no
// switch in the rest of it could bring that phase back on top.
bool LeavesBeforeItsEnd(const v1::Profile& profile, const v1::Phase& phase,
                        const TokenIds& enter, const v1::Phase& outer) {
  const auto may = [&](const Sequences& sequences, size_t count) {
    return std::any_of(sequences.begin(), sequences.end(), [&](const auto& s) {
      return MayEndWith(Tokens(enter).first(count), Read(s));
    });
  };
  for (size_t i = 1; i < enter.size(); ++i) {
    const bool leaves = std::any_of(
        outer.leave().begin(), outer.leave().end(), [&](const auto& s) {
          return EndsWith(Tokens(enter).first(i), Read(s));
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
  const auto around = Around(subject.profile, phase);
  if (around.empty()) return;
  for (const v1::TokenSequence& sequence : phase.enter()) {
    const TokenIds enter = Read(sequence);
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
