// The algebra of levels, case by case.
#include "service/profiles/resolve.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sampler/plan.h"
#include "service/limits.h"
#include "tests/profiles/resolve_support.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::FromText;
using testing::IdsText;
using testing::IsOk;
using testing::kVocab;
using testing::ParamsText;
using testing::PhaseText;
using testing::ResolveTexts;
using testing::Short;

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

// A schedule of one knob, as a field of parameters.
std::string ScheduleText(const std::string& knob, const std::string& points,
                         const std::string& limits = "") {
  return absl::StrCat("schedules { knob: '", knob,
                      "' shape: SCHEDULE_SHAPE_LINEAR ", points, limits, " }");
}
constexpr char kCooling[] =
    "points { at: 0 value: 1.5 } points { at: 9 value: 0.5 }";
constexpr char kToZero[] =
    "points { at: 0 value: 1.5 } points { at: 9 value: 0 }";

INSTANTIATE_TEST_SUITE_P(
    Schedules, Algebra,
    ::testing::Values(
        AlgebraCase{"ReplaceAConstant", "default_params { temperature: 0.5 }",
                    ScheduleText("temperature", kCooling),
                    ScheduleText("temperature", kCooling),
                    "temperature REQUEST"},
        AlgebraCase{
            "AreReplacedByAConstant",
            "default_params { " + ScheduleText("temperature", kCooling) + "}",
            "temperature: 0.7", "temperature: 0.7", "temperature REQUEST"},
        AlgebraCase{"AreReplacedKnobByKnob",
                    "default_params { " +
                        ScheduleText("temperature", kCooling) +
                        ScheduleText("top_p", "points { value: 0.5 }") + "}",
                    ScheduleText("top_p", "points { value: 0.9 }"),
                    ScheduleText("temperature", kCooling) +
                        ScheduleText("top_p", "points { value: 0.9 }"),
                    "temperature PROFILE_DEFAULT, top_p REQUEST"},
        AlgebraCase{"ThatAreOffTurnOff", "default_params { top_p: 0.5 }",
                    ScheduleText("top_p", "points { value: 1 }"), "",
                    "top_p REQUEST off 1"},
        AlgebraCase{
            "OfAForcePin",
            "force_params { " + ScheduleText("temperature", kCooling) + "}",
            "temperature: 0.7", ScheduleText("temperature", kCooling),
            "temperature PROFILE_FORCE"},
        AlgebraCase{"AreLimitedByAClamp",
                    "clamps { knob: 'temperature' max: 1 "
                    "mode: CLAMP_MODE_CLAMP }",
                    ScheduleText("temperature", kCooling),
                    ScheduleText("temperature", kCooling, " max: 1"),
                    "temperature CLAMP profile clamps[0]"},
        AlgebraCase{"InsideAClampAreAsTheyStand",
                    "clamps { knob: 'temperature' min: 0.5 max: 1.5 "
                    "mode: CLAMP_MODE_CLAMP }",
                    ScheduleText("temperature", kCooling),
                    ScheduleText("temperature", kCooling),
                    "temperature REQUEST"},
        AlgebraCase{"WithLimitsOfTheirOwnAreLimitedFurther",
                    "clamps { knob: 'temperature' min: 0.6 max: 0.8 "
                    "mode: CLAMP_MODE_CLAMP }",
                    ScheduleText("temperature", kCooling, " max: 0.7"),
                    ScheduleText("temperature", kCooling, " min: 0.6 max: 0.7"),
                    "temperature CLAMP profile clamps[0]"},
        AlgebraCase{"BelowAClampAreItsLeast",
                    "clamps { knob: 'temperature' min: 0.9 "
                    "mode: CLAMP_MODE_CLAMP }",
                    ScheduleText("temperature", kCooling, " max: 0.7"),
                    ScheduleText("temperature", kCooling, " min: 0.9 max: 0.9"),
                    "temperature CLAMP profile clamps[0]"},
        AlgebraCase{"ThatReachAConflictTurnOffTheLower",
                    "default_params { xtc_probability: 0.5 }",
                    ScheduleText("temperature", kToZero),
                    ScheduleText("temperature", kToZero),
                    "temperature REQUEST, xtc_probability REQUEST off 0"},
        AlgebraCase{
            "OfAPhaseReplaceTheProfiles",
            "default_params { temperature: 0.5 } " +
                PhaseText("a", 1,
                          "default_params { " +
                              ScheduleText("temperature", kCooling) + "}"),
            "", ScheduleText("temperature", kCooling),
            "temperature PHASE_DEFAULT"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ResolveSchedules, ReportsWhatAClampCutOnBothSides) {
  const auto resolution = ResolveTexts(
      "clamps { knob: 'temperature' min: 0.6 max: 1 mode: CLAMP_MODE_CLAMP }",
      ScheduleText("temperature", kCooling));
  ASSERT_THAT(resolution, IsOk());
  ASSERT_EQ(resolution->base.clamped.size(), 2u);
  EXPECT_EQ(resolution->base.clamped[0].asked(), 0.5);
  EXPECT_EQ(resolution->base.clamped[0].used(), 0.6);
  EXPECT_EQ(resolution->base.clamped[1].asked(), 1.5);
  EXPECT_EQ(resolution->base.clamped[1].used(), 1);
}

TEST(ResolveSchedules, RefusesWhatReachesOutOfAReject) {
  const auto resolution = ResolveTexts(
      "clamps { knob: 'temperature' max: 1 mode: CLAMP_MODE_REJECT }",
      ScheduleText("temperature", kCooling));
  EXPECT_EQ(std::string(resolution.status().message()),
            "params.temperature: 0.5 to 1.5 is outside [0, 1], profile "
            "clamps[0]");
}

TEST(ResolveSchedules, RefusesOneThatReachesAConflictOnItsLevel) {
  const auto resolution = ResolveTexts(
      "", ScheduleText("temperature", kToZero) + " xtc_probability: 0.5");
  EXPECT_EQ(std::string(resolution.status().message()),
            "params.temperature: 0 to 1.5 (request) conflicts with "
            "xtc_probability 0.5 (request): nothing is drawn at a temperature "
            "this low");
}

INSTANTIATE_TEST_SUITE_P(
    Lists, Algebra,
    ::testing::Values(
        AlgebraCase{"BansUnite",
                    "default_params { " + IdsText("banned_ids", {5, 1}) + "}",
                    IdsText("banned_ids", {2, 5}),
                    IdsText("banned_ids", {1, 2, 5}), "banned_ids REQUEST"},
        AlgebraCase{"ForcedBansUnite",
                    "force_params { " + IdsText("banned_ids", {7}) + "}",
                    IdsText("banned_ids", {2}), IdsText("banned_ids", {2, 7}),
                    "banned_ids PROFILE_FORCE"},
        AlgebraCase{"StopIdsUnite",
                    "default_params { " + IdsText("stop_ids", {1}) + "}",
                    IdsText("stop_ids", {2}), IdsText("stop_ids", {1, 2}),
                    "stop_ids REQUEST"},
        AlgebraCase{"StopSequencesUniteOnce",
                    "default_params { stop_sequences { " +
                        IdsText("tokens", {1, 2}) + "} stop_sequences { " +
                        IdsText("tokens", {3}) + "} }",
                    "stop_sequences { " + IdsText("tokens", {3}) +
                        "} stop_sequences { " + IdsText("tokens", {4}) + "}",
                    "stop_sequences { " + IdsText("tokens", {1, 2}) +
                        "} stop_sequences { " + IdsText("tokens", {3}) +
                        "} stop_sequences { " + IdsText("tokens", {4}) + "}",
                    "stop_sequences REQUEST"},
        AlgebraCase{
            "AllowedIntersect",
            "default_params { " + IdsText("allowed_ids", {1, 2, 3}) + "}",
            IdsText("allowed_ids", {4, 3, 2}), IdsText("allowed_ids", {2, 3}),
            "allowed_ids REQUEST"},
        AlgebraCase{"AllowedOfNobodyIsAll",
                    "default_params { " + IdsText("allowed_ids", {1}) + "}", "",
                    IdsText("allowed_ids", {1}), "allowed_ids PROFILE_DEFAULT"},
        AlgebraCase{"EosIdsWhole",
                    "default_params { " + IdsText("eos_ids", {1, 2}) + "}",
                    IdsText("eos_ids", {3}), IdsText("eos_ids", {3}),
                    "eos_ids REQUEST"},
        AlgebraCase{
            "ExcludeIdsWhole",
            "default_params { " + IdsText("penalty_exclude_ids", {1, 2}) + "}",
            IdsText("penalty_exclude_ids", {3}),
            IdsText("penalty_exclude_ids", {3}), "penalty_exclude_ids REQUEST"},
        AlgebraCase{
            "BiasPerId",
            "default_params { " + IdsText("logit_bias_ids", {1, 2}) +
                "logit_bias_values: 1 logit_bias_values: 2 } force_params { " +
                IdsText("logit_bias_ids", {4}) + "logit_bias_values: 9 }",
            IdsText("logit_bias_ids", {4, 2}) +
                "logit_bias_values: 4 logit_bias_values: 3",
            IdsText("logit_bias_ids", {1, 2, 4}) +
                "logit_bias_values: 1 logit_bias_values: 3 "
                "logit_bias_values: 9",
            "logit_bias_ids PROFILE_FORCE, logit_bias_values PROFILE_FORCE"},
        AlgebraCase{"BiasOfZeroTurnsOff",
                    "default_params { " + IdsText("logit_bias_ids", {1}) +
                        "logit_bias_values: 1 }",
                    IdsText("logit_bias_ids", {1}) + "logit_bias_values: 0", "",
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

}  // namespace
}  // namespace logitd
