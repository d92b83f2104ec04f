// What the linter says of a profile that is wrong: the rule, the fix, and
// nothing else about the same value.
#include "service/profiles/lint_errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "service/profiles/knob.h"
#include "service/profiles/lint.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/profile_file.h"
#include "tests/profiles/bad_files.h"
#include "tests/profiles/resolve_texts.h"

namespace logitd {
namespace {

using testing::ProfileText;

// A text that is no profile has nothing but errors.
std::vector<v1::LintFinding> Linted(absl::string_view text,
                                    absl::string_view id, Fields fields) {
  bool is_profile = false;
  auto found = LintText(text, id, fields, Limits(), &is_profile);
  EXPECT_EQ(is_profile, ParseProfile(text, id, fields).ok());
  for (const v1::LintFinding& finding : found) {
    EXPECT_TRUE(is_profile || finding.severity() == v1::LINT_SEVERITY_ERROR);
  }
  return found;
}

// The rules that the bad file of this name breaks.
std::map<std::string, std::vector<v1::LintFinding>> ErrorsOfFiles() {
  std::map<std::string, std::vector<v1::LintFinding>> errors;
  for (const auto& [name, file] : BadFiles()) {
    std::vector<v1::LintFinding>& found = errors[name];
    found = Linted(file.text, file.stem, Fields::kContent);
    std::erase_if(found, [](const auto& finding) {
      return finding.severity() != v1::LINT_SEVERITY_ERROR;
    });
  }
  return errors;
}

struct FileCase {
  const char* file;
  const char* rule;
  const char* fix;  // a part of it
};
constexpr FileCase kFiles[] = {
    {"min-tokens-above-max-tokens", "min-tokens-above-max-tokens",
     "Set min_tokens to at most max_tokens"},
    {"force-conflicts-with-default", "min-tokens-above-max-tokens", "at most"},
    {"force-outside-clamp", "force-outside-clamp", "Force a value inside"},
    {"clamps-without-a-value-in-common", "clamps-never-meet", "overlap"},
    {"allowed-ids-without-an-id-in-common", "allowed-ids-never-meet",
     "an id in common"},
    {"every-allowed-id-banned", "nothing-allowed", "at least one id"},
    {"default-outside-reject", "default-refused", "CLAMP_MODE_CLAMP"},
    {"default-outside-reject-of-a-phase", "default-refused", "Move the"},
    {"temperature-above-max", "out-of-range", "Write a value of [0, 100]."},
    {"top-p-below-min", "out-of-range", "Write a value of (0, 1]."},
    {"max-tokens-below-min", "out-of-range", "[1, 1048576]."},
    {"logit-bias-values-above-max", "out-of-range",
     "Write a value of [-100, 100]."},
    {"nan", "not-finite", "Write a finite number of [0, 100]."},
    {"infinity", "not-finite", "Write a finite number of [0, 100]."},
    {"logit-bias-values-nan", "not-finite", "[-100, 100]."},
    {"mirostat-beside-top-p", "knobs-conflict", "Remove one of the two"},
    {"xtc-probability-beside-greedy", "knobs-conflict",
     "Remove one of the two"},
    {"clamp-of-unknown-knob", "unknown-knob", "Write temperature,"},
    {"on-empty-unknown-number", "unknown-value", "a value of OnEmpty."},
    {"phase-name", "bad-name", "form [a-z][a-z0-9_]{0,31}."},
    {"phase-name-twice", "name-twice", "a name of its own"},
    {"phase-within-nobody", "unknown-phase", "Name a phase"},
    {"label-key", "bad-label", "form [a-z][a-z0-9_.-]{0,62}."},
    {"clamp-min-above-max", "clamp-limits-crossed", "at most 0.5."},
    {"clamp-max-above-range", "out-of-range", "(0, 1]."},
    {"clamp-without-mode", "clamp-without-mode",
     "CLAMP_MODE_CLAMP or CLAMP_MODE_REJECT:"},
    {"stop-sequences-too-many", "over-limit", "--max_stop_sequences 64."},
    {"stop-sequences-empty", "out-of-range", "[1, 256]."},
    {"control-character-in-description", "control-character", "Remove it"},
    // What only a text can have.
    {"unknown-key", "unknown-key", "below default_params or force_params."},
    {"knob-beside-its-section", "unknown-key",
     "below default_params or force_params."},
    {"unknown-key-in-params", "unknown-key", "Write temperature,"},
    {"unknown-key-of-a-section", "unknown-key", "Write force_params,"},
    {"unknown-key-near-none", "unknown-key", "Remove the key"},
    {"decimal-comma", "unknown-key", "with a point: 0.7"},
    {"foreign-key", "unknown-key", "Write stop_sequences,"},
    {"sequence-as-a-list", "wrong-type", "{tokens: [1, 2]}"},
    {"duplicate-key", "key-twice", "Keep one"},
    {"null-value", "null", "Leave the key out"},
    {"output-only-field", "output-only", "Remove it"},
    {"name-of-another", "other-name", "Remove name"},
    {"name-with-dot", "bad-name", "[a-z]([a-z0-9-]{0,61}[a-z0-9])?."},
    {"wrong-type-text", "wrong-type", "Write a number"},
    {"wrong-type-number-for-list", "wrong-type", "such as [1, 2]."},
    {"base64-broken", "wrong-type", "such as [1, 2]."},
    {"ban-eos-no-switch", "wrong-type", "true or false"},
    {"leading-zero", "wrong-type", "without a zero in front"},
    {"a-list", "wrong-type", "Write fields"},
    {"only-a-scalar", "wrong-type", "Write fields"},
    {"fraction-of-a-count", "not-whole", "a whole number"},
    {"count-negative", "out-of-range", "[1, 1048576]."},
    {"id-negative", "id-outside-vocabulary", "[0, 1048576)."},
    {"on-empty-unknown-value", "unknown-value",
     "Write ON_EMPTY_RELAX or ON_EMPTY_ERROR."},
    {"tag", "yaml-feature", "without a tag"},
    {"yaml-bomb", "yaml-feature", "Write the value out"},
    {"two-documents", "yaml-feature", "one profile in each file"},
    {"not-yaml", "not-yaml", "brackets and quotes are closed"},
    {"tab-indent", "not-yaml", "by blanks"},
    {"control-byte", "control-character", "Remove it"},
    {"not-utf8", "bad-encoding", "UTF-8"},
    {"surrogate-half", "half-surrogate", "both halves"},
    {"deep-nesting", "too-deep", "lies that deep"},
    {"empty-file", "empty-file", "at least one field"},
};

TEST(LintErrors, HaveARuleAndAFixOfTheirOwn) {
  const auto errors = ErrorsOfFiles();
  for (const FileCase& c : kFiles) {
    SCOPED_TRACE(c.file);
    ASSERT_EQ(errors.count(c.file), 1u);
    const std::vector<v1::LintFinding>& found = errors.at(c.file);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].rule(), c.rule);
    EXPECT_TRUE(absl::StrContains(found[0].fix(), c.fix)) << found[0].fix();
  }
}

