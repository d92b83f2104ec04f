// The algebra of levels, case by case.
#include "service/profiles/resolve.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sampler/plan.h"
#include "service/limits.h"
#include "service/profiles/knob.h"
#include "tests/profiles/resolve_texts.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IdsText;
using testing::IsOk;
using testing::ParamsText;
using testing::PhaseText;
using testing::ProfileText;
using testing::StatusIs;
using testing::Text;
using Code = absl::StatusCode;

constexpr uint32_t kVocab = 32000;

absl::StatusOr<Resolution> ResolveTexts(const std::string& profile,
                                        const std::string& request,
                                        uint32_t vocab_size = kVocab) {
  const v1::Profile message = ProfileText(profile);
  return Resolve(&message, ParamsText(request), {}, vocab_size);
}

// "temperature: 0.5 top_p: 0.9".
std::string Short(const v1::SamplingParams& params) {
  std::string text = params.ShortDebugString();
  return text;
}

// "temperature PROFILE_DEFAULT, top_p CLAMP profile clamps[0]".
std::string FromText(const ResolvedParams& resolved) {
  std::vector<std::string> parts;
  for (const v1::Provenance& from : resolved.provenance) {
    parts.push_back(absl::StrCat(
        from.knob(), " ",
        v1::ParamLevel_Name(from.level()).substr(sizeof("PARAM_LEVEL")),
        from.rule().empty() ? "" : " ", from.rule(),
        from.has_off_value()
            ? absl::StrCat(" off ", Digits(from.off_value(), true))
            : ""));
  }
  return absl::StrJoin(parts, ", ");
}

struct AlgebraCase {
  const char* name;
  std::string profile;
  std::string request;
  std::string params;  // of the phase if there is one, else of the base
  std::string from;
};

class Algebra : public ::testing::TestWithParam<AlgebraCase> {};

TEST_P(Algebra, ComesToTheseParams) {
  const AlgebraCase& c = GetParam();
  const auto resolution = ResolveTexts(c.profile, c.request);
  ASSERT_THAT(resolution, IsOk());
  const ResolvedParams& last = resolution->phases.empty()
                                   ? resolution->base
                                   : resolution->phases.back().resolved;
  EXPECT_EQ(Short(last.params), Short(ParamsText(c.params)));
  EXPECT_EQ(FromText(last), c.from);
  Params params;
  ASSERT_THAT(ReadParams(last.params, Limits(), &params), IsOk());
  EXPECT_THAT(Plan::Compile(params, kVocab), IsOk());
}

std::string Ids(const char* field, const TokenIds& ids) {
  return absl::StrCat(field, ": ", IdsText(ids), " ");
}

