// Verify: tokens against rows, alone and on a stream.
#include "service/verify.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/groups_fixture.h"
#include "tests/service/inquiry_fixture.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using ::testing::ElementsAreArray;
using testing::FloatBytes;
using testing::IdBytes;
using testing::IdsOf;
using testing::kVocab;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

constexpr uint32_t kNone = 0xFFFFFFFF;
using Tokens = std::vector<uint32_t>;

class Verify : public Alone {
 protected:
  Verify() {
    Fill(request_.mutable_open());
    request_.mutable_open()->mutable_report()->set_kept_mass(true);
    params().set_temperature(1.2);
    params().set_top_k(40);
    params().set_repetition_penalty(1.3);
    params().set_min_p(0.02);
  }

  v1::SamplingParams& params() {
    return *request_.mutable_open()->mutable_params();
  }

  // What a session generates when each row follows its last token.
  Tokens Generate(uint32_t count) {
    testing::TestStream stream(server_);
    v1::SampleRequest request;
    *request.add_open() = request_.open();
    request.mutable_open(0)->set_session_id(1);
    Tokens tokens;
    while (tokens.size() < count) {
      const auto position = static_cast<uint32_t>(tokens.size());
      testing::AddEntry(1, position,
                        RowBehind(position, tokens.empty() ? 0 : tokens.back()),
                        &request);
      const v1::StepResult result = stream.Call(request).step();
      EXPECT_EQ(result.token_size(), 1);
      if (result.token_size() != 1) break;
      tokens.push_back(result.token(0));
      request.Clear();
    }
    return tokens;
  }

  // The tokens with their rows, and perhaps the row behind them.
  void Give(const Tokens& tokens, bool one_more = false) {
    std::string rows;
    for (uint32_t i = 0; i < tokens.size() + (one_more ? 1 : 0); ++i) {
      rows += FloatBytes(RowBehind(i, i == 0 ? 0 : tokens[i - 1]));
    }
    request_.mutable_logits()->set_inline_(rows);
    request_.set_dtype(v1::DTYPE_FLOAT32);
    request_.set_tokens(IdBytes(tokens));
    request_.set_row_count(static_cast<uint32_t>(tokens.size()) +
                           (one_more ? 1 : 0));
  }

  v1::VerifyResponse Ask() {
    v1::VerifyResponse answer;
    const absl::Status status = Call(request_, &answer);
    EXPECT_TRUE(status.ok()) << status;
    return answer;
  }
  absl::Status Error() {
    v1::VerifyResponse answer;
    return Call(request_, &answer);
  }

  v1::VerifyRequest request_;
};

TEST_F(Verify, TokensThatFollowAreEqual) {
  const Tokens tokens = Generate(12);
  Give(tokens);
  const v1::VerifyResponse answer = Ask();
  EXPECT_TRUE(answer.equal());
  EXPECT_EQ(answer.first_difference(), 12u);
  EXPECT_THAT(IdsOf(answer.expected_tokens()), ElementsAreArray(tokens));
  ASSERT_EQ(answer.result().kept_mass_size(), 12);
  EXPECT_GT(answer.result().kept_mass(3), 0);
  EXPECT_EQ(answer.opened().seed(), 42u);
  EXPECT_EQ(server_.Metric("logitd_steps_total"), 12);  // those generated
}

TEST_F(Verify, NamesTheFirstThatDiffersAndJudgesTheOthersBehindIt) {
  const Tokens tokens = Generate(9);
  Tokens other = tokens;
  other[4] = (other[4] + 1) % kVocab;
  Give(other);
  const v1::VerifyResponse answer = Ask();
  EXPECT_FALSE(answer.equal());
  EXPECT_EQ(answer.first_difference(), 4u);
  const Tokens expected = IdsOf(answer.expected_tokens());
  ASSERT_EQ(expected.size(), 9u);
  EXPECT_THAT(Tokens(expected.begin(), expected.begin() + 5),
              ElementsAreArray(tokens.begin(), tokens.begin() + 5));
  // Behind the one that differs: as a session that was made to take it.
  v1::OpenSession open = request_.open();
  open.set_generated(IdBytes({other.begin(), other.begin() + 5}));
  EXPECT_EQ(expected[5], Token(open, RowBehind(5, other[4])));
}

