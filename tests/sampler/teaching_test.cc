// The worked examples of the field's teaching, digit for digit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

class Teaching : public Sampling {};

const std::vector<double> kNucleus = {.50, .20, .12, .08, .04, .03, .02, .01};
const std::vector<double> kFour = {.70, .20, .08, .02};
const std::vector<float> kSteps = {4, 3, 2, 1, 0, -1};

// One step of 1e-6 decides on which side of .90 four tokens lie.
TEST_P(Teaching, TopPNinetyKeepsFourOfTheTextbookMassesWhenTheyReachIt) {
  std::vector<float> logits = LogitsOf(kNucleus);
  logits[3] += 1e-6f;
  Params params;
  params.top_p = .90;
  const Outcome outcome = Ask(logits, params);
  EXPECT_THAT(KeptIds(outcome), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Probabilities(outcome), AreAbout({.5556, .2222, .1333, .0889}));
  EXPECT_NEAR(outcome.kept_mass, .90, 1e-6);
}

TEST_P(Teaching, TopPNinetyKeepsAFifthOfThemWhenFourFallShortOfIt) {
  std::vector<float> logits = LogitsOf(kNucleus);
  logits[3] -= 1e-5f;
  Params params;
  params.top_p = .90;
  const Outcome outcome = Ask(logits, params);
  EXPECT_THAT(KeptIds(outcome), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_NEAR(outcome.kept_mass, .94, 1e-5);
}

TEST_P(Teaching, APrefixWhoseMassIsExactlyTopPIsEnough) {
  const std::vector<float> four(4, 1.5f);  // a quarter each, exactly
  Params params;
  params.top_p = .5;
  EXPECT_THAT(KeptIds(Ask(four, params)), ElementsAre(0, 1));
  params.top_p = .75;
  EXPECT_THAT(KeptIds(Ask(four, params)), ElementsAre(0, 1, 2));
  params.top_p = std::nextafter(.5, 1);
  EXPECT_THAT(KeptIds(Ask(four, params)), ElementsAre(0, 1, 2));
  params.top_p = std::nextafter(.5, 0);
  EXPECT_THAT(KeptIds(Ask(four, params)), ElementsAre(0, 1));
}

TEST_P(Teaching, TheTokenThatCrossesTopPStays) {
  Params params;
  params.top_p = .6;  // .50 is short of it, .50 + .20 is beyond
  EXPECT_THAT(KeptIds(Ask(LogitsOf(kNucleus), params)), ElementsAre(0, 1));
  params.top_p = .1;  // the first token crosses alone
  EXPECT_THAT(KeptIds(Ask(LogitsOf(kNucleus), params)), ElementsAre(0));
}

TEST_P(Teaching, ATinyTopPKeepsTheBestToken) {
  Params params;
  params.top_p = 5e-324;
  EXPECT_THAT(KeptIds(Ask(LogitsOf(kNucleus), params)), ElementsAre(0));
}

TEST_P(Teaching, AHalfTemperatureSharpensSeventyTwentyEightTwo) {
  Params params;
  params.temperature = .5;
  EXPECT_THAT(Probabilities(Ask(LogitsOf(kFour), params)),
              AreAbout({.9128, .0745, .0119, .0007}));
}

TEST_P(Teaching, ATemperatureOfOneAndAHalfFlattensSeventyTwentyEightTwo) {
  Params params;
  params.temperature = 1.5;
  EXPECT_THAT(Probabilities(Ask(LogitsOf(kFour), params)),
              AreAbout({.5673, .2461, .1336, .0530}));
}

TEST_P(Teaching, TemperatureDividesLogitsNotProbabilities) {
  Params params;
  params.temperature = 2;
  const std::vector<double> got = Probabilities(Ask(LogitsOf(kFour), params));
  // Dividing probabilities would leave .70 .20 .08 .02 after normalising.
  double sum = 0;
  for (double p : kFour) sum += std::sqrt(p);
  for (size_t i = 0; i < kFour.size(); ++i) {
    EXPECT_NEAR(got[i], std::sqrt(kFour[i]) / sum, 1e-6);
    EXPECT_GT(std::abs(got[i] - kFour[i]), .01);
  }
}

TEST_P(Teaching, ASharpRowKeepsOneTokenAtTopPNinetyAndTwoAtNinetyNine) {
  const std::vector<float> sharp = {12.3f, 7.0f, 6.5f, 6.2f, 5.9f, -2.1f};
  Params params;
  params.top_p = .90;
  EXPECT_THAT(KeptIds(Ask(sharp, params)), ElementsAre(0));
  params.top_p = .99;
  EXPECT_THAT(KeptIds(Ask(sharp, params)), ElementsAre(0, 1));
}

TEST_P(Teaching, GreedyAndTopKOneChooseTheSameTokenOnEveryRow) {
  Dice dice(1);
  for (int i = 0; i < 400; ++i) {
    const Shape shape = static_cast<Shape>(i % kShapeCount);
    const std::vector<float> logits =
        MakeRow(shape, dice.OneOf(SmallVocabularies()), dice.Next());
    Case greedy = Question(logits);
    greedy.params.temperature = 0;
    Case one = Question(logits);
    one.params.top_k = 1;
    one.at.position = static_cast<uint32_t>(i);
    const uint32_t best = static_cast<uint32_t>(
        std::max_element(logits.begin(), logits.end()) - logits.begin());
    EXPECT_EQ(Ask(greedy).token, best) << Name(shape);
    EXPECT_EQ(Ask(one).token, best) << Name(shape);
  }
}

TEST_P(Teaching, TheSoftmaxOfFourToMinusOneAndItsEntropyAreThoseOfTheBook) {
  const Outcome outcome = Ask(kSteps);
  EXPECT_THAT(
      Probabilities(outcome),
      ElementsAre(DoubleNear(.633691, 1e-6), DoubleNear(.233122, 1e-6),
                  DoubleNear(.085761, 1e-6), DoubleNear(.031550, 1e-6),
                  DoubleNear(.011606, 1e-6), DoubleNear(.004270, 1e-6)));
  EXPECT_NEAR(outcome.final_entropy, 1.023261, 1e-6);
  EXPECT_NEAR(outcome.raw_entropy, 1.023261, 1e-6);
}

TEST_P(Teaching, TemperatureComesBeforeMinP) {
  Params params;
  params.temperature = 2;
  params.min_p = .1;
  const Outcome outcome = Ask(kSteps, params);
  EXPECT_THAT(KeptIds(outcome), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(Probabilities(outcome),
              AreAbout({.4287, .2600, .1577, .0956, .0580}));
}

TEST_P(Teaching, TemperatureComesBeforeTopP) {
  Params params;
  params.temperature = 2;
  params.top_p = .9;
  const Outcome outcome = Ask(kSteps, params);
  EXPECT_THAT(KeptIds(outcome), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Probabilities(outcome), AreAbout({.4551, .2760, .1674, .1015}));
}

TEST_P(Teaching, TopPCountsTheMassThatTopKLeft) {
  Params params;
  params.top_k = 3;
  params.top_p = .9;
  const Outcome outcome = Ask(kSteps, params);
  EXPECT_THAT(KeptIds(outcome), ElementsAre(0, 1));
  EXPECT_THAT(Probabilities(outcome), AreAbout({.7311, .2689}));
}

TEST_P(Teaching, MinPOnTheBooksRowKeepsWhatIsATenthAsProbableAsTheBest) {
  Params params;
  params.min_p = .1;
  EXPECT_THAT(KeptIds(Ask(kSteps, params)), ElementsAre(0, 1, 2));
}

// What a penalised logit became, by its odds against a logit of 0.
double LogOdds(const Outcome& outcome) {
  return std::log(ProbabilityOf(outcome, 0) / ProbabilityOf(outcome, 1));
}

TEST_P(Teaching, RepetitionComesBeforePresence) {
  Params params;
  params.repetition_penalty = 1.2;
  params.presence_penalty = .5;
  const std::vector<std::pair<float, double>> logit_and_result = {
      {1.0f, .3333}, {.4f, -.1667}, {-1.0f, -1.7}};
  for (const auto& [logit, result] : logit_and_result) {
    Case c = Question({logit, 0}, params);
    c.output = {0};
    EXPECT_NEAR(LogOdds(Ask(c)), result, 1e-4) << logit;
  }
}

LOGITD_ON_EACH_TARGET(Teaching);

}  // namespace
}  // namespace logitd::tests
