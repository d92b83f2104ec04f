// How far back a plan looks: what a history must keep of its tokens.
#include <gtest/gtest.h>

#include <limits>

#include "sampler/plan.h"
#include "sampler/repeat_index.h"

namespace logitd::tests {
namespace {

constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();

uint32_t LookbackOf(const Params& params) {
  return Plan::Compile(params, 100)->lookback();
}

TEST(Lookback, IsTheLastTokenWhereNothingLooks) {
  EXPECT_EQ(LookbackOf(Params()), 1u);
}

TEST(Lookback, IsTheLongestWindow) {
  Params params;
  params.frequency_penalty = 1;
  params.frequency_window = 7;
  EXPECT_EQ(LookbackOf(params), 7u);
  params.presence_penalty = 1;
  params.presence_window = 9;
  EXPECT_EQ(LookbackOf(params), 9u);
  params.repetition_penalty = 1.5;
  params.repetition_window = 5;
  EXPECT_EQ(LookbackOf(params), 9u);
  params.repetition_window.reset();
  EXPECT_EQ(LookbackOf(params), kAll);
}

TEST(Lookback, IsAllForWhatSeesAll) {
  Params prompt, ngrams, dry;
  prompt.prompt_repetition_penalty = 1.5;
  ngrams.no_repeat_ngram = 3;
  dry.dry_multiplier = 1;
  for (const Params& params : {prompt, ngrams, dry}) {
    EXPECT_EQ(LookbackOf(params), kAll);
  }
}

// A breaker may begin before the window, and grams are found by their first.
TEST(Lookback, OfDryIsItsWindowAndTheLongestBreaker) {
  Params params;
  params.dry_multiplier = 1;
  params.dry_window = 50;
  EXPECT_EQ(LookbackOf(params), 50 + RepeatIndex::kGramMax);
  params.dry_breaker_sequences = {{1, 2}, TokenIds(30, 5), {7}};
  EXPECT_EQ(LookbackOf(params), 50u + 30u);
}

TEST(Lookback, OfABudgetIsASectionWithItsEnds) {
  Params params;
  params.thinking_budget = {{8, 1, 1, 1}, {9, 2}, 20, {5, 6}};
  EXPECT_EQ(LookbackOf(params), 20u + 4u + 4u);
}

TEST(Lookback, OfSequencesIsTheLongest) {
  Params params;
  params.stop_sequences = {{1}, TokenIds(11, 2)};
  EXPECT_EQ(LookbackOf(params), 11u);
  params.bad_words = {TokenIds(13, 2), {4}};
  EXPECT_EQ(LookbackOf(params), 13u);
}

}  // namespace
}  // namespace logitd::tests
