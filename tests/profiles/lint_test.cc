// Every rule of the linter fires on what it is about, and not when it is fixed.
#include "service/profiles/lint.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/profiles/lint_rules.h"
#include "tests/profiles/lint_cases.h"
#include "tests/profiles/lint_cases_phases.h"

namespace logitd {
namespace {

using testing::Clamp;
using testing::Defaults;
using testing::PhaseText;
using testing::ProfileText;
using testing::RuleCase;
using testing::Task;

std::vector<RuleCase> AllCases() {
  std::vector<RuleCase> all;
  for (const auto& cases :
       {testing::DeadCases(), testing::PartCases(), testing::DrawCases(),
        testing::TokenCases(), testing::BandCases(), testing::PhaseTaskCases(),
        testing::ValueCases(), testing::StructureCases(), testing::PhaseCases(),
        testing::TriggerCases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

std::vector<v1::LintFinding> Find(const std::string& rule,
                                  const std::string& profile) {
  std::vector<v1::LintFinding> found = Lint(ProfileText(profile), Limits());
  for (const v1::LintFinding& finding : found) {
    EXPECT_NE(finding.severity(), v1::LINT_SEVERITY_ERROR)
        << finding.ShortDebugString() << " in " << profile;
  }
  std::erase_if(found, [&](const auto& f) { return f.rule() != rule; });
  return found;
}

TEST(LintRules, FireOnWhatIsWrongAndNotWhenItIsFixed) {
  for (const RuleCase& c : AllCases()) {
    SCOPED_TRACE(absl::StrCat(c.rule, ": ", c.bad));
    const auto found = Find(c.rule, c.bad);
    EXPECT_EQ(found.size(), 1u);
    if (found.empty()) continue;
    EXPECT_EQ(found[0].field(), c.field);
    EXPECT_TRUE(absl::EndsWith(found[0].message(), "."));
    EXPECT_TRUE(absl::EndsWith(found[0].fix(), "."));
    const auto left = Find(c.rule, c.fixed);
    EXPECT_TRUE(left.empty()) << left[0].ShortDebugString();
  }
}

// Who does what one finding says is not told the opposite by another.
TEST(LintRules, HaveFixesThatLeadToNoOtherWarning) {
  const auto warnings = [](const std::string& profile) {
    std::set<std::string> rules;
    for (const v1::LintFinding& f : Lint(ProfileText(profile), Limits())) {
      if (f.severity() >= v1::LINT_SEVERITY_WARNING) rules.insert(f.rule());
    }
    return rules;
  };
  for (const RuleCase& c : AllCases()) {
    const std::set<std::string> before = warnings(c.bad);
    for (const std::string& rule : warnings(c.fixed)) {
      EXPECT_TRUE(before.count(rule) > 0)
          << rule << " after the fix of " << c.rule << ": " << c.fixed;
    }
  }
}

TEST(LintRules, AllHaveACaseAndAnIdOfTheirOwn) {
  std::set<std::string> cases;
  for (const RuleCase& c : AllCases()) cases.insert(c.rule);
  std::set<std::string> rules;
  for (const LintRule& rule : AllLintRules()) {
    EXPECT_TRUE(rules.insert(rule.id).second) << rule.id;
    EXPECT_TRUE(cases.count(rule.id) > 0) << rule.id << " has no case";
  }
  EXPECT_EQ(cases.size(), rules.size());
}

TEST(LintRules, HaveTheSeverityOfTheirTable) {
  for (const RuleCase& c : AllCases()) {
    const auto found = Find(c.rule, c.bad);
    for (const LintRule& rule : AllLintRules()) {
      if (rule.id != std::string(c.rule) || found.empty()) continue;
      EXPECT_EQ(found[0].severity(), rule.severity) << c.rule;
    }
  }
}

TEST(Lint, TellsErrorsFirstInTheWordsOfValidate) {
  const auto findings =
      Lint(ProfileText(Defaults("top_p: 7 min_p: 0.1 temperature: 0 top_k: 3") +
                       Clamp("knob: 'x' max: 1 mode: CLAMP_MODE_CLAMP")),
           Limits());
  ASSERT_GE(findings.size(), 3u);
  EXPECT_EQ(findings[0].rule(), "out-of-range");
  EXPECT_EQ(findings[0].severity(), v1::LINT_SEVERITY_ERROR);
  EXPECT_EQ(findings[0].field(), "default_params.top_p");
  EXPECT_EQ(findings[0].message(), "7 is outside (0, 1]");
  EXPECT_EQ(findings[0].fix(), "Write a value of (0, 1].");
  EXPECT_EQ(findings[1].field(), "clamps[0].knob");
  EXPECT_EQ(findings[2].severity(), v1::LINT_SEVERITY_WARNING);
  EXPECT_TRUE(std::is_sorted(findings.begin(), findings.end(),
                             [](const auto& a, const auto& b) {
                               return a.severity() > b.severity();
                             }));
}

TEST(Lint, HasNothingToSayOfAPlainProfile) {
  EXPECT_TRUE(
      Lint(ProfileText(Task("chat", "temperature: 0.7")), Limits()).empty());
  EXPECT_TRUE(Lint(ProfileText(Defaults("top_k: 40")), Limits()).empty());
  EXPECT_TRUE(Lint(ProfileText(""), Limits()).empty());
}

TEST(Lint, TellsOfAPhaseOnlyWhatIsItsOwn) {
  const std::string advised =
      Defaults("temperature: 0.5 top_p: 0.9 min_p: 0.1");
  const auto alone = Lint(ProfileText(advised + "models: 'm'"), Limits());
  const auto with_phase =
      Lint(ProfileText(advised + "models: 'm'" +
                       PhaseText("a", 1, Defaults("frequency_penalty: 0.2"))),
           Limits());
  EXPECT_FALSE(alone.empty());
  EXPECT_EQ(alone.size(), with_phase.size());
}

}  // namespace
}  // namespace logitd