TEST_F(Verify, WithARowMoreTellsWhatFollows) {
  const Tokens tokens = Generate(7);
  Give(Tokens(tokens.begin(), tokens.end() - 1), true);
  const v1::VerifyResponse answer = Ask();
  EXPECT_TRUE(answer.equal());
  EXPECT_EQ(answer.first_difference(), 6u);
  EXPECT_THAT(IdsOf(answer.expected_tokens()), ElementsAreArray(tokens));
  EXPECT_EQ(answer.result().status(6), v1::ENTRY_STATUS_PEEKED);
}

// A generation re-run under other parameters parts where one that had them
// would have.
TEST_F(Verify, UnderOtherParametersFindsWhereTheyPart) {
  const Tokens tokens = Generate(40);
  Give(tokens);
  params().set_temperature(0.9);
  const Tokens calmer = Generate(40);
  size_t parts = 0;
  while (parts < 40 && tokens[parts] == calmer[parts]) ++parts;
  ASSERT_LT(parts, 40u);
  const v1::VerifyResponse answer = Ask();
  EXPECT_EQ(answer.first_difference(), parts);
  EXPECT_EQ(IdsOf(answer.expected_tokens())[parts], calmer[parts]);
}

TEST_F(Verify, BehindTheEndOfTheSessionNothingFollows) {
  const Tokens tokens = Generate(6);
  Give(tokens);
  params().set_max_tokens(4);
  const v1::VerifyResponse answer = Ask();
  EXPECT_FALSE(answer.equal());
  EXPECT_EQ(answer.first_difference(), 4u);
  const Tokens expected = IdsOf(answer.expected_tokens());
  EXPECT_EQ(expected[4], kNone);
  EXPECT_EQ(expected[5], kNone);
  EXPECT_EQ(answer.result().finish_reason(3), v1::FINISH_REASON_MAX_TOKENS);
}

// Drafts alone: the step's row groups, with masks, on a session of its own.
TEST_F(Verify, AStepOfRowGroupsVerifiesDrafts) {
  request_.mutable_open()->set_session_id(kDrafted);
  const Tokens tokens = Generate(5);
  const Tokens drafts = {tokens[0], tokens[1], tokens[2], tokens[3]};
  for (const size_t bad : {size_t{4}, size_t{2}, size_t{0}}) {
    Tokens tried = drafts;
    if (bad < 4) tried[bad] = (tried[bad] + 1) % kVocab;
    StepBuilder builder(kDrafted, false);
    std::vector<Node> nodes = {{0, 0}};
    for (uint32_t i = 0; i < tried.size(); ++i) nodes.push_back({i, tried[i]});
    builder.AddGroup(0, 0, nodes, false);
    *request_.mutable_step() = builder.request().step();
    const v1::VerifyResponse answer = Ask();
    EXPECT_EQ(answer.equal(), bad == 4);
    EXPECT_EQ(answer.first_difference(), bad == 4 ? 5u : bad);
    ASSERT_EQ(answer.result().group_size(), 1);
    EXPECT_EQ(answer.result().group(0).accepted(), bad);
    const Tokens expected = IdsOf(answer.expected_tokens());
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(expected[i], i <= bad ? tokens[i] : kNone) << i;
    }
  }
}

