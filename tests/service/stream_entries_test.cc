// The entries of a step: rows, masks, modes, and what the reply says of each.
#include <cmath>
#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::IdBytes;
using testing::kVocab;
using testing::OpenSession;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

TEST_F(StreamTest, SharesARowBetweenEntries) {
  v1::SampleRequest request;
  for (uint64_t id = 0; id < 3; ++id) AddOpen(id, kVocab, &request);
  AddEntry(0, 0, RowAt(0), &request);
  v1::Step* step = request.mutable_step();
  for (uint64_t id = 1; id < 3; ++id) {
    step->add_session_id(id);
    step->add_position(0);
  }
  step->mutable_row()->Resize(3, 0);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.token_size(), 3);
  for (const uint32_t token : result.token()) {
    EXPECT_EQ(token, Expected({}, 1)[0]);
  }
}

TEST_F(StreamTest, RunsTheEntriesOfOneSessionInOrder) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddOpen(2, kVocab, &request);
  constexpr uint32_t kCount = 20;
  for (uint32_t i = 0; i < kCount; ++i) {
    AddEntry(1, i, RowAt(i), &request);
    AddEntry(2, i, RowAt(i), &request);
  }
  const v1::StepResult result = stream_.Call(request).step();
  const std::vector<uint32_t> expected = Expected({}, kCount);
  ASSERT_EQ(result.token_size(), 2 * kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(result.token(static_cast<int>(2 * i)), expected[i]);
    EXPECT_EQ(result.token(static_cast<int>(2 * i + 1)), expected[i]);
  }
}

TEST_F(StreamTest, TakesBfloat16RowsAsTheirWidenedValues) {
  std::vector<float> row = RowAt(0);
  std::string halves;
  for (float& value : row) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, 4);
    bits &= 0xFFFF0000u;
    std::memcpy(&value, &bits, 4);
    halves.push_back(static_cast<char>(bits >> 16));
    halves.push_back(static_cast<char>(bits >> 24));
  }
  v1::SampleRequest wide;
  AddOpen(1, kVocab, &wide);
  AddOpen(2, kVocab, &wide);
  AddEntry(1, 0, row, &wide);
  v1::SampleRequest narrow;
  AddEntry(2, 0, row, &narrow);
  narrow.mutable_step()->set_dtype(v1::DTYPE_BFLOAT16);
  narrow.mutable_step()->mutable_logits()->set_inline_(halves);
  v1::StepResult a = stream_.Call(wide).step();
  v1::StepResult b = stream_.Call(narrow).step();
  a.clear_compute_us();
  b.clear_compute_us();
  EXPECT_EQ(a.SerializeAsString(), b.SerializeAsString());
}

TEST_F(StreamTest, AppliesTheMaskOfEachEntry) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddOpen(2, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  v1::Step* step = request.mutable_step();
  // One word per mask: only token 5, only token 31.
  step->mutable_mask_table()->set_inline_(IdBytes({1u << 5, 1u << 31}));
  step->set_mask_words(1);
  step->add_mask_index(1);
  step->add_mask_index(0);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.token(0), 31u);
  EXPECT_EQ(result.token(1), 5u);
}

TEST_F(StreamTest, AppendsAGivenTokenAndReportsRankAndDraw) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddOpen(2, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  v1::Step* step = request.mutable_step();
  step->add_mode(v1::ENTRY_MODE_GIVEN);
  step->add_mode(v1::ENTRY_MODE_SAMPLE);
  step->add_given_token(17);
  step->add_given_token(0);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.token(0), 17u);
  EXPECT_GE(result.rank(0), 1u);
  EXPECT_EQ(result.drawn_token(0), result.token(1));
  EXPECT_EQ(result.rank(1), 0u);
  EXPECT_EQ(result.drawn_token(1), kNoToken);
  EXPECT_EQ(testing::Step(1, 1, &stream_).status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, PeeksWithoutMovingTheSession) {
  OpenSession(1, &stream_);
  v1::SampleRequest peek;
  AddEntry(1, 0, RowAt(0), &peek);
  peek.mutable_step()->add_mode(v1::ENTRY_MODE_PEEK);
  for (int i = 0; i < 2; ++i) {
    const v1::StepResult result = stream_.Call(peek).step();
    EXPECT_EQ(result.status(0), v1::ENTRY_STATUS_PEEKED);
    EXPECT_EQ(result.token(0), Expected({}, 1)[0]);
  }
  EXPECT_EQ(testing::Step(1, 0, &stream_).status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, FillsOnlyTheArraysThatAnEntryAskedFor) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->mutable_report()->set_entropy(true);
  AddOpen(2, kVocab, &request)->mutable_report()->set_final_logprob(false);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.final_logprob_size(), 2);
  EXPECT_LE(result.final_logprob(0), 0.0);
  EXPECT_TRUE(std::isnan(result.final_logprob(1)));
  ASSERT_EQ(result.raw_entropy_size(), 2);
  EXPECT_GT(result.raw_entropy(0), 0.0);
  EXPECT_TRUE(std::isnan(result.final_entropy(1)));
  EXPECT_EQ(result.raw_logprob_size(), 0);
  EXPECT_EQ(result.kept_mass_size(), 0);
  EXPECT_EQ(result.rank_size(), 0);
  EXPECT_EQ(result.flags_size(), 0);
  EXPECT_EQ(result.error_index_size(), 0);
}

