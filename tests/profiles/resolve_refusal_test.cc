// What the algebra of levels refuses, and what it makes of phases and limits.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/limits.h"
#include "service/profiles/resolve.h"
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
using testing::ProfileText;
using testing::ResolveTexts;
using testing::Short;
using testing::StatusIs;
using Code = absl::StatusCode;

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
        RefusalCase{"ConflictOfTruncations", "", "mirostat: 2 top_p: 0.9",
                    "params.mirostat: 2 (request) conflicts with top_p 0.9 "
                    "(request): mirostat decides the truncation itself"},
        RefusalCase{"AllowedInCommon",
                    "default_params { " + IdsText("allowed_ids", {1}) + "}",
                    IdsText("allowed_ids", {2}),
                    "params.allowed_ids: those of request and those of profile "
                    "default have no id in common"},
        RefusalCase{"AllowedInCommonWithForce",
                    "force_params { " + IdsText("allowed_ids", {1}) + "}",
                    IdsText("allowed_ids", {2}),
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
                    IdsText("banned_ids", {1, kVocab}),
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
  EXPECT_THAT(Resolve(nullptr, {}, OnePhase("within: 'a'"), kVocab),
              StatusIs(Code::kInvalidArgument, "phases[0].within: a circle"));
}

TEST(Resolve, KeepsToTheLimitsGiven) {
  Limits limits;
  limits.max_ids = 2;
  limits.max_stop_sequences = 1;
  EXPECT_THAT(Resolve(nullptr, ParamsText(IdsText("banned_ids", {1, 2, 3})), {},
                      kVocab, limits),
              StatusIs(Code::kResourceExhausted,
                       "params.banned_ids: 3 ids are more than --max_ids 2"));
  const std::string two = "enter { " + IdsText("tokens", {3}) + "}";
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
      IdsText("banned_ids", {3, 1}) + "top_p: 0.9");
  ASSERT_THAT(once, IsOk());
  const auto twice = Resolve(nullptr, once->base.params, {}, kVocab);
  ASSERT_THAT(twice, IsOk());
  EXPECT_EQ(Short(twice->base.params), Short(once->base.params));
}

}  // namespace
}  // namespace logitd
