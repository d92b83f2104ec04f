// What looks at prompt and output: traps of samplers, traps.tsv has them all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

using ::testing::ElementsAre;

// Four equal logits of 2. Said: 0 by the prompt alone, 1 by the output alone, 2
// by both, and 3 by nobody. By how much each is below 3 then.
class PenaltyCounts : public Sampling {
 protected:
  std::vector<double> Lowered(Params params, Dialect dialect) {
    params.dialect = dialect;
    Case c = Question({2, 2, 2, 2}, params);
    c.prompt = {0, 2, 0, 2, 2};
    c.output = {1, 2, 2};
    c.at.position = 8;
    const Outcome outcome = Ask(c);
    std::vector<double> lowered;
    for (const uint32_t id : {0u, 1u, 2u}) {
      lowered.push_back(
          std::log(ProbabilityOf(outcome, 3) / ProbabilityOf(outcome, id)));
    }
    return lowered;
  }
};

TEST_P(PenaltyCounts, FrequencyAndPresenceSeeTheOutputAlone) {
  Params frequency, presence;
  frequency.frequency_penalty = .25;
  presence.presence_penalty = .5;
  for (const Dialect dialect : {Dialect::kLogitd, Dialect::kVllm}) {
    EXPECT_THAT(Lowered(frequency, dialect), AreAbout({0, .25, .5}));
    EXPECT_THAT(Lowered(presence, dialect), AreAbout({0, .5, .5}));
  }
}

TEST_P(PenaltyCounts, RepetitionSeesPromptAndOutputOnce) {
  Params params;
  params.repetition_penalty = 2;
  EXPECT_THAT(Lowered(params, Dialect::kLogitd), AreAbout({1, 1, 1}));
}

TEST_P(PenaltyCounts, PromptRepetitionSeesThePromptAlone) {
  Params params;
  params.prompt_repetition_penalty = 2;
  EXPECT_THAT(Lowered(params, Dialect::kLogitd), AreAbout({1, 0, 1}));
}

TEST_P(PenaltyCounts, DifferWhereTheDialectSaysSo) {
  Params frequency, presence, repetition;
  frequency.frequency_penalty = .25;
  presence.presence_penalty = .5;
  repetition.repetition_penalty = 2;
  EXPECT_THAT(Lowered(frequency, Dialect::kLlamaCpp),
              AreAbout({.5, .25, 1.25}));
  EXPECT_THAT(Lowered(presence, Dialect::kLlamaCpp), AreAbout({.5, .5, .5}));
  EXPECT_THAT(Lowered(repetition, Dialect::kSglang), AreAbout({0, 1, 1}));
}

LOGITD_ON_EACH_TARGET(PenaltyCounts);

class PastTraps : public Sampling {};

TEST_P(PastTraps, BadWordsMatchTheOutputOnly) {
  Case c = Question({1, 2, 3});
  c.params.bad_words = {{0, 2}};
  c.prompt = {0};
  EXPECT_EQ(Ask(c).kept, 3u) << "the prompt";
  c.output = {0};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 0));
  c.output = {0, 1};
  EXPECT_EQ(Ask(c).kept, 3u) << "no longer the last";
}

TEST_P(PastTraps, BadWordsBanTokenZeroLikeAnyOther) {
  Case c = Question({3, 2, 1});
  c.params.bad_words = {{0}};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2));
  c.params.bad_words = {{1, 0}};
  EXPECT_EQ(Ask(c).kept, 3u);
  c.output = {1};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2));
}

TEST_P(PastTraps, MinTokensEndsWithTheTokenThatReachesIt) {
  Case c = Question({3, 2, 1});
  c.params.eos_ids = {0};
  c.params.min_tokens = 2;
  c.prompt = {1, 2, 1};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2));
  c.output = {1};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2));
  c.output = {1, 2};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(0, 1, 2));
}

TEST_P(PastTraps, DrySaturatesAndNoMatchCrossesABreaker) {
  Case c = Question({0, 0, 0, 0});
  c.params.dry_multiplier = 100;
  c.params.dry_base = 10;
  c.output = TokenIds(500, 1);
  const Outcome outcome = Ask(c);
  EXPECT_EQ(outcome.kept, 4u) << "punished without end, not banned";
  EXPECT_NEAR(ProbabilityOf(outcome, 0), 1.0 / 3, 1e-6);
  EXPECT_FALSE(std::isnan(outcome.final_logprob));
  // 1 2 3 1 2: the 3 comes next; a breaker within the match leaves none.
  c.output = {1, 2, 3, 1, 2};
  EXPECT_LT(ProbabilityOf(Ask(c), 3), 1e-9);
  c.params.dry_breaker_ids = {1};
  EXPECT_NEAR(ProbabilityOf(Ask(c), 3), .25, 1e-6) << "a match of 1 is left";
  c.params.dry_breaker_ids.clear();
  c.params.dry_breaker_sequences = {{1, 2}};
  EXPECT_NEAR(ProbabilityOf(Ask(c), 3), .25, 1e-6) << "and here none";
}

TEST_P(PastTraps, DryWithoutAWindowSeesTheWholeHistory) {
  Case c = Question(std::vector<float>(2000, 0));
  c.params.dry_multiplier = 100;
  c.prompt = {7, 8, 9};
  for (uint32_t id = 100; id < 1600; ++id) c.prompt.push_back(id);
  c.output = {7, 8};
  EXPECT_LT(ProbabilityOf(Ask(c), 9), 1e-9);
  c.params.dry_window = 1504;  // without the first 7
  EXPECT_GT(ProbabilityOf(Ask(c), 9), 1e-5);
  c.params.dry_window = 1505;
  EXPECT_LT(ProbabilityOf(Ask(c), 9), 1e-9);
}

TEST_P(PastTraps, NoRepeatNgramOfOneBansAllSeenAndALongerOneNothingTooEarly) {
  Case c = Question({4, 3, 2, 1, 0});
  c.params.no_repeat_ngram = 1;
  EXPECT_EQ(Ask(c).kept, 5u);
  c.prompt = {1, 1};
  c.output = {3};
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(0, 2, 4));
  c.params.no_repeat_ngram = 4;
  EXPECT_EQ(Ask(c).kept, 5u) << "three tokens make no four";
  c.output = {1, 1};  // 1 1 1 1: the next would be the second four
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(0, 2, 3, 4));
}

LOGITD_ON_EACH_TARGET(PastTraps);

}  // namespace
}  // namespace logitd::tests
