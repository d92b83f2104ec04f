// Forced tokens and spent thinking budgets, as a client sees them.
#include "gtest/gtest.h"
#include "tests/service/stream_fixture.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::IdBytes;
using testing::kVocab;
using testing::RowAt;
using testing::StatusIs;
using testing::StatusOf;
using Code = absl::StatusCode;

TEST_F(StreamTest, TellsWhichTokensWereForcedAndWhatOverruledThem) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
  params->set_forced_tokens(IdBytes({8, 6}));
  v1::ThinkingBudget* budget = params->mutable_thinking_budget();
  budget->set_start(IdBytes({8}));
  budget->set_end(IdBytes({9}));
  budget->set_max_tokens(1);
  budget->set_message(IdBytes({5, 4}));
  params->set_banned_ids(IdBytes({4}));
  for (uint32_t i = 0; i < 5; ++i) AddEntry(1, i, RowAt(i), &request);
  const v1::SampleResponse reply = stream_.Call(request);
  ASSERT_FALSE(reply.opened(0).has_error()) << reply.DebugString();
  EXPECT_EQ(reply.opened(0).resolved().thinking_budget().message(),
            IdBytes({5, 4}));
  EXPECT_EQ(reply.opened(0).history_needed(), v1::HISTORY_NEEDED_PROMPT);
  const v1::StepResult& step = reply.step();
  ASSERT_EQ(step.flags_size(), 5);
  const uint32_t forced = v1::ENTRY_FLAG_GREEDY | v1::ENTRY_FLAG_FORCED_TOKENS;
  const uint32_t ended = v1::ENTRY_FLAG_GREEDY | v1::ENTRY_FLAG_THINKING_BUDGET;
  const uint32_t expected[] = {
      forced, forced, ended,
      v1::ENTRY_FLAG_THINKING_BUDGET | v1::ENTRY_FLAG_FORCED_OVERRULED, ended};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(step.flags(i), expected[i]) << i;
  EXPECT_EQ(step.token(0), 8u);
  EXPECT_EQ(step.token(1), 6u);
  EXPECT_EQ(step.token(2), 5u);
  EXPECT_NE(step.token(3), 4u);
  EXPECT_EQ(step.token(4), 9u);
}

TEST_F(StreamTest, FailsARowWhoseForcedTokenIsBannedWhereThatIsAskedFor) {
  v1::SampleRequest request;
  v1::SamplingParams* params = AddOpen(1, kVocab, &request)->mutable_params();
  params->set_forced_tokens(IdBytes({4}));
  params->set_banned_ids(IdBytes({4}));
  params->set_on_conflict(v1::ON_CONFLICT_ERROR);
  AddEntry(1, 0, RowAt(0), &request);
  const v1::SampleResponse reply = stream_.Call(request);
  ASSERT_EQ(reply.step().errors_size(), 1);
  EXPECT_THAT(StatusOf(reply.step().errors(0)),
              StatusIs(Code::kFailedPrecondition,
                       "forced_tokens: token 4 is hard-banned"));
}

}  // namespace
}  // namespace logitd
