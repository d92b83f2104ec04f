// Histories longer than any window: what is kept, and what a change of plan
// may still look at.
#include "gtest/gtest.h"
#include "sampler/history.h"
#include "service/session/session.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::kVocab;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;

TokenIds LongPrompt(size_t length) {
  TokenIds prompt(length);
  for (size_t i = 0; i < length; ++i) {
    prompt[i] = static_cast<uint32_t>(i % (kVocab - 1));
  }
  return prompt;
}

TEST(LongHistory, IsNotKeptWhenNoKnobLooksBack) {
  const Plan plan = *Plan::Compile({}, kVocab);
  History history(LongPrompt(1 << 20));
  ASSERT_THAT(history.Follow(plan), IsOk());
  EXPECT_EQ(history.kept(), 2 * kRewindMin);
  for (uint32_t i = 0; i < 5000; ++i) {
    history.Append(i % kVocab);
    EXPECT_LT(history.kept(), 4 * kRewindMin);
  }
  EXPECT_EQ(history.position(), (1u << 20) + 5000);
  EXPECT_THAT(history.Rewind(history.position() - kRewindMin), IsOk());
}

TEST(LongHistory, IsKeptWholeForAPenaltyWithoutWindow) {
  // Longer than any window may be: "all" must not mean "the longest window".
  constexpr size_t kLength = 2'200'000;
  Limits limits;
  limits.max_history = 1u << 24;
  Params params;
  params.repetition_penalty = 1.1;
  SessionStart start = StartOf(params);
  start.prompt = LongPrompt(kLength);
  absl::StatusOr<Session> session = Session::Open(std::move(start), limits);
  ASSERT_THAT(session.status(), IsOk());
  Stepper().Next(&*session);
  params.temperature = 0.5;
  EXPECT_THAT(session->Update({}, params, {}), IsOk());
  Stepper().Next(&*session);
  EXPECT_EQ(session->position(), kLength + 2);
}

TEST(LongHistory, RefusesAPlanThatLooksFurtherBackThanIsKept) {
  SessionStart start = StartOf({});
  start.prompt = LongPrompt(2000);
  absl::StatusOr<Session> session = Session::Open(std::move(start), Limits());
  ASSERT_THAT(session.status(), IsOk());
  Params params;
  params.repetition_penalty = 1.5;
  EXPECT_THAT(session->Update({}, params, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "kept are those from 1488"));
  params.repetition_window = 2 * kRewindMin;
  EXPECT_THAT(session->Update({}, params, {}), IsOk());
}

}  // namespace
}  // namespace logitd
