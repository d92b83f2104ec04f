// Where rules of the linter have nothing to say.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "service/profiles/lint.h"
#include "tests/profiles/resolve_texts.h"

namespace logitd {
namespace {

using testing::Defaults;
using testing::IdsText;
using testing::PhaseText;
using testing::ProfileText;

std::string Task(const std::string& task) {
  return absl::StrCat("labels { key: 'task' value: '", task, "' } ");
}

// Phase "a", which 1 enters.
std::string Phase(const std::string& rest) {
  return absl::StrCat("phases { name: 'a' enter { ", IdsText("tokens", {1}),
                      "} ", rest, "} ");
}

// Phase "b" inside it, which 2 enters.
std::string Inner(const std::string& rest) {
  return absl::StrCat("phases { name: 'b' within: 'a' enter { ",
                      IdsText("tokens", {2}), "} ", rest, "} ");
}

std::string Leave(const TokenIds& ids) {
  return absl::StrCat("leave { ", IdsText("tokens", ids), "} ");
}

std::vector<std::string> RulesOf(const std::string& profile) {
  std::vector<std::string> rules;
  for (const v1::LintFinding& finding : Lint(ProfileText(profile), Limits())) {
    EXPECT_NE(finding.severity(), v1::LINT_SEVERITY_ERROR)
        << finding.ShortDebugString() << " in " << profile;
    rules.push_back(finding.rule());
  }
  return rules;
}

struct Quiet {
  const char* name;
  const char* rule;
  std::string profile;
};

void PrintTo(const Quiet& quiet, std::ostream* os) { *os << quiet.name; }

const std::string kOnlyTwo = Defaults(IdsText("allowed_ids", {2}));
const std::string kEos = Defaults(IdsText("eos_ids", {3}));

const Quiet kQuiet[] = {
    {"TypicalInPlaceOfTopP", "band-ideas",
     Task("ideas") + Defaults("temperature: 1.2 typical_p: 0.5")},
    {"MirostatInPlaceOfTopP", "band-extraction",
     Task("json") + Defaults("temperature: 0.2 mirostat: 2 mirostat_tau: 2")},
    {"CutsOfTheBase", "two-cuts",
     "models: 'm' " + Defaults("typical_p: 0.9") +
         Phase(Leave({9}) + Defaults("repetition_penalty: 1.1"))},
    {"CutsBelowGreedy", "two-cuts",
     Defaults("temperature: 0 typical_p: 0.9 top_p: 0.9")},
    {"XtcForIdeas", "against-the-precise",
     Task("ideas") + Defaults("temperature: 1.2 xtc_probability: 0.5")},
    {"XtcWithoutATemperature", "xtc-near-greedy",
     Defaults("xtc_probability: 0.5")},
    {"ThresholdAtItsDefault", "extreme-value",
     Defaults("xtc_probability: 0.5")},
    {"MildRepetitionBesideDry", "punished-twice",
     Defaults("repetition_penalty: 1.03 dry_multiplier: 0.8")},

    {"ExcludedTokens", "penalty-on-structure",
     Task("json") + Defaults("frequency_penalty: 0.5 " +
                             IdsText("penalty_exclude_ids", {1}))},
    {"RepetitionOfStructure", "repetition-high",
     Task("json") + Defaults("repetition_penalty: 1.5")},
    {"ForceBesideADefaultOfGreedy", "greedy-truncation",
     Defaults("temperature: 0") + "force_params { top_k: 1 }"},
    {"ClampBesideADefaultOfGreedy", "greedy-truncation",
     Defaults("temperature: 0") +
         "clamps { knob: 'top_k' max: 40 mode: CLAMP_MODE_CLAMP }"},
    {"ForceOfAPhaseBesideADefaultOfGreedy", "greedy-truncation",
     Defaults("temperature: 0") +
         Phase(Leave({9}) + "force_params { top_k: 5 }")},
    {"ForceBesideAPhasesDefaultOfGreedy", "greedy-truncation",
     Phase(Leave({9}) + Defaults("temperature: 0") +
           "force_params { top_k: 5 }")},
    {"DefaultThatAPhaseUses", "greedy-truncation",
     Defaults("temperature: 0 top_p: 0.9") +
         Phase(Leave({9}) + Defaults("temperature: 0.8"))},
    {"TypicalBeforeTheTemperatureOfLlamaCpp", "greedy-truncation",
     Defaults("dialect: DIALECT_LLAMA_CPP_V1 temperature: 0 typical_p: 0.5")},
    {"TypicalNamedBeforeTheTemperature", "greedy-truncation",
     Defaults("steps: 'typical' steps: 'temperature' temperature: 0 "
              "typical_p: 0.5")},
    {"ColdWhereItsDialectDraws", "greedy-truncation",
     Defaults("dialect: DIALECT_OPENVINO_V1 temperature: 0.000005 top_p: 0.9")},
    {"ZeroWithARangeInLlamaCpp", "greedy-truncation",
     Defaults("dialect: DIALECT_LLAMA_CPP_V1 temperature: 0 "
              "dynamic_temperature_range: 0.5 top_p: 0.9")},
    {"OffValueThatAClampMoves", "off-value",
     Defaults("temperature: 1") + "clamps { knob: 'temperature' max: 0.4 mode: "
                                  "CLAMP_MODE_CLAMP }"},
    {"OffValueThatAClampOfAPhaseMoves", "off-value",
     Defaults("temperature: 1") +
         Phase(Leave({9}) + "clamps { knob: 'temperature' max: 0.4 mode: "
                            "CLAMP_MODE_CLAMP }")},

    {"NoEndInAPhaseThatIsLeft", "no-end",
     kEos + Phase(Leave({9}) + Defaults("ban_eos: true"))},
    {"NoEndInsideOfAPhaseThatIsLeft", "no-end",
     kEos + Phase(Leave({9})) + Inner(Defaults("ban_eos: true"))},
    {"NoEndBeforeAPhaseThatEnds", "no-end",
     Defaults("ban_eos: true " + IdsText("eos_ids", {3})) +
         Phase(Defaults("ban_eos: false"))},
    {"EosNotAllowedInAPhaseThatIsLeft", "eos-not-allowed",
     kEos + Phase(Leave({2}) + kOnlyTwo)},
    {"EosNotAllowedInsideOfAPhaseThatIsLeft", "eos-not-allowed",
     kEos + Phase(Leave({2})) + Inner(kOnlyTwo)},
    {"EosNotAllowedWithMaxTokens", "eos-not-allowed",
     Defaults("max_tokens: 5 " + IdsText("allowed_ids", {7}) +
              IdsText("eos_ids", {3}))},
    {"EosNotAllowedWithAStop", "eos-not-allowed",
     Defaults(IdsText("stop_ids", {7}) + IdsText("allowed_ids", {7, 8}) +
              IdsText("eos_ids", {3}))},
    {"EosNotAllowedWithAStopSequence", "eos-not-allowed",
     Defaults("stop_sequences { " + IdsText("tokens", {7, 8}) + "} " +
              IdsText("allowed_ids", {7, 8}) + IdsText("eos_ids", {3}))},

    {"LeaveThatBeginsBeforeThePhase", "leave-never-said",
     Phase(Leave({1, 2}) + kOnlyTwo)},
    {"LeaveSaidInsideOfAnother", "leave-never-said",
     Phase(Leave({9}) + kOnlyTwo) + Inner(Leave({8}))},
    {"LeaveSaidInAPhaseFromAnywhere", "leave-never-said",
     Phase(Leave({9}) + kOnlyTwo) +
         PhaseText("c", 2, Defaults("temperature: 0.5"))},
    {"StopThatWaitsForMinTokens", "stop-before-phase",
     Defaults("min_tokens: 9 " + IdsText("stop_ids", {1})) + Phase(Leave({9}))},
    {"StopOfALongerSequence", "stop-before-phase",
     Defaults("stop_sequences { " + IdsText("tokens", {7, 1}) + "}") +
         Phase(Leave({9}))},
    {"StopInAnotherPhase", "stop-before-phase",
     Phase(Leave({9})) + PhaseText("c", 5, Defaults(IdsText("stop_ids", {1})))},
    {"StopOfTheInnerPhaseItself", "stop-before-phase",
     Phase(Leave({9})) +
         Inner(Leave({8}) + Defaults(IdsText("stop_ids", {2})))},
    {"EosThatIsIgnored", "stop-before-phase",
     Defaults("ignore_eos: true max_tokens: 5 " + IdsText("eos_ids", {1})) +
         Phase(Leave({9}))},

    {"MinPInPlaceOfTopP", "band-extraction",
     Task("json") + Defaults("temperature: 0.2 min_p: 0.05")},
    {"MinPAlone", "min-p-with-top-p",
     Task("json") + Defaults("temperature: 0.2 min_p: 0.05")},
    {"TopKOne", "band-extraction", Task("json") + Defaults("top_k: 1")},
    {"PhaseWithATaskOfItsOwn", "phase-outside-band",
     Task("code") + "labels { key: 'task.a' value: 'ideas' } " +
         Phase(Leave({9}) + Defaults("temperature: 1.2"))},
    {"PhaseWithATaskOfItsOwnIsNotTheProfiles", "band-precise",
     Task("code") + "labels { key: 'task.a' value: 'ideas' } " +
         Phase(Leave({9}) + Defaults("temperature: 1.2"))},
    {"ValuesAtTheirDefault", "no-task", Defaults("top_k: 40 min_p: 0.1")},
};

class LintIsQuiet : public ::testing::TestWithParam<Quiet> {};

TEST_P(LintIsQuiet, WhereTheRuleHasNothingToSay) {
  for (const std::string& rule : RulesOf(GetParam().profile)) {
    EXPECT_NE(rule, GetParam().rule) << GetParam().profile;
  }
}

INSTANTIATE_TEST_SUITE_P(All, LintIsQuiet, ::testing::ValuesIn(kQuiet),
                         [](const auto& tested) { return tested.param.name; });

using Rules = std::vector<std::string>;

// The rote phase and the one for ideas, of one profile.
TEST(LintOfPhases, JudgesEachByItsTask) {
  const std::string profile = "models: 'm' " + Task("code") +
                              Defaults("temperature: 0.2") +
                              Phase(Leave({9}) + Defaults("temperature: 1.2"));
  const auto found = Lint(ProfileText(profile), Limits());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule(), "phase-outside-band");
  EXPECT_EQ(found[0].severity(), v1::LINT_SEVERITY_INFO);
  EXPECT_EQ(found[0].fix(),
            "Set temperature from 0 to 1, or say by the label task.a what the "
            "phase is for.");
  EXPECT_EQ(RulesOf(profile + "labels { key: 'task.a' value: 'ideas' }"),
            Rules());
}

TEST(LintOfPhases, NamesTheLabelThatJudges) {
  const auto found = Lint(
      ProfileText("models: 'm' " + Task("code") +
                  "labels { key: 'task.a' value: 'facts' } " +
                  Phase(Leave({9}) + Defaults("temperature: 1.2 top_p: 0.9"))),
      Limits());
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].rule(), "band-extraction");
  EXPECT_TRUE(absl::EndsWith(found[0].fix(), "or change labels.task.a."))
      << found[0].fix();
}

