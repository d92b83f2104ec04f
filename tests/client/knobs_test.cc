#include "service/client/logitctl/knobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/vocabulary.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
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

TEST(TokenKnobs, ResolveWordsAndIds) {
  const Vocabulary vocabulary({"the", "cat", "=", "</s>"}, 3);
  const TokenResolver resolve = [&](absl::string_view token) {
    return vocabulary.Resolve(token);
  };
  TokenKnobs knobs;
  knobs.bias = {"Cat=2.5", "0=-1", "==3"};
  knobs.ban = {"the", "9"};
  knobs.allow = {"cat"};
  knobs.stop_token = {"</s>"};
  knobs.stop = {"the cat", "1 1 1"};
  v1::SamplingParams params;
  ASSERT_TRUE(SetTokenKnobs(knobs, resolve, &params).ok());
  EXPECT_EQ(params.logit_bias_ids(), client::PackIds({1, 0, 2}));
  EXPECT_THAT(params.logit_bias_values(), ElementsAre(2.5, -1, 3));
  EXPECT_EQ(params.banned_ids(), client::PackIds({0, 9}));
  EXPECT_EQ(params.allowed_ids(), client::PackIds({1}));
  EXPECT_EQ(params.stop_ids(), client::PackIds({3}));
  EXPECT_EQ(params.stop_sequences(0).tokens(), client::PackIds({0, 1}));
  EXPECT_EQ(params.stop_sequences(1).tokens(), client::PackIds({1, 1, 1}));
}

TEST(TokenKnobs, RefuseWhatDoesNotResolve) {
  v1::SamplingParams params;
  TokenKnobs knobs;
  knobs.ban = {"dog"};
  absl::Status status = SetTokenKnobs(knobs, ResolveId, &params);
  EXPECT_EQ(ExitCodeOf(status), kUsage);
  EXPECT_THAT(status.message(), HasSubstr("\"dog\" is not a token id"));
  for (const char* bias : {"dog", "5", "=5", "5=", "5=warm"}) {
    knobs = {};
    knobs.bias = {bias};
    EXPECT_EQ(ExitCodeOf(SetTokenKnobs(knobs, ResolveId, &params)), kUsage)
        << bias;
  }
  knobs = {};
  knobs.stop = {" "};
  EXPECT_EQ(ExitCodeOf(SetTokenKnobs(knobs, ResolveId, &params)), kUsage);
}

TEST(TokenKnobs, ChangeNothingWhenEmpty) {
  v1::SamplingParams params;
  ASSERT_TRUE(SetTokenKnobs({}, ResolveId, &params).ok());
  EXPECT_EQ(params.ByteSizeLong(), 0);
}

TEST(ResolveId, TakesDigitsThatFit) {
  EXPECT_EQ(*ResolveId("4294967294"), 4294967294);
  for (const char* token : {"", "-1", "1.5", " 1", "4294967296", "0x10"}) {
    EXPECT_FALSE(ResolveId(token).ok()) << token;
  }
}

TEST(Vocabulary, PrefersAWordToAnId) {
  const Vocabulary vocabulary({"zero", "7", "</s>"}, 2);
  EXPECT_EQ(*vocabulary.Resolve("7"), 1);
  EXPECT_EQ(*vocabulary.Resolve("5"), 5);  // The server says it is too large.
  EXPECT_EQ(ExitCodeOf(vocabulary.Resolve("eleven").status()), kUsage);
  EXPECT_EQ(vocabulary.Word(0), "zero");
  EXPECT_EQ(vocabulary.Word(5), "#5");
}

TEST(TextWriter, WritesSentencesOnLinesOfTheirOwn) {
  const Vocabulary vocabulary({"a", "b", "</s>"}, 2);
  EXPECT_EQ(TextOf(vocabulary, {0, 1, 2, 1, 0, 2}), "a b\nb a");
  EXPECT_EQ(TextOf(vocabulary, {2}), "");
  EXPECT_EQ(TextOf(vocabulary, {}), "");
  TextWriter writer(&vocabulary);
  EXPECT_EQ(writer.Next(0), "a");
  EXPECT_EQ(writer.Next(0), " a");
}

}  // namespace
}  // namespace logitd::logitctl
