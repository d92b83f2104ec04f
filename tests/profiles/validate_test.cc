// What a profile may not be: each rule fires, says where, and is one of many.
#include "service/profiles/validate.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "tests/profiles/resolve_texts.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::ElementsAre;
using testing::IdsText;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::PhaseText;
using testing::ProfileText;

std::vector<std::string> Lines(const v1::Profile& profile) {
  std::vector<std::string> lines;
  for (const Violation& violation : Validate(profile, Limits())) {
    lines.push_back(absl::StrCat(violation.field, ": ", violation.description));
  }
  return lines;
}

struct BadCase {
  const char* name;
  std::string profile;
  std::vector<std::string> lines;
};

class Bad : public ::testing::TestWithParam<BadCase> {};

TEST_P(Bad, HasTheseViolations) {
  EXPECT_EQ(Lines(ProfileText(GetParam().profile)), GetParam().lines);
}

std::string Clamp(const std::string& rest) {
  return absl::StrCat("clamps { mode: CLAMP_MODE_CLAMP ", rest, " } ");
}

std::string Many(int count, const std::string& one) {
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, one);
  return text;
}

const char kId[] = " is not of the form [a-z]([a-z0-9-]{0,61}[a-z0-9])?";

INSTANTIATE_TEST_SUITE_P(
    Head, Bad,
    ::testing::Values(
        BadCase{"NameWithoutCollection",
                "name: 'chat'",
                {"name: \"chat\" is not profiles/{id}"}},
        BadCase{"NameWithPath",
                "name: 'profiles/../x'",
                {absl::StrCat("name: \"../x\"", kId)}},
        BadCase{"NameTooLong",
                "name: 'profiles/" + std::string(64, 'a') + "'",
                {absl::StrCat("name: \"", std::string(64, 'a'), "\"", kId)}},
        BadCase{"DescriptionTooLong",
                "description: '" + std::string(1025, 'x') + "'",
                {"description: 1025 bytes are more than 1024"}},
        BadCase{"DescriptionWithAnEscape",
                "description: 'a\\033[31m'",
                {"description: the character U+001B does not belong into "
                 "text"}},
        BadCase{"DescriptionWithNul",
                "description: '\\000'",
                {"description: the character U+0000 does not belong into "
                 "text"}},
        BadCase{"DescriptionWithAC1Control",
                "description: 'x\\302\\233'",
                {"description: the character U+009B does not belong into "
                 "text"}},
        BadCase{"DescriptionOfLines",
                "description: 'a\\tb\\nc \\303\\244\\302\\240 \\302\\247'",
                {}},
        BadCase{"LabelWithABell",
                "labels { key: 'team' value: '\\a' }",
                {"labels.team: the character U+0007 does not belong into "
                 "text"}},
        BadCase{"ModelWithDelete",
                "models: 'm' models: 'n\\177'",
                {"models[1]: the character U+007F does not belong into "
                 "text"}},
        BadCase{"LabelKey",
                "labels { key: 'Team' value: 'x' }",
                {"labels: the key \"Team\" is not [a-z][a-z0-9_.-]{0,62}"}},
        BadCase{"LabelValue",
                "labels { key: 'team' value: '" + std::string(64, 'x') + "' }",
                {"labels.team: 64 bytes are more than 63"}},
        BadCase{"ModelEmpty",
                "models: ''",
                {"models[0]: 0 bytes are outside [1, 128]"}},
        BadCase{"ModelsTooMany",
                Many(65, "models: 'm' "),
                {"models: 65 models are more than 64"}},
        BadCase{
            "TooLarge",
            "default_params { banned_ids: '" + std::string(16384, '\1') + "' }",
            {"profile: 16405 bytes are more than --max_profile_bytes 16384"}}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Params, Bad,
    ::testing::Values(
        BadCase{"EveryKnobThatIsWrong",
                "default_params { top_p: 0 min_p: 2 top_k: 0 } "
                "force_params { temperature: 101 }",
                {"default_params.top_k: 0 is outside [1, 1048576]",
                 "default_params.top_p: 0 is outside (0, 1]",
                 "default_params.min_p: 2 is outside [0, 1]",
                 "force_params.temperature: 101 is outside [0, 100]"}},
        BadCase{"BiasOfTwoLengths",
                "default_params { logit_bias_values: 1 }",
                {"default_params.logit_bias_values: 1 values for 0 "
                 "logit_bias_ids"}},
        BadCase{
            "ListOverItsLimit",
            "default_params { " +
                Many(65, "stop_sequences { tokens: " + IdsText({1}) + " } ") +
                "}",
            {"default_params.stop_sequences: 65 sequences are more than "
             "--max_stop_sequences 64"}},
        BadCase{"ConflictInDefaults",
                "default_params { min_tokens: 9 max_tokens: 3 }",
                {"default_params.min_tokens: 9 (profile default) conflicts "
                 "with max_tokens 3 (profile default): more tokens are asked "
                 "for than are allowed"}},
        BadCase{"ConflictWithForce",
                "default_params { min_tokens: 9 } "
                "force_params { max_tokens: 3 }",
                {"default_params.min_tokens: 9 (profile default) conflicts "
                 "with max_tokens 3 (profile force): more tokens are asked "
                 "for than are allowed"}},
        BadCase{"NothingAllowed",
                "default_params { allowed_ids: " + IdsText({1}) +
                    " } force_params { allowed_ids: " + IdsText({2}) + " }",
                {"force_params.allowed_ids: those of profile force and those "
                 "of profile default have no id in common"}}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Clamps, Bad,
    ::testing::Values(
        BadCase{"UnknownKnob",
                Clamp("knob: 'temprature' max: 1"),
                {"clamps[0].knob: \"temprature\" is not a field of "
                 "SamplingParams, the nearest is temperature"}},
        BadCase{"UnknownKnobLikeNone",
                Clamp("knob: 'humidity' max: 1"),
                {"clamps[0].knob: \"humidity\" is not a field of "
                 "SamplingParams"}},
        BadCase{"UnknownKnobLikeOneWithoutANumber",
                Clamp("knob: 'eos_id' max: 1"),
                {"clamps[0].knob: \"eos_id\" is not a field of "
                 "SamplingParams"}},
        BadCase{"NoNumber",
                Clamp("knob: 'eos_ids' max: 1"),
                {"clamps[0].knob: eos_ids has no number to limit"}},
        BadCase{"NoMode",
                "clamps { knob: 'top_p' max: 1 }",
                {"clamps[0].mode: is not set, and is CLAMP_MODE_CLAMP or "
                 "CLAMP_MODE_REJECT"}},
        BadCase{"NoLimit",
                Clamp("knob: 'top_p'"),
                {"clamps[0]: has neither min nor max"}},
        BadCase{"MinAboveMax",
                Clamp("knob: 'top_p' min: 0.9 max: 0.5"),
                {"clamps[0].min: 0.9 is more than max 0.5"}},
        BadCase{"BothOutside",
                Clamp("knob: 'top_p' min: 0 max: 1.5"),
                {"clamps[0].min: 0 is outside (0, 1]",
                 "clamps[0].max: 1.5 is outside (0, 1]"}},
        BadCase{"NotWhole",
                Clamp("knob: 'top_k' max: 1.5"),
                {"clamps[0].max: 1.5 is not a whole number"}},
        BadCase{"NaN",
                Clamp("knob: 'top_p' max: nan"),
                {"clamps[0].max: nan is outside (0, 1]"}},
        BadCase{"ForceOutside",
                Clamp("knob: 'top_p' max: 0.5") + "force_params { top_p: 0.9 }",
                {"force_params.top_p: 0.9 is outside (0, 0.5], profile "
                 "clamps[0]"}},
        BadCase{"ProfileForceOutsidePhaseClamp",
                "force_params { top_p: 0.9 } " +
                    PhaseText("a", 1, Clamp("knob: 'top_p' max: 0.5")),
                {"force_params.top_p: 0.9 is outside (0, 0.5], phase a "
                 "clamps[0]"}},
        BadCase{"EmptyIntersection",
                Clamp("knob: 'top_k' max: 5") +
                    PhaseText("a", 1, Clamp("knob: 'top_k' min: 6")),
                {"phases[0].clamps[0]: top_k has no value both in [6, "
                 "1048576] and in [1, 5], profile clamps[0]"}}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Phases, Bad,
    ::testing::Values(
        BadCase{"Name",
                PhaseText("Tool", 1),
                {"phases[0].name: \"Tool\" is not [a-z][a-z0-9_]{0,31}"}},
        BadCase{"NameTwice",
                PhaseText("a", 1) + PhaseText("a", 2),
                {"phases[1].name: \"a\" is already the name of phases[0]"}},
        BadCase{"NoEnter",
                "phases { name: 'a' }",
                {"phases[0].enter: is empty: the phase is never entered"}},
        BadCase{"EmptySequence",
                PhaseText("a", 1, "leave { }"),
                {"phases[0].leave[1].tokens: 0 tokens are outside [1, 256]"}},
        BadCase{"BytesOfNoId",
                PhaseText("a", 1, "enter { tokens: 'abc' }"),
                {"phases[0].enter[1].tokens: 3 bytes are not a multiple of "
                 "4"}},
        BadCase{"WithinNobody",
                PhaseText("a", 1, "within: 'b'"),
                {"phases[0].within: \"b\" is not the name of a phase"}},
        BadCase{"WithinItself",
                PhaseText("a", 1, "within: 'a'"),
                {"phases[0].within: a circle that is never entered: a within "
                 "a"}},
        BadCase{"Circle",
                PhaseText("o", 5, "within: 'a'") +
                    PhaseText("a", 1, "within: 'b'") +
                    PhaseText("b", 2, "within: 'c'") +
                    PhaseText("c", 3, "within: 'a'"),
                {"phases[1].within: a circle that is never entered: a within "
                 "b within c within a"}},
        BadCase{"SameEnter",
                PhaseText("a", 1) + PhaseText("b", 1),
                {"phases[1].enter[0]: also enters phases[0]"}},
        BadCase{"Params",
                PhaseText("a", 1) +
                    PhaseText("b", 2, "force_params { temperature: -1 }"),
                {"phases[1].force_params.temperature: -1 is outside [0, "
                 "100]"}},
        BadCase{"ConflictOfProfileAndPhaseForce",
                "force_params { max_tokens: 3 } " +
                    PhaseText("a", 1, "force_params { min_tokens: 9 }"),
                {"force_params.max_tokens: 3 (profile force) conflicts with "
                 "min_tokens 9 (phase a force): more tokens are asked for "
                 "than are allowed"}},
        BadCase{"TooMany",
                Many(33, PhaseText("a", 1)),
                {"phases: 33 phases are more than 32"}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Validate, TakesAPlainProfile) {
  EXPECT_THAT(
      Lines(ProfileText("description: 'd' labels { key: 'task' value: 'chat' } "
                        "models: 'm' default_params { temperature: 0.5 } "
                        "force_params { top_k: 5 } " +
                        Clamp("knob: 'top_k' max: 9") + PhaseText("a", 1) +
                        PhaseText("b", 2, "within: 'a'") +
                        PhaseText("c", 2, "within: 'b'"))),
      IsEmpty());
}

TEST(Validate, TakesRejectClampsThatRefuseSilence) {
  EXPECT_THAT(Lines(ProfileText("clamps { knob: 'max_tokens' max: 9 "
                                "mode: CLAMP_MODE_REJECT }")),
              IsEmpty());
}

// A forced knob's default is never used, so nobody is refused for it.
TEST(Validate, TakesAForcedDefaultOutsideARejectClamp) {
  EXPECT_THAT(Lines(ProfileText("default_params { temperature: 2 } "
                                "force_params { temperature: 0.5 } "
                                "clamps { knob: 'temperature' max: 1 "
                                "mode: CLAMP_MODE_REJECT }")),
              IsEmpty());
}

// And a lower default that a phase replaces is not the phase's.
TEST(Validate, TakesAPhaseThatMovesTheDefaultInsideItsRejectClamp) {
  EXPECT_THAT(Lines(ProfileText("default_params { temperature: 2 } " +
                                PhaseText("a", 1,
                                          "default_params { temperature: 1 } "
                                          "clamps { knob: 'temperature' max: 1 "
                                          "mode: CLAMP_MODE_REJECT }"))),
              IsEmpty());
}

TEST(Validate, DoesNotLookAtOutputOnlyFields) {
  EXPECT_THAT(Lines(ProfileText("etag: 'x' revision: '3' source: '" +
                                std::string(20000, 'x') + "'")),
              IsEmpty());
}

TEST(Validate, FindsUnknownFieldsAtEveryDepth) {
  v1::Profile profile = ProfileText(PhaseText(
      "a", 1, "default_params { stop_sequences { tokens: 'abcd' } }"));
  const auto put = [](google::protobuf::Message* message) {
    message->GetReflection()->MutableUnknownFields(message)->AddVarint(999, 1);
  };
  put(&profile);
  put(profile.add_clamps());
  profile.mutable_clamps(0)->set_knob("top_k");
  profile.mutable_clamps(0)->set_max(3);
  profile.mutable_clamps(0)->set_mode(v1::CLAMP_MODE_CLAMP);
  put(profile.mutable_phases(0)->mutable_enter(0));
  put(profile.mutable_phases(0)->mutable_default_params());
  const std::string why = ": a field of this number is unknown to this server";
  v1::SamplingParams* params =
      profile.mutable_phases(0)->mutable_default_params();
  params->mutable_stop_sequences(0)->set_tokens(WriteIds({1}));
  put(params->mutable_stop_sequences(0));
  EXPECT_THAT(
      Lines(profile),
      ElementsAre("999" + why, "clamps[0].999" + why,
                  "phases[0].enter[0].999" + why,
                  "phases[0].default_params.999" + why,
                  "phases[0].default_params.stop_sequences[0].999" + why));
}

TEST(Validate, TellsOfAHostileProfileNoMoreThanAnybodyReads) {
  v1::Profile profile = ProfileText("");
  for (int i = 0; i < 2000; ++i) profile.add_clamps();
  EXPECT_LE(Validate(profile, Limits()).size(), kViolationsMax + 3);
  for (int i = 0; i < 100000; ++i) profile.add_clamps();
  EXPECT_EQ(Validate(profile, Limits()).size(), 1u);
}

TEST(Validate, MakesOneStatusOfAll) {
  const absl::Status status = ToStatus(
      Validate(ProfileText("default_params { top_p: 7 } models: ''"), {}));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "models[0]: 0 bytes are outside [1, 128]");
  const auto payload = status.GetPayload(kBadRequestUrl);
  ASSERT_TRUE(payload.has_value());
  google::rpc::BadRequest bad;
  ASSERT_TRUE(bad.ParseFromString(std::string(*payload)));
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(1).field(), "default_params.top_p");
  EXPECT_EQ(bad.field_violations(1).description(), "7 is outside (0, 1]");
  EXPECT_THAT(ToStatus(Violations()), IsOk());
}

}  // namespace
}  // namespace logitd