TEST(LintErrors, OfAKnobThatIsOutsideTellItsRange) {
  const auto errors = ErrorsOfFiles();
  int told = 0;
  for (const auto& [name, found] : errors) {
    for (const v1::LintFinding& finding : found) {
      const Knob* knob =
          FindKnob(finding.field().substr(finding.field().rfind('.') + 1));
      if (knob == nullptr || !RangeOf(*knob)) continue;
      if (finding.rule() != "out-of-range") continue;
      if (absl::StrContains(finding.field(), "thinking_budget.")) continue;
      EXPECT_EQ(finding.fix(), absl::StrCat("Write a value of ",
                                            RangeText(*RangeOf(*knob)), "."))
          << name;
      ++told;
    }
  }
  EXPECT_GT(told, 20);
}

// A file with three mistakes is linted once, not four times.
TEST(LintErrors, OfATextAreToldAllAtOnceInItsOrder) {
  const auto found = ErrorsOfFiles().at("three-faults");
  std::vector<std::string> fields;
  for (const v1::LintFinding& finding : found)
    fields.push_back(finding.field());
  EXPECT_EQ(fields,
            std::vector<std::string>({"descripton", "default_params.temprature",
                                      "default_params.top_k"}));
}

TEST(LintErrors, OfATextAreJudgedByOurWordsAndNotByTheirs) {
  const auto found = Linted("default_params: {top_p: \"x conflicts with y\"}",
                            "chat", Fields::kContent);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule(), "wrong-type");
}