TEST(LintOfTasks, NamesTheNearestOfAnUnknownOne) {
  const auto message = [](const char* task) {
    const auto found = Lint(ProfileText(Task(task)), Limits());
    return found.empty() ? std::string() : found[0].message();
  };
  EXPECT_EQ(message("cod"),
            "No advice is known for the task \"cod\", the nearest known one "
            "is code.");
  EXPECT_EQ(message("Brainstorming"),
            "No advice is known for the task \"brainstorming\", the nearest "
            "known one is brainstorm.");
  EXPECT_EQ(message("astrology"),
            "No advice is known for the task \"astrology\".");
}

TEST(LintOfTasks, IsAskedForOnceHoweverManyPhases) {
  EXPECT_EQ(RulesOf("models: 'm' " + Defaults("temperature: 0.5") +
                    PhaseText("a", 1, Defaults("temperature: 0.6")) +
                    PhaseText("b", 2, Defaults("temperature: 0.7"))),
            Rules({"no-task"}));
}

// A profile with min_p in place of top_p can be without a finding.
TEST(LintOfTasks, TakesMinPForTopP) {
  EXPECT_EQ(RulesOf(Task("json") + Defaults("temperature: 0.2 min_p: 0.05")),
            Rules());
}

}  // namespace
}  // namespace logitd