INSTANTIATE_TEST_SUITE_P(
    Levels, Algebra,
    ::testing::Values(
        AlgebraCase{"Nothing", "", "", "", ""},
        AlgebraCase{"RequestAlone", "", "top_p: 0.5", "top_p: 0.5",
                    "top_p REQUEST"},
        AlgebraCase{"DefaultFills", "default_params { temperature: 0.5 }",
                    "top_p: 0.9", "temperature: 0.5 top_p: 0.9",
                    "temperature PROFILE_DEFAULT, top_p REQUEST"},
        AlgebraCase{"RequestReplacesDefault",
                    "default_params { temperature: 0.5 }", "temperature: 0.7",
                    "temperature: 0.7", "temperature REQUEST"},
        AlgebraCase{"RequestTurnsOff", "default_params { temperature: 0.5 }",
                    "temperature: 1", "", "temperature REQUEST off 1"},
        AlgebraCase{"ZeroIsNotAbsent", "default_params { temperature: 0.5 }",
                    "temperature: 0", "temperature: 0", "temperature REQUEST"},
        AlgebraCase{"UnspecifiedEnumIsAbsent",
                    "default_params { on_empty: ON_EMPTY_ERROR }",
                    "on_empty: ON_EMPTY_UNSPECIFIED",
                    "on_empty: ON_EMPTY_ERROR", "on_empty PROFILE_DEFAULT"},
        AlgebraCase{"BuiltInRuleIsOff",
                    "default_params { on_empty: ON_EMPTY_ERROR }",
                    "on_empty: ON_EMPTY_RELAX", "", "on_empty REQUEST"},
        AlgebraCase{"ForcePins", "force_params { temperature: 0.5 }",
                    "temperature: 0.7", "temperature: 0.5",
                    "temperature PROFILE_FORCE"},
        AlgebraCase{"ForcePinsOff", "force_params { top_p: 1 }", "top_p: 0.5",
                    "", "top_p PROFILE_FORCE off 1"},
        AlgebraCase{"ForcePinsASwitchOff", "force_params { ban_eos: false }",
                    "ban_eos: true", "", "ban_eos PROFILE_FORCE off 0"},
        AlgebraCase{"PhaseDefaultReplacesProfileDefault",
                    "default_params { temperature: 0.5 } " +
                        PhaseText("a", 1, "default_params { temperature: 0 }"),
                    "", "temperature: 0", "temperature PHASE_DEFAULT"},
        AlgebraCase{"RequestReplacesPhaseDefault",
                    PhaseText("a", 1, "default_params { temperature: 0.1 }"),
                    "temperature: 0.7", "temperature: 0.7",
                    "temperature REQUEST"},
        AlgebraCase{"PhaseForceReplacesProfileForce",
                    "force_params { temperature: 0.5 } " +
                        PhaseText("a", 1, "force_params { temperature: 0.1 }"),
                    "temperature: 0.7", "temperature: 0.1",
                    "temperature PHASE_FORCE"},
        AlgebraCase{
            "ProfileForceReplacesPhaseDefault",
            "force_params { temperature: 0.5 } " +
                PhaseText("a", 1, "default_params { temperature: 0.1 }"),
            "", "temperature: 0.5", "temperature PROFILE_FORCE"},
        AlgebraCase{
            "OtherPhasesDoNotCount",
            PhaseText("a", 1, "force_params { top_k: 3 }") + PhaseText("b", 2),
            "", "", ""}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Lists, Algebra,
    ::testing::Values(
        AlgebraCase{"BansUnite",
                    "default_params { " + Ids("banned_ids", {5, 1}) + "}",
                    Ids("banned_ids", {2, 5}), Ids("banned_ids", {1, 2, 5}),
                    "banned_ids REQUEST"},
        AlgebraCase{"ForcedBansUnite",
                    "force_params { " + Ids("banned_ids", {7}) + "}",
                    Ids("banned_ids", {2}), Ids("banned_ids", {2, 7}),
                    "banned_ids PROFILE_FORCE"},
        AlgebraCase{
            "StopIdsUnite", "default_params { " + Ids("stop_ids", {1}) + "}",
            Ids("stop_ids", {2}), Ids("stop_ids", {1, 2}), "stop_ids REQUEST"},
        AlgebraCase{"StopSequencesUniteOnce",
                    "default_params { stop_sequences { " +
                        Ids("tokens", {1, 2}) + "} stop_sequences { " +
                        Ids("tokens", {3}) + "} }",
                    "stop_sequences { " + Ids("tokens", {3}) +
                        "} stop_sequences { " + Ids("tokens", {4}) + "}",
                    "stop_sequences { " + Ids("tokens", {1, 2}) +
                        "} stop_sequences { " + Ids("tokens", {3}) +
                        "} stop_sequences { " + Ids("tokens", {4}) + "}",
                    "stop_sequences REQUEST"},
        AlgebraCase{"AllowedIntersect",
                    "default_params { " + Ids("allowed_ids", {1, 2, 3}) + "}",
                    Ids("allowed_ids", {4, 3, 2}), Ids("allowed_ids", {2, 3}),
                    "allowed_ids REQUEST"},
        AlgebraCase{"AllowedOfNobodyIsAll",
                    "default_params { " + Ids("allowed_ids", {1}) + "}", "",
                    Ids("allowed_ids", {1}), "allowed_ids PROFILE_DEFAULT"},
        AlgebraCase{
            "EosIdsWhole", "default_params { " + Ids("eos_ids", {1, 2}) + "}",
            Ids("eos_ids", {3}), Ids("eos_ids", {3}), "eos_ids REQUEST"},
        AlgebraCase{
            "ExcludeIdsWhole",
            "default_params { " + Ids("penalty_exclude_ids", {1, 2}) + "}",
            Ids("penalty_exclude_ids", {3}), Ids("penalty_exclude_ids", {3}),
            "penalty_exclude_ids REQUEST"},
        AlgebraCase{
            "BiasPerId",
            "default_params { " + Ids("logit_bias_ids", {1, 2}) +
                "logit_bias_values: 1 logit_bias_values: 2 } force_params { " +
                Ids("logit_bias_ids", {4}) + "logit_bias_values: 9 }",
            Ids("logit_bias_ids", {4, 2}) +
                "logit_bias_values: 4 logit_bias_values: 3",
            Ids("logit_bias_ids", {1, 2, 4}) +
                "logit_bias_values: 1 logit_bias_values: 3 "
                "logit_bias_values: 9",
            "logit_bias_ids PROFILE_FORCE, logit_bias_values PROFILE_FORCE"},
        AlgebraCase{"BiasOfZeroTurnsOff",
                    "default_params { " + Ids("logit_bias_ids", {1}) +
                        "logit_bias_values: 1 }",
                    Ids("logit_bias_ids", {1}) + "logit_bias_values: 0", "",
                    "logit_bias_ids REQUEST, logit_bias_values REQUEST"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Clamps, Algebra,
    ::testing::Values(
        AlgebraCase{"AboveIsBroughtDown",
                    "clamps { knob: 'temperature' max: 0.5 "
                    "mode: CLAMP_MODE_CLAMP }",
                    "temperature: 0.7", "temperature: 0.5",
                    "temperature CLAMP profile clamps[0]"},
        AlgebraCase{"BelowIsBroughtUp",
                    "clamps { knob: 'temperature' min: 0.5 "
                    "mode: CLAMP_MODE_CLAMP }",
                    "temperature: 0.2", "temperature: 0.5",
                    "temperature CLAMP profile clamps[0]"},
        AlgebraCase{"InsideIsLeft",
                    "clamps { knob: 'temperature' min: 0.2 max: 0.7 "
                    "mode: CLAMP_MODE_CLAMP }",
                    "temperature: 0.7", "temperature: 0.7",
                    "temperature REQUEST"},
        AlgebraCase{"AbsentIsTheOffValue",
                    "clamps { knob: 'temperature' max: 0.5 "
                    "mode: CLAMP_MODE_CLAMP }",
                    "", "temperature: 0.5",
                    "temperature CLAMP profile clamps[0]"},
        AlgebraCase{"ToTheOffValueIsOff",
                    "clamps { knob: 'top_p' min: 1 mode: CLAMP_MODE_CLAMP }",
                    "top_p: 0.5", "", "top_p CLAMP profile clamps[0] off 1"},
        AlgebraCase{"TopKOffIsTheVocabulary",
                    "clamps { knob: 'top_k' max: 40 mode: CLAMP_MODE_CLAMP }",
                    "", "top_k: 40", "top_k CLAMP profile clamps[0]"},
        AlgebraCase{"TopKAboveTheVocabularyIsTheVocabulary",
                    "clamps { knob: 'top_k' max: 32000 "
                    "mode: CLAMP_MODE_REJECT }",
                    "top_k: 1000000", "",
                    absl::StrCat("top_k REQUEST off ", kVocab)},
        AlgebraCase{"MinTopKAboveTheVocabularyLetsOffThrough",
                    "clamps { knob: 'top_k' min: 50000 "
                    "mode: CLAMP_MODE_REJECT }",
                    "", "", ""},
        AlgebraCase{"MaxTokensAbsentIsTheMost",
                    "clamps { knob: 'max_tokens' max: 100 "
                    "mode: CLAMP_MODE_CLAMP }",
                    "", "max_tokens: 100",
                    "max_tokens CLAMP profile clamps[0]"},
        AlgebraCase{"WindowAbsentIsTheMost",
                    "clamps { knob: 'repetition_window' max: 64 "
                    "mode: CLAMP_MODE_CLAMP }",
                    "repetition_penalty: 1.1",
                    "repetition_penalty: 1.1 repetition_window: 64",
                    "repetition_penalty REQUEST, "
                    "repetition_window CLAMP profile clamps[0]"},
        AlgebraCase{"TwoIntersect",
                    "clamps { knob: 'temperature' max: 0.9 "
                    "mode: CLAMP_MODE_CLAMP } " +
                        PhaseText("tool", 1,
                                  "clamps { knob: 'temperature' max: 0.2 "
                                  "mode: CLAMP_MODE_CLAMP }"),
                    "temperature: 2", "temperature: 0.2",
                    "temperature CLAMP phase tool clamps[0]"},
        AlgebraCase{"ForceComesAfter",
                    "force_params { temperature: 0.4 } clamps { "
                    "knob: 'temperature' max: 0.5 mode: CLAMP_MODE_CLAMP }",
                    "temperature: 2", "temperature: 0.4",
                    "temperature PROFILE_FORCE"},
        AlgebraCase{"ForcedIsNotRefusedForSilence",
                    "force_params { temperature: 0.4 } clamps { "
                    "knob: 'temperature' max: 0.5 mode: CLAMP_MODE_REJECT }",
                    "", "temperature: 0.4", "temperature PROFILE_FORCE"},
        AlgebraCase{"ForcedDefaultIsNeverRefused",
                    "default_params { temperature: 2 } "
                    "force_params { temperature: 0.4 } clamps { "
                    "knob: 'temperature' max: 0.5 mode: CLAMP_MODE_REJECT }",
                    "", "temperature: 0.4", "temperature PROFILE_FORCE"},
        AlgebraCase{"ForcedIsNotRefusedToWhoAsksInside",
                    "default_params { temperature: 2 } "
                    "force_params { temperature: 0.4 } clamps { "
                    "knob: 'temperature' max: 0.5 mode: CLAMP_MODE_REJECT }",
                    "temperature: 0.5", "temperature: 0.4",
                    "temperature PROFILE_FORCE"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Conflicts, Algebra,
    ::testing::Values(
        AlgebraCase{"RequestTurnsOffDefault",
                    "default_params { min_tokens: 20 }", "max_tokens: 10",
                    "max_tokens: 10",
                    "min_tokens REQUEST off 0, max_tokens REQUEST"},
        AlgebraCase{"RequestTurnsOffTheOther",
                    "default_params { max_tokens: 10 }", "min_tokens: 20",
                    "min_tokens: 20",
                    "min_tokens REQUEST, max_tokens REQUEST off 1048576"},
        AlgebraCase{"PhaseTurnsOffProfileDefault",
                    "default_params { min_tokens: 20 } " +
                        PhaseText("a", 1, "default_params { max_tokens: 10 }"),
                    "", "max_tokens: 10",
                    "min_tokens PHASE_DEFAULT off 0, "
                    "max_tokens PHASE_DEFAULT"},
        AlgebraCase{"EqualIsNone", "default_params { min_tokens: 20 }",
                    "max_tokens: 20", "min_tokens: 20 max_tokens: 20",
                    "min_tokens PROFILE_DEFAULT, max_tokens REQUEST"}),
    [](const auto& test) { return std::string(test.param.name); });

struct RefusalCase {
  const char* name;
  std::string profile;
  std::string request;
  std::string message;
  Code code = Code::kInvalidArgument;
};

class Refusal : public ::testing::TestWithParam<RefusalCase> {};

TEST_P(Refusal, SaysWhy) {
  const RefusalCase& c = GetParam();
  const auto resolution = ResolveTexts(c.profile, c.request);
  ASSERT_FALSE(resolution.ok());
  EXPECT_EQ(resolution.status().code(), c.code);
  EXPECT_EQ(resolution.status().message(), c.message);
}

const char kRejectAboveOne[] =
    "clamps { knob: 'temperature' min: 0 max: 1 mode: CLAMP_MODE_REJECT } ";

INSTANTIATE_TEST_SUITE_P(
    All, Refusal,
    ::testing::Values(
        RefusalCase{"Reject", kRejectAboveOne, "temperature: 1.5",
                    "params.temperature: 1.5 is outside [0, 1], "
                    "profile clamps[0]"},
        RefusalCase{"RejectOfTheOffValue",
                    "clamps { knob: 'max_tokens' max: 100 "
                    "mode: CLAMP_MODE_REJECT }",
                    "",
                    "params.max_tokens: 1048576 is outside [1, 100], "
                    "profile clamps[0]"},
        RefusalCase{"RejectOfAnOpenEnd",
                    "clamps { knob: 'top_p' max: 0.9 "
                    "mode: CLAMP_MODE_REJECT }",
                    "top_p: 0.95",
                    "params.top_p: 0.95 is outside (0, 0.9], "
                    "profile clamps[0]"},
        RefusalCase{"RejectInAPhase", PhaseText("tool", 1, kRejectAboveOne),
                    "temperature: 1.5",
                    "params.temperature: 1.5 is outside [0, 1], "
                    "phase tool clamps[0]"},
        RefusalCase{
            "RejectOfWhatSomebodyAskedDespiteForce",
            absl::StrCat(kRejectAboveOne, "force_params { temperature: 0.5 }"),
            "temperature: 1.5",
            "params.temperature: 1.5 is outside [0, 1], "
            "profile clamps[0]"},
        RefusalCase{"RejectOfWhatSomebodyAskedDespiteDefaultAndForce",
                    absl::StrCat(kRejectAboveOne,
                                 "default_params { temperature: 2 } "
                                 "force_params { temperature: 0.5 }"),
                    "temperature: 1.5",
                    "params.temperature: 1.5 is outside [0, 1], "
                    "profile clamps[0]"},
        RefusalCase{"RejectBesideClamp",
                    absl::StrCat(kRejectAboveOne,
                                 "clamps { knob: 'temperature' max: 0.5 "
                                 "mode: CLAMP_MODE_CLAMP }"),
                    "temperature: 1.5",
                    "params.temperature: 1.5 is outside [0, 1], "
                    "profile clamps[0]"},
        RefusalCase{"OutOfRangeIsNotHiddenByAClamp",
                    "clamps { knob: 'top_p' max: 0.9 mode: CLAMP_MODE_CLAMP }",
                    "top_p: 1.5", "params.top_p: 1.5 is outside (0, 1]"},
        RefusalCase{"OutOfRangeIsNotHiddenByAForce",
                    "force_params { top_p: 0.9 }", "top_p: 1.5",
                    "params.top_p: 1.5 is outside (0, 1]"},
        RefusalCase{"NaN", "force_params { top_p: 0.9 }", "top_p: nan",
                    "params.top_p: nan is outside (0, 1]"},
        RefusalCase{"NotBuilt", "", "mirostat: 2",
                    "params.mirostat: not built yet", Code::kUnimplemented},
        RefusalCase{"AllowedInCommon",
                    "default_params { " + Ids("allowed_ids", {1}) + "}",
                    Ids("allowed_ids", {2}),
                    "params.allowed_ids: those of request and those of profile "
                    "default have no id in common"},
        RefusalCase{"AllowedInCommonWithForce",
                    "force_params { " + Ids("allowed_ids", {1}) + "}",
                    Ids("allowed_ids", {2}),
                    "params.allowed_ids: those of profile force and those of "
                    "request have no id in common"},
        RefusalCase{"ConflictInOneLevel", "", "min_tokens: 20 max_tokens: 10",
                    "params.min_tokens: 20 (request) conflicts with max_tokens "
                    "10 (request): more tokens are asked for than are "
                    "allowed"},
        RefusalCase{"ConflictWithForce", "force_params { max_tokens: 10 }",
                    "min_tokens: 20",
                    "params.min_tokens: 20 (request) conflicts with max_tokens "
                    "10 (profile force): more tokens are asked for than are "
                    "allowed"},
        RefusalCase{"ConflictWithAClamp",
                    "clamps { knob: 'max_tokens' max: 10 "
                    "mode: CLAMP_MODE_CLAMP }",
                    "min_tokens: 20",
                    "params.min_tokens: 20 (request) conflicts with max_tokens "
                    "10 (profile clamps[0]): more tokens are asked for than "
                    "are allowed"},
        RefusalCase{"IdOutsideTheVocabulary", "",
                    Ids("banned_ids", {1, kVocab}),
                    "params.banned_ids: id 32000 at index 1 is outside "
                    "[0, 32000)"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Resolve, WorksWithoutAProfile) {
  const auto resolution =
      Resolve(nullptr, ParamsText("temperature: 0.5"), {}, kVocab);
  ASSERT_THAT(resolution, IsOk());
  EXPECT_EQ(Short(resolution->base.params), "temperature: 0.5");
  EXPECT_EQ(FromText(resolution->base), "temperature REQUEST");
}

TEST(Resolve, ReportsWhatAClampChanged) {
  const auto resolution = ResolveTexts(
      "clamps { knob: 'top_p' min: 0.2 mode: CLAMP_MODE_CLAMP } "
      "clamps { knob: 'top_k' max: 40 mode: CLAMP_MODE_CLAMP } " +
          PhaseText("tool", 1,
                    "clamps { knob: 'top_k' max: 5 mode: CLAMP_MODE_CLAMP }"),
      "top_p: 0.1");
  ASSERT_THAT(resolution, IsOk());
  const auto& base = resolution->base.clamped;
  ASSERT_EQ(base.size(), 2u);
  EXPECT_EQ(base[0].ShortDebugString(),
            "knob: \"top_p\" asked: 0.1 used: 0.2 rule: \"profile clamps[0]\"");
  EXPECT_EQ(base[1].ShortDebugString(),
            "knob: \"top_k\" asked: 32000 used: 40 "
            "rule: \"profile clamps[1]\"");
  const auto& phase = resolution->phases[0].resolved.clamped;
  ASSERT_EQ(phase.size(), 2u);
  EXPECT_EQ(phase[1].rule(), "phase tool clamps[0]");
}

TEST(Resolve, DoesNotReportAClampThatForceReplaced) {
  const auto resolution = ResolveTexts(
      "force_params { temperature: 0.4 } clamps { knob: 'temperature' "
      "max: 0.5 mode: CLAMP_MODE_CLAMP }",
      "temperature: 2");
  ASSERT_THAT(resolution, IsOk());
  EXPECT_TRUE(resolution->base.clamped.empty());
}

TEST(Resolve, GivesPhasesTheirSequencesAndNoLevels) {
  const auto resolution = ResolveTexts(
      PhaseText("a", 1, "within: 'b' default_params { top_k: 3 }") +
          PhaseText("b", 2),
      "");
  ASSERT_THAT(resolution, IsOk());
  ASSERT_EQ(resolution->phases.size(), 2u);
  const v1::Phase& phase = resolution->phases[0].phase;
  EXPECT_EQ(phase.name(), "a");
  EXPECT_EQ(phase.within(), "b");
  EXPECT_EQ(phase.enter_size(), 1);
  EXPECT_EQ(phase.leave_size(), 1);
  EXPECT_FALSE(phase.has_default_params());
}

TEST(Resolve, TakesPhasesOfTheRequestWhereTheProfileHasNone) {
  const v1::Profile own = ProfileText(PhaseText("a", 1));
  const std::vector<v1::Phase> phases(own.phases().begin(), own.phases().end());
  const v1::Profile bare = ProfileText("default_params { top_k: 3 }");
  const auto resolution = Resolve(&bare, {}, phases, kVocab);
  ASSERT_THAT(resolution, IsOk());
  EXPECT_EQ(resolution->phases.size(), 1u);
  EXPECT_THAT(Resolve(&own, {}, phases, kVocab),
              StatusIs(Code::kInvalidArgument,
                       "phases: must be empty, profiles/p has phases"));
}

std::vector<v1::Phase> OnePhase(const std::string& rest) {
  return {ProfileText(PhaseText("a", 1, rest)).phases(0)};
}

TEST(Resolve, KeepsTheOwnersPinsAgainstPhasesOfTheRequest) {
  const v1::Profile profile = ProfileText("force_params { temperature: 0.5 }");
  const auto resolution = Resolve(
      &profile, {}, OnePhase("force_params { temperature: 2 }"), kVocab);
  ASSERT_THAT(resolution, IsOk());
  EXPECT_EQ(Short(resolution->phases[0].resolved.params), "temperature: 0.5");
}

TEST(Resolve, RefusesForceAndClampsOfARequestsPhaseOutsideTheProfiles) {
  const v1::Profile profile = ProfileText(kRejectAboveOne);
  EXPECT_THAT(
      Resolve(&profile, {}, OnePhase("force_params { temperature: 2 }"),
              kVocab),
      StatusIs(Code::kInvalidArgument,
               "phases[0].force_params.temperature: 2 is outside [0, 1], "
               "profile clamps[0]"));
  EXPECT_THAT(Resolve(&profile, {},
                      OnePhase("clamps { knob: 'temperature' min: 2 "
                               "mode: CLAMP_MODE_CLAMP }"),
                      kVocab),
              StatusIs(Code::kInvalidArgument,
                       "phases[0].clamps[0]: temperature has no value both in "
                       "[2, 100] and in [0, 1], profile clamps[0]"));
}

TEST(Resolve, ChecksThePhasesOfTheRequest) {
  EXPECT_THAT(
      Resolve(nullptr, {}, OnePhase("default_params { top_p: 7 }"), kVocab),
      StatusIs(Code::kInvalidArgument,
               "phases[0].default_params.top_p: 7 is outside (0, 1]"));
  EXPECT_THAT(
      Resolve(nullptr, {}, OnePhase("default_params { mirostat: 1 }"), kVocab),
      StatusIs(Code::kUnimplemented,
               "phases[0].default_params.mirostat: not built yet"));
  EXPECT_THAT(Resolve(nullptr, {}, OnePhase("within: 'a'"), kVocab),
              StatusIs(Code::kInvalidArgument, "phases[0].within: a circle"));
}

TEST(Resolve, KeepsToTheLimitsGiven) {
  Limits limits;
  limits.max_ids = 2;
  limits.max_stop_sequences = 1;
  EXPECT_THAT(Resolve(nullptr, ParamsText(Ids("banned_ids", {1, 2, 3})), {},
                      kVocab, limits),
              StatusIs(Code::kResourceExhausted,
                       "params.banned_ids: 3 ids are more than --max_ids 2"));
  const std::string two = "enter { " + Ids("tokens", {3}) + "}";
  EXPECT_THAT(Resolve(nullptr, {}, OnePhase(two), kVocab, limits),
              StatusIs(Code::kResourceExhausted,
                       "phases[0].enter: 2 sequences are more than "
                       "--max_stop_sequences 1"));
  const std::vector<v1::Phase> many(10000, OnePhase("")[0]);
  EXPECT_THAT(Resolve(nullptr, {}, many, kVocab),
              StatusIs(Code::kInvalidArgument,
                       "phases: 10000 phases are more than 32"));
}

TEST(Resolve, RefusesWhatIsUnknown) {
  v1::SamplingParams request;
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(999, 1);
  EXPECT_THAT(Resolve(nullptr, request, {}, kVocab),
              StatusIs(Code::kInvalidArgument,
                       "params.999: a field of this number is unknown"));
}

TEST(Resolve, IsTheSameAgainWhenItsResultIsTheRequest) {
  const auto once = ResolveTexts(
      "default_params { temperature: 0.5 top_k: 9 min_tokens: 4 } "
      "clamps { knob: 'top_k' max: 5 mode: CLAMP_MODE_CLAMP }",
      Ids("banned_ids", {3, 1}) + "top_p: 0.9");
  ASSERT_THAT(once, IsOk());
  const auto twice = Resolve(nullptr, once->base.params, {}, kVocab);
  ASSERT_THAT(twice, IsOk());
  EXPECT_EQ(Short(twice->base.params), Short(once->base.params));
}

}  // namespace
}  // namespace logitd
