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

std::vector<v1::LintFinding> ErrorsOf(const v1::Profile& profile) {
  std::vector<v1::LintFinding> found = Lint(profile, Limits());
  std::erase_if(found, [](const auto& finding) {
    return finding.severity() != v1::LINT_SEVERITY_ERROR;
  });
  return found;
}

// The rules that the bad file of this name breaks.
std::map<std::string, std::vector<v1::LintFinding>> ErrorsOfFiles() {
  std::map<std::string, std::vector<v1::LintFinding>> errors;
  for (const auto& [name, file] : BadFiles()) {
    const auto profile = ParseProfile(file.text, file.stem);
    if (profile.ok()) errors[name] = ErrorsOf(*profile);
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
    {"mirostat-not-built", "not-built", "Remove it"},
    {"clamp-of-unbuilt-knob", "not-built", "Remove it"},
    {"clamp-of-unknown-knob", "unknown-knob", "such as temperature"},
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
      EXPECT_EQ(finding.fix(), absl::StrCat("Write a value of ",
                                            RangeText(*RangeOf(*knob)), "."))
          << name;
      ++told;
    }
  }
  EXPECT_GT(told, 20);
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
  // What no file can hold: the name that only a message has, an unknown field,
  // and conflicts of knobs that are not built.
  seen.insert({"knobs-conflict", "unknown-field"});
  for (const std::string& id : ErrorRuleIds()) {
    EXPECT_TRUE(seen.count(id) > 0)
        << id << " has no file in tests/profiles/bad";
  }
}

TEST(LintErrors, HaveNoIdOfAnAdvice) {
  const std::vector<std::string> errors = ErrorRuleIds();
  for (const LintRule& rule : AllLintRules()) {
    EXPECT_EQ(std::count(errors.begin(), errors.end(), rule.id), 0) << rule.id;
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
  EXPECT_EQ(RulesOf("default_params { temperature: -1 top_p: 0.9 }"),
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
  profile.mutable_default_params()->set_temperature(0.7);
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
