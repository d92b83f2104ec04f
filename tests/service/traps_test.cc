// What a reply says of log-probabilities: traps of samplers that only the wire
// can show. tests/sampler/traps.tsv has them all.
#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using ::testing::ElementsAre;
using testing::IdsOf;

constexpr double kBanned = -std::numeric_limits<double>::infinity();

// Probabilities .6439 .2369 .0871 .0321 as received.
const std::vector<float> kLadder = {3, 2, 1, 0};

// A request for every number of a row, with lists of `top` tokens.
v1::SampleRequest Ask(const v1::SamplingParams& params, uint32_t top) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, 4, &request);
  *open->mutable_params() = params;
  v1::Report* report = open->mutable_report();
  report->set_raw_logprob(true);
  report->set_tempered_logprob(true);
  report->set_top_n_final(top);
  report->set_top_n_raw(top);
  AddEntry(1, 0, kLadder, &request);
  return request;
}

v1::SampleRequest AskOf(uint32_t token, const v1::SamplingParams& params,
                        uint32_t top) {
  v1::SampleRequest request = Ask(params, top);
  request.mutable_step()->add_mode(v1::ENTRY_MODE_GIVEN);
  request.mutable_step()->add_given_token(token);
  return request;
}

double LogprobOf(double logit, const std::vector<double>& logits) {
  double sum = 0;
  for (const double l : logits) sum += std::exp(l);
  return logit - std::log(sum);
}

// Bias, ban and temperature tell the three apart.
TEST_F(StreamTest, TellsRawTemperedAndFinalLogprobsApart) {
  v1::SamplingParams params;
  params.set_temperature(2);
  params.set_top_k(2);
  params.set_banned_ids(testing::IdBytes({0}));
  const v1::StepResult result = stream_.Call(AskOf(1, params, 4)).step();
  EXPECT_NEAR(result.raw_logprob(0), LogprobOf(2, {3, 2, 1, 0}), 1e-6);
  EXPECT_NEAR(result.tempered_logprob(0), LogprobOf(1, {1, .5, 0}), 1e-6);
  EXPECT_NEAR(result.final_logprob(0), LogprobOf(1, {1, .5}), 1e-6);
  ASSERT_EQ(result.top_size(), 1);
  EXPECT_THAT(IdsOf(result.top(0).raw_ids()), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(IdsOf(result.top(0).final_ids()), ElementsAre(1, 2));
  EXPECT_EQ(result.top(0).raw_logprobs(1), result.raw_logprob(0));
  EXPECT_EQ(result.top(0).final_logprobs(0), result.final_logprob(0));
}

TEST_F(StreamTest, TellsMinusInfinityOfATokenThatWasCutOrBanned) {
  v1::SamplingParams params;
  params.set_top_k(2);
  params.set_banned_ids(testing::IdBytes({3}));
  const v1::StepResult cut = stream_.Call(AskOf(2, params, 4)).step();
  EXPECT_EQ(cut.final_logprob(0), kBanned);
  EXPECT_NEAR(cut.tempered_logprob(0), LogprobOf(1, {3, 2, 1}), 1e-6);
  EXPECT_NEAR(cut.raw_logprob(0), LogprobOf(1, {3, 2, 1, 0}), 1e-6);
  EXPECT_EQ(cut.top(0).final_logprobs_size(), 2) << "lists hold none";
  testing::TestStream other(*server_);
  const v1::StepResult banned = other.Call(AskOf(3, params, 4)).step();
  EXPECT_EQ(banned.final_logprob(0), kBanned);
  EXPECT_EQ(banned.tempered_logprob(0), kBanned);
  EXPECT_NEAR(banned.raw_logprob(0), LogprobOf(0, {3, 2, 1, 0}), 1e-6);
}

// A list of one, and 50 draws of which a third is another token.
TEST_F(StreamTest, TellsTheLogprobOfATokenThatItsTopListLacks) {
  v1::SampleResponse response = stream_.Call(Ask({}, 1));
  int others = 0;
  for (uint32_t position = 0; position < 50; ++position) {
    if (position > 0) {
      v1::SampleRequest request;
      AddEntry(1, position, kLadder, &request);
      response = stream_.Call(request);
    }
    const v1::StepResult& result = response.step();
    const uint32_t token = result.token(0);
    const double expected = LogprobOf(kLadder[token], {3, 2, 1, 0});
    EXPECT_NEAR(result.final_logprob(0), expected, 1e-6);
    EXPECT_NEAR(result.raw_logprob(0), expected, 1e-6);
    ASSERT_EQ(result.top_size(), 1);
    EXPECT_THAT(IdsOf(result.top(0).final_ids()), ElementsAre(0)) << "of one";
    EXPECT_THAT(IdsOf(result.top(0).raw_ids()), ElementsAre(0));
    others += token != 0 ? 1 : 0;
  }
  EXPECT_GT(others, 5);
}

}  // namespace
}  // namespace logitd
