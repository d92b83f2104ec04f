#include "service/client/logitctl/knobs.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"
#include "service/profiles/profile_file.h"

namespace logitd::logitctl {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Knobs, AllAreFieldsOfTheContractAndTaught) {
  for (const Knob& knob : ScalarKnobs()) {
    v1::SamplingParams params;
    EXPECT_TRUE(SetKnob(knob.field, "1", &params).ok()) << knob.field;
    EXPECT_THAT(knob.help, ContainsRegex("[[(]-?[0-9.]+,[0-9.]+[])]"));
  }
}

// A knob of one number that is new in the contract gets a flag.
TEST(Knobs, OfOneNumberAllHaveAFlag) {
  std::set<std::string> flags;
  for (const Knob& knob : ScalarKnobs()) flags.insert(knob.field);
  const auto* type = v1::SamplingParams::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    const auto kind = field->cpp_type();
    const bool is_number =
        kind == google::protobuf::FieldDescriptor::CPPTYPE_DOUBLE ||
        kind == google::protobuf::FieldDescriptor::CPPTYPE_UINT32;
    if (!is_number || field->is_repeated()) continue;
    if (field->name() == "guidance_scale") continue;  // few rows have a second
    EXPECT_EQ(flags.count(field->name()), 1u) << field->name();
  }
}

TEST(Knobs, AreSetByFieldNameOrFlagName) {
  v1::SamplingParams params;
  ASSERT_TRUE(SetKnob("temperature", "0.7", &params).ok());
  ASSERT_TRUE(SetKnob("top-k", "40", &params).ok());
  ASSERT_TRUE(SetKnob("ignore_eos", "true", &params).ok());
  ASSERT_TRUE(SetKnob("on_empty", "error", &params).ok());
  ASSERT_TRUE(SetKnob("on_non_finite", "ON_NON_FINITE_BAN", &params).ok());
  EXPECT_EQ(params.temperature(), 0.7);
  EXPECT_EQ(params.top_k(), 40);
  EXPECT_TRUE(params.ignore_eos());
  EXPECT_EQ(params.on_empty(), v1::ON_EMPTY_ERROR);
  EXPECT_EQ(params.on_non_finite(), v1::ON_NON_FINITE_BAN);
  EXPECT_EQ(FlagOf("top_k"), "--top-k");
}

TEST(Knobs, ZeroIsNotAbsent) {
  v1::SamplingParams params;
  ASSERT_TRUE(SetKnob("temperature", "0", &params).ok());
  EXPECT_TRUE(params.has_temperature());
  EXPECT_FALSE(params.has_top_p());
}

TEST(Knobs, LeaveTheJudgementOfValuesToTheServer) {
  v1::SamplingParams params;
  EXPECT_TRUE(SetKnob("top_p", "1.5", &params).ok());
  EXPECT_TRUE(SetKnob("mirostat", "9", &params).ok());
}

// One word for one value, on the command line and in files.
TEST(Knobs, TakeWhatAProfileFileTakes) {
  const std::pair<const char*, const char*> values[] = {
      {"temperature", "1"},      {"temperature", "1e-3"},
      {"temperature", "+.5"},    {"temperature", "0x1p1"},
      {"temperature", "010"},    {"temperature", "nan"},
      {"temperature", "-.inf"},  {"temperature", "null"},
      {"temperature", "1_000"},  {"top_k", "40"},
      {"top_k", "010"},          {"top_k", "0x10"},
      {"top_k", "4e1"},          {"top_k", "4294967296"},
      {"ban_eos", "true"},       {"ban_eos", "yes"},
      {"ban_eos", "True"},       {"ban_eos", "1"},
      {"on_empty", "2"},         {"on_empty", "ON_EMPTY_ERROR"},
      {"on_empty", "ON_EMPTYY"},
  };
  for (const auto& [name, value] : values) {
    v1::SamplingParams params;
    const absl::Status status = SetKnob(name, value, &params);
    const auto profile = ParseProfile(
        absl::StrCat("default_params:\n  ", name, ": ", value), "p");
    EXPECT_EQ(status.ok(), profile.ok()) << name << " " << value << status;
    if (profile.ok()) {
      EXPECT_EQ(params.SerializeAsString(),
                profile->default_params().SerializeAsString());
    } else {
      EXPECT_EQ(absl::StrCat("default_params.", status.message(), " (line 2)"),
                profile.status().message());
    }
  }
}

// What a reader of files would take for more than one value.
TEST(Knobs, AreNoPlaceForMoreYaml) {
  for (const char* value :
       {"1, top_p: 1", "1}", "1 # a", "[1]", "&a 1", "\"1", "!!float 1",
        "1\ntop_p: 1", "*a", "-", "?", "\xff"}) {
    v1::SamplingParams params;
    const absl::Status status = SetKnob("temperature", value, &params);
    EXPECT_EQ(ExitCodeOf(status), kUsage) << value;
    EXPECT_THAT(
        std::string(status.message()),
        AllOf(StartsWith("temperature: "), HasSubstr("is not a number")));
  }
}

TEST(Knobs, AreFoundByTheNearestName) {
  v1::SamplingParams params;
  EXPECT_THAT(std::string(SetKnob("temprature", "1", &params).message()),
              HasSubstr("the nearest is temperature"));
  EXPECT_THAT(std::string(SetKnob("frequencypenalty", "1", &params).message()),
              HasSubstr("the nearest is frequency_penalty"));
  EXPECT_THAT(std::string(SetKnob("zzzzzz", "1", &params).message()),
              HasSubstr("there are temperature, "));
}

TEST(Knobs, AreClearedAndTheBiasAsOne) {
  v1::SamplingParams params;
  params.set_temperature(0);
  params.set_top_p(0.5);
  params.set_logit_bias_ids("abcd");
  params.add_logit_bias_values(1);
  EXPECT_TRUE(ClearKnob("temperature", &params).ok());
  EXPECT_TRUE(ClearKnob("logit-bias-values", &params).ok());
  EXPECT_EQ(ExitCodeOf(ClearKnob("top_", &params)), kUsage);
  v1::SamplingParams left;
  left.set_top_p(0.5);
  EXPECT_EQ(params.SerializeAsString(), left.SerializeAsString());
}

TEST(Knobs, RefuseWhatCannotBeAValue) {
  const std::pair<const char*, const char*> wrong[] = {
      {"temperature", "warm"},  {"temperature", ""},  {"top_k", "1.5"},
      {"top_k", "-1"},          {"ban_eos", "maybe"}, {"on_empty", "panic"},
      {"banned_ids", "5"},      {"steps", "top_k"},   {"heat", "1"},
      {"thinking_budget", "3"},
  };
  for (const auto& [name, value] : wrong) {
    v1::SamplingParams params;
    const absl::Status status = SetKnob(name, value, &params);
    EXPECT_EQ(ExitCodeOf(status), kUsage) << name;
    EXPECT_THAT(status.message(), HasSubstr(name));
    EXPECT_EQ(params.ByteSizeLong(), 0) << name;
  }
}

TEST(Knobs, AreSetFromAssignments) {
  v1::SamplingParams params;
  ASSERT_TRUE(SetKnobFrom("typical_p=0.9", &params).ok());
  EXPECT_EQ(params.typical_p(), 0.9);
  EXPECT_EQ(ExitCodeOf(SetKnobFrom("typical_p", &params)), kUsage);
}

}  // namespace
}  // namespace logitd::logitctl
