#include "service/profiles/lint_errors.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "service/profiles/lint.h"

namespace logitd {
namespace {

// The first row whose words are in the violation's field and description is its
// rule. In a fix, $1 is what the description says behind `why`, up to a comma
// that does not belong to a range, or a semicolon.
struct Row {
  const char* id;
  const char* field;
  const char* why;
  const char* fix;
};

constexpr char kOneOff[] =
    "Remove one of the two knobs, or set it to its off value.";
constexpr char kNaming[] = "Write a name of the form $1.";
constexpr char kFinite[] = "Write a finite number of $1.";

constexpr Row kRows[] = {
    {"min-tokens-above-max-tokens", "", "more tokens are asked for than",
     "Set min_tokens to at most max_tokens, or remove one of the two."},
    {"knobs-conflict", "", " conflicts with ", kOneOff},
    {"clamps-never-meet", "", " has no value both in ",
     "Let the limits of the two clamps overlap, or remove one of them."},
    {"allowed-ids-never-meet", "", "have no id in common",
     "Give the two lists an id in common, or remove one of them."},
    {"nothing-allowed", "", "no token could ever be chosen",
     "Leave at least one id of allowed_ids that nothing bans."},
    {"not-built", "", "not built yet",
     "Remove it: this server does not have that knob yet."},
    {"not-finite", "", "nan is outside ", kFinite},
    {"not-finite", "", "inf is outside ", kFinite},
    {"not-finite", "", "nan at index ", "Write finite numbers of [-100, 100]."},
    {"force-outside-clamp", "force_params.", ", profile clamps[",
     "Force a value inside the limits of the clamp, or change them."},
    {"force-outside-clamp", "force_params.", ", phase ",
     "Force a value inside the limits of the clamp, or change them."},
    {"default-refused", "default_params.", ", profile clamps[",
     "Move the default inside the limits, force the knob, or let the clamp be "
     "CLAMP_MODE_CLAMP."},
    {"default-refused", "default_params.", ", phase ",
     "Move the default inside the limits, force the knob, or let the clamp be "
     "CLAMP_MODE_CLAMP."},
    {"clamp-limits-crossed", "clamps[", " is more than max ",
     "Set min to at most $1."},
    {"id-outside-vocabulary", "", " is outside [0, 1048576)",
     "Write ids of [0, 1048576)."},
    {"out-of-range", "", " is outside ", "Write a value of $1."},
    {"out-of-range", "", " are outside ", "Let their number be one of $1."},
    {"over-limit", "", " are more than ", "Have at most $1."},
    {"not-whole", "", " is not a whole number", "Write a whole number."},
    {"bad-name", "name", " is not of the form ", kNaming},
    {"bad-name", "name", " is not [a-z]", "Write a name of the form [a-z]$1."},
    {"bad-name", "name", " is not profiles/", kNaming},
    {"bad-label", "labels", " is not [a-z]",
     "Write a key of the form [a-z]$1."},
    {"name-twice", "name", " is already the name of ",
     "Give each phase a name of its own."},
    {"unknown-knob", "", " is not a field of SamplingParams",
     "Name a knob that has a number, such as temperature or top_k."},
    {"unknown-field", "", " is unknown to this server",
     "Remove it, or ask a server that knows it."},
    {"unknown-value", "", " is not a value of ", "Name a value of $1."},
    {"unknown-phase", "", " is not the name of a phase",
     "Name a phase of this profile, or leave it empty: from anywhere."},
    {"clamp-without-mode", "clamps[", "is not set, and is ",
     "Set it to $1: the first changes what is outside, the second refuses it."},
    {"clamp-without-limits", "clamps[", "has neither min nor max",
     "Set min, max or both."},
    {"clamp-of-no-number", "clamps[", " has no number to limit",
     "Clamp a knob that has a number, or force this one."},
    {"phases-in-a-circle", "within", "a circle that is never entered",
     "Let one of these phases be entered from anywhere: leave within empty."},
    {"phase-without-enter", "enter",
     "is empty: ", "Give the token sequences that enter the phase."},
    {"phases-entered-alike", "enter", "also enters ",
     "Give each of the two phases a sequence of its own, or enter them within "
     "different phases."},
    {"id-twice", "", " is given twice", "Write each id once."},
    {"half-an-id", "", "are not a multiple of 4",
     "Write whole ids, four bytes each."},
    {"bias-without-pair", "", " values for ", "Write one value for each id."},
};

// The range, number or word that `text` begins with.
std::string Begin(absl::string_view text) {
  const bool is_range = !text.empty() && (text[0] == '[' || text[0] == '(');
  const size_t closed = is_range ? text.find_first_of("])") : size_t{0};
  const size_t from = closed == absl::string_view::npos ? 0 : closed;
  const size_t end = std::min(text.find(", ", from), text.find(';', from));
  return std::string(text.substr(0, end));
}

}  // namespace

ErrorRule ErrorRuleOf(const Violation& violation) {
  const absl::string_view why = violation.description;
  for (const Row& row : kRows) {
    const size_t at = why.find(row.why);
    if (at == absl::string_view::npos) continue;
    if (!absl::StrContains(violation.field, row.field)) continue;
    absl::string_view rest = why.substr(at + std::string(row.why).size());
    if (absl::EndsWith(row.why, "profiles/")) rest = "profiles/{id}";
    return {row.id, absl::StrReplaceAll(row.fix, {{"$1", Begin(rest)}})};
  }
  return {kInvalidRule, "Correct this field: the message has what is wrong."};
}

std::vector<std::string> ErrorRuleIds() {
  std::vector<std::string> ids;
  for (const Row& row : kRows) {
    if (ids.empty() || ids.back() != row.id) ids.emplace_back(row.id);
  }
  return ids;
}

}  // namespace logitd