TEST_F(Verify, OfDraftsByRejectionAndOfATree) {
  request_.mutable_open()->set_session_id(kDrafted);
  params().Clear();
  StepBuilder rejection(kDrafted, false);
  rejection.AddGroup(0, 0, {{0, 0}, {0, 17}, {1, 18}}, false);
  v1::Step* step = request_.mutable_step();
  *step = rejection.request().step();
  step->add_verify_mode(v1::VERIFY_MODE_REJECTION);
  v1::VerifyResponse answer = Ask();
  EXPECT_EQ(answer.result().group(0).mode(), v1::VERIFY_MODE_REJECTION);
  const uint32_t accepted = answer.result().group(0).accepted();
  EXPECT_EQ(answer.first_difference(), accepted == 2 ? 3 : accepted);

  const uint32_t token = Token(request_.open(), RowBehind(0, 0));
  StepBuilder tree(kDrafted, false);
  tree.AddGroup(0, 0, {{0, 0}, {0, (token + 1) % kVocab}, {0, token}}, true);
  *step = tree.request().step();
  answer = Ask();
  EXPECT_TRUE(answer.equal());
  EXPECT_EQ(IdsOf(answer.expected_tokens())[0], token);
  EXPECT_EQ(IdsOf(answer.expected_tokens())[1], kNone);
  EXPECT_NE(IdsOf(answer.expected_tokens())[2], kNone);
}

TEST_F(Verify, OnAStreamMovesNoSession) {
  const Tokens tokens = Generate(6);
  Give(tokens);
  testing::TestStream stream(server_);
  v1::SampleRequest request;
  *request.add_open() = request_.open();
  request.mutable_open(0)->set_session_id(9);
  *request.add_verify() = request_;
  *request.add_verify() = request_;
  request.mutable_verify(1)->set_tokens(IdBytes({5}));
  for (v1::VerifyRequest& each : *request.mutable_verify()) {
    each.clear_open();
    each.set_session_id(9);
  }
  v1::SampleResponse reply = stream.Call(request);
  ASSERT_EQ(reply.verified_size(), 2);
  EXPECT_FALSE(reply.verified(0).has_error());
  EXPECT_TRUE(reply.verified(0).equal());
  EXPECT_THAT(StatusOf(reply.verified(1).error()),
              StatusIs(Code::kInvalidArgument,
                       "verify[1].row_count: 6 is neither 1 nor one more"));
  EXPECT_FALSE(reply.verified(1).has_result());
  request.Clear();
  testing::AddEntry(9, 0, RowBehind(0, 0), &request);
  reply = stream.Call(request);
  EXPECT_EQ(reply.step().status(0), v1::ENTRY_STATUS_OK);
  EXPECT_EQ(reply.step().token(0), tokens[0]);

  for (int i = 0; i < 17; ++i) request.add_verify()->set_session_id(9);
  EXPECT_THAT(StatusOf(stream.Call(request).error()),
              StatusIs(Code::kResourceExhausted,
                       "verify: 17 elements are more than 16"));
}

TEST_F(Verify, NamesWhatIsWrong) {
  const auto expect = [this](const std::string& message) {
    EXPECT_THAT(Error(), StatusIs(Code::kInvalidArgument, message));
  };
  expect("tokens: required, at least one");
  Give({1, 2, 3});
  request_.set_row_count(5);
  expect("row_count: 5 is neither 3 nor one more");
  request_.set_row_count(4);
  expect("logits: ");
  request_.set_row_count(3);
  request_.set_tokens(IdBytes({1, kVocab, 3}));
  expect("tokens: id 300 at index 1 is outside [0, 300)");
  request_.set_tokens("123");
  expect("tokens: ");
  Give({1, 2, 3});
  request_.set_session_id(4);
  expect("session_id: has a meaning on a stream only");
  request_.clear_session_id();
  request_.clear_dtype();
  expect("dtype: required");
  Give({1, 2, 3});
  request_.mutable_step();
  expect("logits: must not be set beside step");
  request_.clear_logits();
  request_.clear_dtype();
  request_.clear_tokens();
  request_.clear_row_count();
  request_.mutable_step()->add_session_id(5);
  expect("step.session_id: 5 is not the session's 0");
  request_.clear_step();
  Give({1, 2, 3});
  std::vector<float> row = RowBehind(1, 1);
  row[7] = std::nanf("");
  request_.mutable_logits()->set_inline_(FloatBytes(RowBehind(0, 0)) +
                                         FloatBytes(row) +
                                         FloatBytes(RowBehind(2, 2)));
  expect("step.logits: ");
  request_.mutable_open()->set_more(true);
  expect("open.more: must not be set here");
  request_.clear_open();
  expect("open: required");
}

}  // namespace
}  // namespace logitd
