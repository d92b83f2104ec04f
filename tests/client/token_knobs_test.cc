#include "service/client/logitctl/token_knobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/vocabulary.h"
#include "service/client/messages.h"

namespace logitd::logitctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TokenKnobs, ResolveWordsAndIds) {
  const Vocabulary vocabulary({"the", "cat", "=", "</s>"}, 3);
  const TokenResolver resolve = [&](absl::string_view token) {
    return vocabulary.Resolve(token);
  };
  TokenTexts texts;
  texts.bias = {"Cat=2.5", "0=-1", "==3"};
  texts.ban = {"the", "9"};
  texts.allow = {"cat"};
  texts.stop_token = {"</s>"};
  texts.stop = {"the cat", " 1 1  1"};
  const auto knobs = ParseTokenKnobs(texts);
  ASSERT_TRUE(knobs.ok()) << knobs.status();
  v1::SamplingParams params;
  ASSERT_TRUE(SetTokenKnobs(*knobs, resolve, &params).ok());
  EXPECT_EQ(params.logit_bias_ids(), client::PackIds({1, 0, 2}));
  EXPECT_THAT(params.logit_bias_values(), ElementsAre(2.5, -1, 3));
  EXPECT_EQ(params.banned_ids(), client::PackIds({0, 9}));
  EXPECT_EQ(params.allowed_ids(), client::PackIds({1}));
  EXPECT_EQ(params.stop_ids(), client::PackIds({3}));
  EXPECT_EQ(params.stop_sequences(0).tokens(), client::PackIds({0, 1}));
  EXPECT_EQ(params.stop_sequences(1).tokens(), client::PackIds({1, 1, 1}));
}

TEST(TokenKnobs, AreCheckedBeforeThereIsAVocabulary) {
  for (const char* bias : {"dog", "5", "=5", "5=", "5=warm", ""}) {
    TokenTexts texts;
    texts.bias = {"the=1", bias};
    const absl::Status status = ParseTokenKnobs(texts).status();
    EXPECT_EQ(ExitCodeOf(status), kUsage) << bias;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(std::string("\"") + bias + "\" is not TOKEN=NUMBER"));
  }
  TokenTexts texts;
  texts.stop = {"the cat", " "};
  EXPECT_EQ(ExitCodeOf(ParseTokenKnobs(texts).status()), kUsage);
}

TEST(TokenKnobs, RefuseWhatDoesNotResolve) {
  TokenKnobs each[5];
  each[0].bias = {{"1", 0}, {"dog", 1}};
  each[1].ban = {"dog"};
  each[2].allow = {"1", "dog"};
  each[3].stop_token = {"dog"};
  each[4].stop = {{"1"}, {"1", "dog"}};
  for (const TokenKnobs& knobs : each) {
    v1::SamplingParams params;
    const absl::Status status = SetTokenKnobs(knobs, ResolveId, &params);
    EXPECT_EQ(ExitCodeOf(status), kUsage);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("\"dog\" is not a token id"));
  }
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

}  // namespace
}  // namespace logitd::logitctl
