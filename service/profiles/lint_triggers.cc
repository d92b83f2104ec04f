// Rules for what keeps the sequences that switch phases from being drawn.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_sequences.h"

namespace logitd {
namespace {

using P = v1::SamplingParams;
using Sequences = google::protobuf::RepeatedPtrField<v1::TokenSequence>;
using Places = std::vector<const Subject*>;

// While one of `places` is on top, a history that ended with one of `before`
// may come to end with `sequence`: its head may lie in what was before.
bool CanBeSaid(const TokenIds& sequence, const Sequences& before,
               const Places& places) {
  const auto may = [&](uint32_t id) {
    return std::any_of(places.begin(), places.end(),
                       [&](const Subject* s) { return s->choice.May(id); });
  };
  for (size_t head = sequence.size(); head > 0;) {
    if (!may(sequence[--head])) return false;
    if (std::any_of(before.begin(), before.end(), [&](const auto& b) {
          return MayEndWith(IdsIn(b), Tokens(sequence).first(head));
        })) {
      return true;
    }
  }
  return true;
}

bool AnyCanBeSaid(const Sequences& sequences, const Sequences& before,
                  const Places& places) {
  return std::any_of(sequences.begin(), sequences.end(), [&](const auto& s) {
    return CanBeSaid(IdsIn(s), before, places);
  });
}

// The phase, and all that may be entered while it is.
Places InsideOf(const Subject& subject) {
  Places inside = {&subject};
  const auto around = subject.Around();  // not entered again
  for (size_t before = 0; before < inside.size();) {
    before = inside.size();
    for (const Subject& other : *subject.all) {
      const auto has = [&](const auto& is) {
        return std::any_of(inside.begin(), inside.end(), is);
      };
      if (other.is_base() ||
          std::count(around.begin(), around.end(), other.phase) > 0 ||
          has([&](const Subject* s) { return s->phase == other.phase; })) {
        continue;
      }
      const std::string& within = other.phase->within();
      const bool fits = within.empty() || has([&](const Subject* s) {
                          return s->phase->name() == within;
                        });
      if (fits &&
          AnyCanBeSaid(other.phase->enter(), subject.phase->enter(), inside)) {
        inside.push_back(&other);
      }
    }
  }
  return inside;
}

void LeaveNeverSaid(const Subject& subject, Tell tell) {
  if (subject.is_base() || subject.phase->leave_size() == 0) return;
  const Sequences& leave = subject.phase->leave();
  if (AnyCanBeSaid(leave, subject.phase->enter(), {&subject})) return;
  if (AnyCanBeSaid(leave, subject.phase->enter(), InsideOf(subject))) return;
  tell(absl::StrCat("phases[", subject.index, "].leave"),
       "Every sequence that leaves the phase has an id that allowed_ids or "
       "banned_ids keep away inside it, so no draw leaves it.",
       "Let the ids of one of its leave sequences be drawn inside the phase.");
}

// A generation whose output ends so is finished.
bool Stops(const Subject& place, Tokens output) {
  if (place.On(P::kMinTokensFieldNumber)) return false;  // not yet
  const Sequences& stops = place.params().stop_sequences();
  return place.choice.Ends(output.back()) ||
         std::any_of(stops.begin(), stops.end(),
                     [&](const auto& s) { return EndsWith(output, IdsIn(s)); });
}

// Where the last token of what enters the phase is drawn.
Places EnteredFrom(const Subject& subject) {
  Places places;
  const std::string& within = subject.phase->within();
  for (const Subject& other : *subject.all) {
    const bool is_outer = !other.is_base() && other.phase->name() == within;
    if (within.empty() ? other.index != subject.index : is_outer) {
      places.push_back(&other);
    }
  }
  return places;
}

void StopBeforePhase(const Subject& subject, Tell tell) {
  if (subject.is_base() || subject.phase->enter_size() == 0) return;
  Places all;
  for (const Subject& other : *subject.all) all.push_back(&other);
  const Places last = EnteredFrom(subject);
  const auto stop = [](const Places& places, Tokens output) {
    return !places.empty() &&
           std::all_of(places.begin(), places.end(),
                       [&](const Subject* s) { return Stops(*s, output); });
  };
  for (const v1::TokenSequence& sequence : subject.phase->enter()) {
    const TokenIds enter = IdsIn(sequence);
    bool is_stopped = !enter.empty() && stop(last, enter);
    for (size_t i = 1; i < enter.size() && !is_stopped; ++i) {
      is_stopped = stop(all, Tokens(enter).first(i));
    }
    if (!is_stopped) return;
  }
  tell(absl::StrCat("phases[", subject.index, "].enter"),
       "A stop ends the generation at or before the last token of every "
       "sequence that enters the phase, so only a prompt can enter it.",
       "Take the sequence out of the stops, or enter the phase by another.");
}

constexpr auto kWarning = v1::LINT_SEVERITY_WARNING;
constexpr LintRule kRules[] = {
    {"leave-never-said", kWarning, LeaveNeverSaid},
    {"stop-before-phase", kWarning, StopBeforePhase},
};

}  // namespace

absl::Span<const LintRule> TriggerRules() { return kRules; }

}  // namespace logitd
