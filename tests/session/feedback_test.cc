// Feedback state in a session: it moves with tokens that were drawn, comes back
// with a rewind, and goes on in another session.
#include "sampler/feedback.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "service/session/session.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::OpenOrDie;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;
using Code = absl::StatusCode;

Params Mirostat() {
  Params params;
  params.mirostat = 2;
  params.mirostat_tau = 3;
  return params;
}

Params Adaptive() {
  Params params;
  params.adaptive_p_target = 0.3;
  return params;
}

class FeedbackSession : public ::testing::TestWithParam<Params (*)()> {
 protected:
  struct Drawn {
    uint32_t token;
    Feedback after;
    friend bool operator==(const Drawn&, const Drawn&) = default;
  };

  Drawn Next(Session* session) {
    Entry entry;
    entry.position = session->position();
    const auto row = testing::RowAt(entry.position);
    const Outcome outcome = stepper_.Step(entry, row, session).outcome;
    return {outcome.token, outcome.feedback};
  }
  std::vector<Drawn> Generate(int count, Session* session) {
    std::vector<Drawn> all;
    for (int i = 0; i < count; ++i) all.push_back(Next(session));
    return all;
  }

  Stepper stepper_;
  Session session_ = OpenOrDie(StartOf(GetParam()()));
};

TEST_P(FeedbackSession, MovesWithEachDrawnToken) {
  const std::vector<Drawn> all = Generate(3, &session_);
  EXPECT_FALSE(all[0].after.empty());
  EXPECT_NE(all[1].after, all[0].after);
  EXPECT_NE(all[2].after, all[1].after);
}

TEST_P(FeedbackSession, GoesOnInASessionThatIsOpenedWithTheState) {
  SessionStart start = StartOf(GetParam()());
  for (const Drawn& drawn : Generate(40, &session_)) {
    start.generated.push_back(drawn.token);
    start.feedback = *ReadFeedback(WriteFeedback(drawn.after));
  }
  Session other = OpenOrDie(start);
  EXPECT_EQ(Generate(40, &other), Generate(40, &session_));
}

TEST_P(FeedbackSession, ComesBackWithARewind) {
  const std::vector<Drawn> all = Generate(700, &session_);
  for (const uint32_t back : {1u, 7u, 255u, 256u}) {
    const uint32_t to = 700 - back;
    ASSERT_THAT(session_.Rewind(to), IsOk());
    const std::vector<Drawn> again =
        Generate(static_cast<int>(back), &session_);
    EXPECT_EQ(again, std::vector<Drawn>(all.begin() + to, all.end())) << back;
  }
}

TEST_P(FeedbackSession, RefusesARewindBehindWhatItRemembers) {
  Generate(1500, &session_);
  const Session before = session_;
  EXPECT_THAT(session_.Rewind(0),
              StatusIs(Code::kFailedPrecondition, "position: "));
  Session twin = before;
  EXPECT_EQ(Generate(5, &session_), Generate(5, &twin));
}

TEST_P(FeedbackSession, ComesBackWithARewindToTheStart) {
  const std::vector<Drawn> all = Generate(100, &session_);
  ASSERT_THAT(session_.Rewind(0), IsOk());
  EXPECT_EQ(Generate(100, &session_), all);
}

TEST_P(FeedbackSession, RefusesARewindBehindAStateThatItWasGiven) {
  SessionStart start = StartOf(GetParam()());
  for (const Drawn& drawn : Generate(40, &session_)) {
    start.generated.push_back(drawn.token);
    start.feedback = drawn.after;
  }
  Session other = OpenOrDie(start);
  EXPECT_THAT(other.Rewind(39), StatusIs(Code::kFailedPrecondition, "state"));
  EXPECT_THAT(other.Rewind(40), IsOk());
}

TEST_P(FeedbackSession, StaysWithAppendedTokensAndPeeks) {
  Generate(5, &session_);
  Session twin = session_;
  Entry peek;
  peek.position = session_.position();
  peek.mode = EntryMode::kPeek;
  stepper_.Step(peek, testing::RowAt(peek.position), &session_);
  EXPECT_EQ(Next(&session_), Next(&twin));
  const Feedback state = Next(&session_).after;
  ASSERT_THAT(session_.Append(session_.position(), {{1, 2, 3}}), IsOk());
  SessionStart start = StartOf(GetParam()());
  start.prompt_length = session_.position();
  start.feedback = state;
  Session other = OpenOrDie(start);
  EXPECT_EQ(Next(&session_), Next(&other));
}

TEST_P(FeedbackSession, IsTheForksToo) {
  Generate(30, &session_);
  Session fork = session_.Fork(0);
  EXPECT_EQ(Generate(30, &fork), Generate(30, &session_));
}

INSTANTIATE_TEST_SUITE_P(, FeedbackSession,
                         ::testing::Values(Mirostat, Adaptive));

}  // namespace
}  // namespace logitd