TEST(LintErrors, OfATextThatIsAProfileAreTheProfiles) {
  v1::Profile profile =
      ProfileText("default_params { top_p: 7 } labels { key: 'task' }");
  profile.set_etag("x");
  const std::string text = WriteJson(profile, Fields::kAll);
  const auto found = Linted(text, "", Fields::kAll);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule(), "out-of-range");
  EXPECT_EQ(Linted(text, "", Fields::kContent)[0].rule(), "output-only");
}

// No file is left with the fix that says nothing, and no rule without a file.
TEST(LintErrors, EveryBadFileHasOneAndEveryRuleAFile) {
  std::set<std::string> seen;
  for (const auto& [name, found] : ErrorsOfFiles()) {
    for (const v1::LintFinding& finding : found) {
      EXPECT_NE(finding.rule(), kInvalidRule) << name << finding.message();
      EXPECT_TRUE(absl::EndsWith(finding.fix(), ".")) << name;
      EXPECT_FALSE(absl::StrContains(finding.fix(), "$")) << name;
      seen.insert(finding.rule());
    }
  }
  seen.insert("unknown-field");  // what no file can hold
  for (const std::string& id : ErrorRuleIds()) {
    EXPECT_TRUE(seen.count(id) > 0)
        << id << " has no file in tests/profiles/bad";
  }
}

TEST(LintErrors, HaveIdsOfWordsThatNoAdviceHas) {
  const std::vector<std::string> errors = ErrorRuleIds();
  for (const LintRule& rule : AllLintRules()) {
    EXPECT_EQ(std::count(errors.begin(), errors.end(), rule.id), 0) << rule.id;
  }
  for (const std::string& id : errors) {
    EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"),
              std::string::npos)
        << id;
  }
}

std::vector<std::string> RulesOf(const std::string& profile) {
  std::vector<std::string> rules;
  for (const v1::LintFinding& finding : Lint(ProfileText(profile), Limits())) {
    rules.push_back(finding.rule());
  }
  return rules;
}

using Rules = std::vector<std::string>;

TEST(LintErrors, StandAloneBesideTheirValue) {
  // "is allowed and far from" beside "is outside".
  EXPECT_EQ(RulesOf("default_params { temperature: 200 }"),
            Rules({"out-of-range"}));
  EXPECT_EQ(RulesOf("default_params { frequency_penalty: -9 }"),
            Rules({"out-of-range"}));
  // A wrong temperature is not greedy, and a wrong penalty is not off.
  EXPECT_EQ(RulesOf("default_params { temperature: -1 top_p: 0.9 } "
                    "labels { key: 'task' value: 'chat' }"),
            Rules({"out-of-range"}));
  EXPECT_EQ(RulesOf("default_params { repetition_window: 9 "
                    "repetition_penalty: 99 }"),
            Rules({"out-of-range"}));
  EXPECT_EQ(RulesOf("clamps { knob: 'temperature' min: 0 }"),
            Rules({"clamp-without-mode"}));
  EXPECT_EQ(RulesOf("models: 'm' phases { name: 'a' enter { tokens: "
                    "'\\001\\000\\000\\000' } leave { tokens: "
                    "'\\002\\000\\000\\000' } "
                    "default_params { min_p: 7 } }"),
            Rules({"out-of-range"}));
}

TEST(LintErrors, LeaveAdviceOnOtherValues) {
  EXPECT_EQ(RulesOf("default_params { temperature: 200 top_k: 50000 }"),
            Rules({"out-of-range", "top-k-wide"}));
}

// The request that creates a profile names it beside the profile.
TEST(LintErrors, SayNothingOfANameThatIsNotThere) {
  v1::Profile profile;
  profile.mutable_default_params()->set_top_k(40);
  EXPECT_TRUE(Lint(profile, Limits()).empty());
  profile.set_name("profiles/No");
  const auto found = Lint(profile, Limits());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule(), "bad-name");
  EXPECT_EQ(found[0].fix(),
            "Write a name of the form [a-z]([a-z0-9-]{0,61}[a-z0-9])?.");
}

TEST(LintErrors, OfAClampsBandNameAFixThatWorks) {
  const auto found =
      Lint(ProfileText("labels { key: 'task' value: 'code' } clamps { "
                       "knob: 'temperature' min: 1.2 mode: CLAMP_MODE_CLAMP }"),
           Limits());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].field(), "clamps[0]");
  EXPECT_EQ(found[0].fix(),
            "Let this clamp give temperature values from 0 to 1, or change "
            "labels.task.");
}

}  // namespace
}  // namespace logitd
