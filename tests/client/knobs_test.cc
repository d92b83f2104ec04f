#include "service/client/logitctl/knobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/client/logitctl/exit_code.h"

namespace logitd::logitctl {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

TEST(Knobs, AllAreFieldsOfTheContractAndTaught) {
  for (const Knob& knob : ScalarKnobs()) {
    v1::SamplingParams params;
    EXPECT_TRUE(SetKnob(knob.field, "1", &params).ok()) << knob.field;
    EXPECT_THAT(knob.help, ContainsRegex("[[(]-?[0-9.]+,[0-9.]+]"));
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
  EXPECT_TRUE(SetKnob("mirostat", "2", &params).ok());  // Not built yet.
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
