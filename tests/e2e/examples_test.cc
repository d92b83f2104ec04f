// The worked examples of the field's teaching, through a running server: each
// printed digit. A probability is exp of a reported final log-probability.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/e2e/processes.h"
#include "tests/support/rows.h"

namespace logitd {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::Matcher;

using Numbers = std::vector<double>;
using Ids = std::vector<uint32_t>;
using Logits = std::vector<float>;

// Logits with these probabilities.
Logits LogitsOf(const Numbers& masses) {
  Logits logits;
  for (const double mass : masses) {
    logits.push_back(static_cast<float>(std::log(mass)));
  }
  return logits;
}

// Numbers printed with four digits: half a unit of the last one.
Matcher<Numbers> AreAsPrinted(const Numbers& printed) {
  std::vector<Matcher<double>> each;
  each.reserve(printed.size());
  for (const double number : printed) {
    each.push_back(DoubleNear(number, .5e-4));
  }
  return ElementsAreArray(each);
}

struct Answer {
  uint32_t token = client::kNone;
  uint32_t kept = 0;
  double kept_mass = 0;
  Ids ids;
  Numbers probabilities;
};

Answer ReadAnswer(const v1::StepResult& result) {
  Answer answer;
  answer.token = result.token(0);
  answer.kept = result.kept(0);
  answer.kept_mass = result.kept_mass(0);
  const auto ids = client::UnpackIds(result.top(0).final_ids());
  EXPECT_TRUE(ids.ok());
  answer.ids = *ids;
  for (const double logprob : result.top(0).final_logprobs()) {
    answer.probabilities.push_back(std::exp(logprob));
  }
  return answer;
}

class WorkedExamples : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TempFolder;
    server_ = new testing::Logitd(*folder_, "2");
    ASSERT_TRUE(server_->Serves()) << server_->process().Errors();
  }
  static void TearDownTestSuite() {
    delete server_;
    delete folder_;
  }

  // What the server says of this row, with the best eight tokens.
  static Answer Ask(const Logits& logits, const v1::SamplingParams& params,
                    uint64_t seed = 1) {
    v1::SampleOnceRequest request;
    *request.mutable_open() =
        client::MakeOpen(0, static_cast<uint32_t>(logits.size()), params, seed);
    request.mutable_open()->mutable_report()->set_top_n_final(8);
    request.mutable_open()->mutable_report()->set_kept_mass(true);
    v1::Step row;
    EXPECT_TRUE(
        client::SetRows(logits, static_cast<uint32_t>(logits.size()), &row)
            .ok());
    *request.mutable_logits() = row.logits();
    request.set_dtype(row.dtype());
    const auto reply = server_->Connect().SampleOnce(request);
    EXPECT_TRUE(reply.ok()) << reply.status().ToString();
    return reply.ok() ? ReadAnswer(reply->result()) : Answer();
  }

  static Answer AtTopP(const Logits& logits, double top_p) {
    v1::SamplingParams params;
    params.set_top_p(top_p);
    return Ask(logits, params);
  }
  static Answer AtTemperature(const Logits& logits, double temperature) {
    v1::SamplingParams params;
    params.set_temperature(temperature);
    return Ask(logits, params);
  }

  static testing::TempFolder* folder_;
  static testing::Logitd* server_;
  const Numbers eight_ = {.50, .20, .12, .08, .04, .03, .02, .01};
  const Numbers four_ = {.70, .20, .08, .02};
  const Logits sharp_ = {12.3F, 7.0F, 6.5F, 6.2F, 5.9F, -2.1F};
};

testing::TempFolder* WorkedExamples::folder_ = nullptr;
testing::Logitd* WorkedExamples::server_ = nullptr;

