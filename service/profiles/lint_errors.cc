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
// rule; what the description quotes does not count. In a fix, $1 is what it
// says behind `why`, up to a comma that does not belong to a range, a semicolon
// or the line.
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
    {"section-without-bounds", "thinking_budget.", ", so no section ",
     "Let start, end and message be apart: start not in the others, end not at "
     "the end of start."},
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
    {"over-limit", "profile", "the file has more than ", "Have at most $1."},
    {"not-whole", "", " is not a whole number", "Write a whole number."},
    {"bad-name", "name", " is not of the form ", kNaming},
    {"bad-name", "name", " is not [a-z]", "Write a name of the form [a-z]$1."},
    {"bad-name", "name", " is not profiles/", kNaming},
    {"bad-label", "labels", " is not [a-z]",
     "Write a key of the form [a-z]$1."},
    {"knobs-conflict", "steps", ", whose knob is set",
     "Name the stage of each knob that is set, or remove the knob."},
    {"unknown-value", "steps", " has a fixed place",
     "Leave it out: it is always there."},
    {"unknown-value", "steps", " is not the name of a stage",
     "Write the name of a stage."},
    {"name-twice", "steps", " is named twice", "Name each stage once."},
    {"name-twice", "name", " is already the name of ",
     "Give each phase a name of its own."},
    {"unknown-knob", "", " is not a field of SamplingParams, the nearest is ",
     "Write $1, if that is meant, or another knob that has a number."},
    {"unknown-knob", "", " is not a field of SamplingParams",
     "Name a knob that has a number, such as temperature or top_k."},
    {"unknown-field", "", " is unknown to this server",
     "Remove it, or ask a server that knows it."},
    {"unknown-value", "", ", the nearest is ", "Write $1, if that is meant."},
    {"unknown-value", "", ", it is ", "Write $1."},
    {"unknown-value", "", " is not a name: write ", "Write $1."},
    {"unknown-value", "", " is not a value of ", "Name a value of $1."},
    {"unknown-phase", "", " is not the name of a phase",
     "Name a phase of this profile, or leave it empty: from anywhere."},
    {"clamp-without-mode", "clamps[", "is not set, and is ",
     "Set it to $1: the first changes what is outside, the second refuses it."},
    {"schedule-limits-crossed", "schedules[", " is more than max ",
     "Set min to at most $1."},
    {"schedule-without-shape", "shape", "is not set, and is ",
     "Set it to $1: the first holds a value until the next point, the second "
     "draws lines."},
    {"schedule-of-no-function", "schedules[",
     " cannot be a function of the position",
     "Schedule a knob whose number has a point, or top_k."},
    {"points-not-rising", "points[", " of the point before",
     "Let each point be for a later token than the one before."},
    {"knob-twice", "schedules[", " has a constant too",
     "Keep the constant or the schedule."},
    {"knob-twice", "schedules[", " has two schedules", "Keep one of the two."},
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
    {"control-character", "", " does not belong into text",
     "Remove it: text has no control characters but newline and tab."},
    // What only a text can have.
    {"unknown-key", "", "unknown key, the nearest known one is ",
     "Write $1, if that is meant, or remove the key."},
    {"unknown-key", "", "unknown key, here it is called ",
     "Write $1, if that is meant, or remove the key."},
    {"unknown-key", "", "unknown key: a number has a point",
     "Write the number before it with a point: 0.7 and not 0,7."},
    {"unknown-key", "", " is written below ", "Write it below $1."},
    {"unknown-key", "", "unknown key, and no known one is near",
     "Remove the key: service/profiles/README.md has all there are."},
    {"key-twice", "", "is there twice", "Keep one of the two."},
    {"null", "", "null is no value", "Leave the key out, or give it a value."},
    {"output-only", "", "the server sets it, a file may not",
     "Remove it from the file. Standard input may have it: it is left out."},
    {"other-name", "name", ", as the file is called",
     "Remove name from the file, or call the file by it."},
    {"wrong-type", "", " is not a number",
     "Write a number, without quotes and without a zero in front."},
    {"wrong-type", "", " is neither true nor false", "Write true or false."},
    {"wrong-type", "", " is not text: put it into quotes",
     "Put it into quotes."},
    {"wrong-type", "", " is not text", "Write one text, in quotes."},
    {"wrong-type", "", " is not a time",
     "Write a time such as \"2026-01-31T12:00:00Z\"."},
    {"wrong-type", "", " is not a map of fields: a sequence is {tokens",
     "Write each sequence as {tokens: [1, 2]}, its token ids in a list."},
    {"wrong-type", "", " is not a map of fields",
     "Write fields, each as \"name: value\" on a line of its own."},
    {"wrong-type", "", " is not a map",
     "Write keys, each as \"key: text\" on a line of its own."},
    {"wrong-type", "", " list of token ids",
     "Write token ids as a list, such as [1, 2]."},
    {"wrong-type", "", " is not a list", "Write a list, such as [a, b]."},
    {"bad-encoding", "", " is not UTF-8", "Save the file as UTF-8."},
    {"half-surrogate", "", " is half of a surrogate pair",
     "Write the character itself, or both halves one after the other."},
    {"yaml-feature", "", "anchors are refused", "Write the value out."},
    {"yaml-feature", "", "aliases are refused", "Write the value out."},
    {"yaml-feature", "", "tags are refused", "Write the value without a tag."},
    {"yaml-feature", "profile", "a second document begins",
     "Write one profile in each file, and no further \"---\"."},
    {"yaml-feature", "profile", "a key is not plain text",
     "Write each key as a word, without anchor, tag or brackets."},
    {"too-deep", "profile", "nested deeper than ",
     "Remove brackets or indentation: no field lies that deep."},
    {"empty-file", "profile", "the file is empty",
     "Write at least one field, such as a description."},
    // The parser's words, which are its own.
    {"not-yaml", "profile", " (line ",
     "Correct what stands there or just before: brackets and quotes are "
     "closed, "
     "lines are indented by blanks, and text with a colon is in quotes."},
};

// Without what stands between quotes, which may be anything.
std::string Unquoted(absl::string_view text) {
  std::string unquoted;
  bool is_inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_inside && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      is_inside = !is_inside;
    } else if (!is_inside) {
      unquoted += text[i];
    }
  }
  return unquoted;
}

// The range, number or word that `text` begins with.
std::string Begin(absl::string_view text) {
  const bool is_range = !text.empty() && (text[0] == '[' || text[0] == '(');
  const size_t closed = is_range ? text.find_first_of("])") : size_t{0};
  const size_t from = closed == absl::string_view::npos ? 0 : closed;
  const size_t end = std::min({text.find(", ", from), text.find(';', from),
                               text.find(" (line ", from)});
  return std::string(text.substr(0, end));
}

}  // namespace

ErrorRule ErrorRuleOf(const Violation& violation) {
  const std::string unquoted = Unquoted(violation.description);
  const absl::string_view why = unquoted;
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
    if (std::count(ids.begin(), ids.end(), row.id) == 0) {
      ids.emplace_back(row.id);
    }
  }
  return ids;
}

}  // namespace logitd