TEST_F(StreamTest, ListsTheTopTokensOfTheEntriesThatAsk) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  v1::OpenSession* open = AddOpen(2, kVocab, &request);
  open->mutable_params()->set_top_k(3);
  open->mutable_report()->set_top_n_final(5);
  open->mutable_report()->set_top_n_raw(4);
  AddEntry(1, 0, RowAt(0), &request);
  AddEntry(2, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.top_size(), 1);
  const v1::TopTokens& top = result.top(0);
  EXPECT_EQ(top.entry(), 1u);
  EXPECT_EQ(testing::IdsOf(top.final_ids()).size(), 3u);
  EXPECT_EQ(top.final_logprobs_size(), 3);
  EXPECT_EQ(testing::IdsOf(top.raw_ids()).size(), 4u);
  EXPECT_EQ(testing::IdsOf(top.final_ids())[0],
            testing::IdsOf(top.raw_ids())[0]);
  EXPECT_GE(top.raw_logprobs(0), top.raw_logprobs(3));
}

TEST_F(StreamTest, TellsEqualErrorsOnce) {
  v1::SampleRequest request;
  for (uint64_t id = 0; id < 4; ++id) AddOpen(id, kVocab, &request);
  for (uint64_t id = 0; id < 4; ++id) AddEntry(id, 9, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.errors_size(), 1);
  for (const uint32_t index : result.error_index()) EXPECT_EQ(index, 0u);
}

TEST_F(StreamTest, SkipsRowsOfFinishedAndOfClosedSessions) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request)->mutable_params()->set_max_tokens(1);
  AddOpen(2, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  const v1::StepResult result = stream_.Call(request).step();
  EXPECT_EQ(result.finish_reason(0), v1::FINISH_REASON_MAX_TOKENS);
  v1::SampleRequest late;
  late.add_close()->set_session_id(2);
  AddEntry(1, 1, RowAt(1), &late);
  AddEntry(2, 0, RowAt(0), &late);
  const v1::StepResult skipped = stream_.Call(late).step();
  ASSERT_EQ(skipped.status_size(), 2);
  EXPECT_EQ(skipped.status(0), v1::ENTRY_STATUS_SKIPPED);
  EXPECT_EQ(skipped.status(1), v1::ENTRY_STATUS_SKIPPED);
  EXPECT_EQ(skipped.token(0), kNoToken);
  EXPECT_EQ(skipped.errors_size(), 0);
}

TEST_F(StreamTest, FailsRowsThatHaveNotStartedByTheDeadline) {
  OpenSession(1, &stream_);
  v1::SampleRequest request;
  AddEntry(1, 0, RowAt(0), &request);
  request.mutable_step()->set_timeout_us(1);
  const v1::StepResult result = stream_.Call(request).step();
  ASSERT_EQ(result.errors_size(), 1);
  EXPECT_THAT(StatusOf(result.errors(0)),
              StatusIs(Code::kDeadlineExceeded, "step.timeout_us"));
  request.mutable_step()->set_timeout_us(60'000'000);
  EXPECT_EQ(stream_.Call(request).step().status(0), v1::ENTRY_STATUS_OK);
}

TEST_F(StreamTest, AnswersEmptyRequestsAndEmptySteps) {
  v1::SampleRequest request;
  EXPECT_FALSE(stream_.Call(request).has_step());
  request.mutable_step();
  const v1::SampleResponse reply = stream_.Call(request);
  EXPECT_TRUE(reply.has_step());
  EXPECT_FALSE(reply.has_error());
  EXPECT_EQ(reply.step().token_size(), 0);
}

}  // namespace
}  // namespace logitd