// Narrowed to fp32 the eight masses sum to .90 only nearly. A fourth logit that
// is 1e-6 larger puts four of them above it.
TEST_F(WorkedExamples, TopPNinetyKeepsFourOfEightWhenTheirMassReachesNinety) {
  Logits logits = LogitsOf(eight_);
  logits[3] += 1e-6F;
  const Answer answer = AtTopP(logits, .90);
  EXPECT_EQ(answer.kept, 4u);
  EXPECT_THAT(answer.ids, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(answer.probabilities, AreAsPrinted({.5556, .2222, .1333, .0889}));
  EXPECT_NEAR(answer.kept_mass, .90, 1e-6);
}

TEST_F(WorkedExamples, ATopPJustAboveNinetyKeepsFiveOfEight) {
  Logits logits = LogitsOf(eight_);
  logits[3] += 1e-6F;
  EXPECT_EQ(AtTopP(logits, .90001).kept, 5u);
  logits[3] -= 1e-5F;  // And so does a mass just below.
  const Answer answer = AtTopP(logits, .90);
  EXPECT_EQ(answer.kept, 5u);
  EXPECT_NEAR(answer.kept_mass, .94, 1e-5);
}

TEST_F(WorkedExamples, AnExactTieWithTopPIsEnough) {
  const Logits quarters(4, 1.5F);
  EXPECT_EQ(AtTopP(quarters, .5).kept, 2u);
  EXPECT_EQ(AtTopP(quarters, std::nextafter(.5, 1)).kept, 3u);
}

TEST_F(WorkedExamples, TemperatureOneHalfSharpens) {
  EXPECT_THAT(AtTemperature(LogitsOf(four_), .5).probabilities,
              AreAsPrinted({.9128, .0745, .0119, .0007}));
}

TEST_F(WorkedExamples, TemperatureOneAndAHalfFlattens) {
  EXPECT_THAT(AtTemperature(LogitsOf(four_), 1.5).probabilities,
              AreAsPrinted({.5673, .2461, .1336, .0530}));
}

TEST_F(WorkedExamples, TemperatureOneChangesNothing) {
  EXPECT_THAT(AtTemperature(LogitsOf(four_), 1).probabilities,
              AreAsPrinted({.7, .2, .08, .02}));
}

// Dividing probabilities by T and normalising them would change nothing.
TEST_F(WorkedExamples, TemperatureDividesLogitsNotProbabilities) {
  const Logits logits = LogitsOf(four_);
  Numbers expected;
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit / 2.0);
  for (const float logit : logits) {
    expected.push_back(std::exp(logit / 2.0) / sum);
  }
  const Answer answer = AtTemperature(logits, 2);
  EXPECT_THAT(answer.probabilities, AreAsPrinted(expected));
  EXPECT_GT(std::abs(answer.probabilities[0] - four_[0]), .1);
}

TEST_F(WorkedExamples, ASharpRowKeepsOneTokenAtTopPNinety) {
  const Answer answer = AtTopP(sharp_, .90);
  EXPECT_THAT(answer.ids, ElementsAre(0));
  EXPECT_THAT(answer.probabilities, ElementsAre(1));
}

TEST_F(WorkedExamples, ASharpRowKeepsTwoTokensAtTopPNinetyNine) {
  EXPECT_THAT(AtTopP(sharp_, .99).ids, ElementsAre(0, 1));
}

TEST_F(WorkedExamples, TheTokenThatCrossesTopPStays) {
  const Logits logits = LogitsOf(eight_);
  EXPECT_THAT(AtTopP(logits, .60).ids, ElementsAre(0, 1));
  EXPECT_THAT(AtTopP(logits, .10).ids, ElementsAre(0));
  EXPECT_THAT(AtTopP(logits, .75).ids, ElementsAre(0, 1, 2));
}

TEST_F(WorkedExamples, GreedyAndTopKOneChooseTheLargestLogitWithAnySeed) {
  v1::SamplingParams greedy;
  greedy.set_temperature(0);
  v1::SamplingParams one;
  one.set_top_k(1);
  tests::Dice dice(5);
  for (uint64_t seed = 0; seed < 32; ++seed) {
    Logits logits(300);
    for (float& logit : logits) logit = 3 * dice.Normal();
    const auto best = std::max_element(logits.begin(), logits.end());
    const auto expected = static_cast<uint32_t>(best - logits.begin());
    EXPECT_EQ(Ask(logits, greedy, seed).token, expected);
    EXPECT_EQ(Ask(logits, one, seed).token, expected);
  }
}

TEST_F(WorkedExamples, AmongEqualLogitsGreedyAndTopKOneChooseTheLowestId) {
  const Logits logits = {1, 4, 2, 4, 4};
  v1::SamplingParams one;
  one.set_top_k(1);
  EXPECT_EQ(AtTemperature(logits, 0).token, 1u);
  EXPECT_EQ(Ask(logits, one).token, 1u);
}

}  // namespace
}  // namespace logitd
