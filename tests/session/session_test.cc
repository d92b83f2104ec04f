#include "service/session/session.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "sampler/fingerprint.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::kVocab;
using testing::OpenOrDie;
using testing::RowAt;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;
using Code = absl::StatusCode;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Fails if the row is read.
const std::vector<float> kUnreadable(kVocab, kNaN);

Entry At(uint32_t position, uint32_t attempt = 0) {
  Entry entry;
  entry.position = position;
  entry.attempt = attempt;
  return entry;
}

Params Windowed() {
  Params params;
  params.temperature = 1.5;
  params.repetition_penalty = 1.3;
  params.repetition_window = 20;
  params.frequency_penalty = 0.2;
  params.presence_penalty = 0.1;
  params.presence_window = 7;
  return params;
}

class SessionTest : public ::testing::Test {
 protected:
  Stepper stepper_;
};

TEST_F(SessionTest, RunsARowAtItsPositionAndMovesByOne) {
  Session session = OpenOrDie(StartOf({}));
  const EntryResult result = stepper_.Step(At(0), RowAt(0), &session);
  EXPECT_EQ(result.status, EntryStatus::kOk);
  EXPECT_LT(result.outcome.token, kVocab);
  EXPECT_EQ(session.position(), 1u);
  EXPECT_EQ(session.generated(), 1u);
}

TEST_F(SessionTest, AnswersTheLastPositionAgainWithoutReadingTheRow) {
  Session session = OpenOrDie(StartOf({}));
  const EntryResult first = stepper_.Step(At(0), RowAt(0), &session);
  const EntryResult again = stepper_.Step(At(0), kUnreadable, &session);
  EXPECT_EQ(again.status, EntryStatus::kReplayed);
  EXPECT_EQ(again.outcome.token, first.outcome.token);
  EXPECT_EQ(again.outcome.final_logprob, first.outcome.final_logprob);
  EXPECT_EQ(session.position(), 1u);
}

TEST_F(SessionTest, RefusesTheLastPositionWithAnotherAttempt) {
  Session session = OpenOrDie(StartOf({}));
  stepper_.Next(&session);
  const EntryResult result = stepper_.Step(At(0, 1), RowAt(0), &session);
  EXPECT_EQ(result.status, EntryStatus::kError);
  EXPECT_THAT(result.error, StatusIs(Code::kFailedPrecondition, "expected 1"));
}

TEST_F(SessionTest, RefusesAGapAndNamesTheExpectedPosition) {
  Session session = OpenOrDie(StartOf({}));
  stepper_.Generate(2, &session);
  for (const uint32_t position : {0u, 3u, 4000000000u}) {
    const EntryResult result = stepper_.Step(At(position), RowAt(0), &session);
    EXPECT_EQ(result.status, EntryStatus::kError);
    EXPECT_THAT(result.error, StatusIs(Code::kFailedPrecondition,
                                       "is not the session's; expected 2"));
  }
  EXPECT_EQ(session.position(), 2u);
}

TEST_F(SessionTest, IsUnchangedByABadRowAndTakesTheNextGoodOne) {
  Session session = OpenOrDie(StartOf(Windowed()));
  Session twin = session;
  stepper_.Generate(5, &session);
  stepper_.Generate(5, &twin);
  std::vector<float> bad = RowAt(5);
  bad[17] = kNaN;
  const EntryResult result = stepper_.Step(At(5), bad, &session);
  EXPECT_EQ(result.status, EntryStatus::kError);
  EXPECT_THAT(result.error, StatusIs(Code::kInvalidArgument, "index 17"));
  EXPECT_EQ(session.position(), 5u);
  EXPECT_EQ(stepper_.Generate(20, &session), stepper_.Generate(20, &twin));
}

TEST_F(SessionTest, StillReplaysAfterABadRow) {
  Session session = OpenOrDie(StartOf({}));
  const uint32_t token = stepper_.Next(&session);
  stepper_.Step(At(1), kUnreadable, &session);
  const EntryResult again = stepper_.Step(At(0), kUnreadable, &session);
  EXPECT_EQ(again.status, EntryStatus::kReplayed);
  EXPECT_EQ(again.outcome.token, token);
}

TEST_F(SessionTest, PeeksWithoutMoving) {
  Session session = OpenOrDie(StartOf(Windowed()));
  stepper_.Generate(3, &session);
  Entry peek = At(3);
  peek.mode = EntryMode::kPeek;
  const EntryResult seen = stepper_.Step(peek, RowAt(3), &session);
  EXPECT_EQ(seen.status, EntryStatus::kPeeked);
  EXPECT_EQ(session.position(), 3u);
  EXPECT_EQ(stepper_.Next(&session), seen.outcome.token);
}

TEST_F(SessionTest, AppendsAGivenTokenAndTellsTheDrawnOne) {
  Session session = OpenOrDie(StartOf({}));
  Session twin = session;
  Entry given = At(0);
  given.mode = EntryMode::kGiven;
  given.given_token = 7;
  const EntryResult result = stepper_.Step(given, RowAt(0), &session);
  EXPECT_EQ(result.status, EntryStatus::kOk);
  EXPECT_TRUE(result.given);
  EXPECT_EQ(result.outcome.token, 7u);
  EXPECT_EQ(result.outcome.drawn_token, stepper_.Next(&twin));
  EXPECT_GE(result.outcome.rank, 1u);
  EXPECT_EQ(session.position(), 1u);
}

TEST_F(SessionTest, RefusesAGivenTokenOutsideTheVocabulary) {
  Session session = OpenOrDie(StartOf({}));
  Entry given = At(0);
  given.mode = EntryMode::kGiven;
  given.given_token = kVocab;
  const EntryResult result = stepper_.Step(given, RowAt(0), &session);
  EXPECT_THAT(result.error,
              StatusIs(Code::kInvalidArgument, "given_token: 300 is outside"));
  EXPECT_EQ(session.position(), 0u);
}

TEST_F(SessionTest, DrawsTheSameForTheSameAttemptAndAnewForAnother) {
  uint32_t differences = 0;
  Session session = OpenOrDie(StartOf({}));
  for (uint32_t position = 0; position < 20; ++position) {
    const uint32_t first = stepper_.Next(&session);
    ASSERT_THAT(session.Rewind(position), IsOk());
    const EntryResult other =
        stepper_.Step(At(position, 5), RowAt(position), &session);
    differences += other.outcome.token != first ? 1 : 0;
    ASSERT_THAT(session.Rewind(position), IsOk());
    EXPECT_EQ(stepper_.Next(&session), first);
  }
  EXPECT_GT(differences, 10u);
}

TEST_F(SessionTest, FinishesOnceAndSkipsLaterRows) {
  Params params;
  params.max_tokens = 2;
  Session session = OpenOrDie(StartOf(params));
  EXPECT_EQ(stepper_.Step(At(0), RowAt(0), &session).finish,
            FinishReason::kNone);
  const EntryResult last = stepper_.Step(At(1), RowAt(1), &session);
  EXPECT_EQ(last.finish, FinishReason::kMaxTokens);
  EXPECT_EQ(session.finish(), FinishReason::kMaxTokens);
  for (const uint32_t position : {0u, 2u, 3u}) {
    EXPECT_EQ(stepper_.Step(At(position), kUnreadable, &session).status,
              EntryStatus::kSkipped);
  }
}

TEST_F(SessionTest, ReplaysTheFinishingTokenWithItsReason) {
  Params params;
  params.max_tokens = 1;
  Session session = OpenOrDie(StartOf(params));
  const uint32_t token = stepper_.Next(&session);
  const EntryResult again = stepper_.Step(At(0), kUnreadable, &session);
  EXPECT_EQ(again.status, EntryStatus::kReplayed);
  EXPECT_EQ(again.outcome.token, token);
  EXPECT_EQ(again.finish, FinishReason::kMaxTokens);
}

TEST_F(SessionTest, KeepsTheReportThatTheLastResultWasMadeWith) {
  Session session = OpenOrDie(StartOf({}));
  stepper_.Next(&session);
  SessionReport more;
  more.raw_logprob = true;
  ASSERT_THAT(session.Update({}, {}, more), IsOk());
  const EntryResult again = stepper_.Step(At(0), kUnreadable, &session);
  EXPECT_FALSE(again.report.raw_logprob);
  const EntryResult next = stepper_.Step(At(1), RowAt(1), &session);
  EXPECT_TRUE(next.report.raw_logprob);
  EXPECT_FALSE(std::isnan(next.outcome.raw_logprob));
}

TEST_F(SessionTest, RewindTakesTokensBackBitForBit) {
  Session session = OpenOrDie(StartOf(Windowed()));
  stepper_.Generate(30, &session);
  Session twin = session;
  const std::vector<uint32_t> tokens = stepper_.Generate(40, &session);
  ASSERT_THAT(session.Rewind(30), IsOk());
  EXPECT_EQ(session.position(), 30u);
  EXPECT_EQ(stepper_.Generate(40, &session), tokens);
  EXPECT_EQ(stepper_.Generate(40, &twin), tokens);
}

TEST_F(SessionTest, RewindForgetsTheLastResultWhenItTakesTokensBack) {
  Session session = OpenOrDie(StartOf({}));
  stepper_.Generate(3, &session);
  ASSERT_THAT(session.Rewind(3), IsOk());  // takes nothing back
  EXPECT_EQ(stepper_.Step(At(2), RowAt(2), &session).status,
            EntryStatus::kReplayed);
  ASSERT_THAT(session.Rewind(1), IsOk());
  EXPECT_THAT(stepper_.Step(At(2), RowAt(2), &session).error,
              StatusIs(Code::kFailedPrecondition, "expected 1"));
}

TEST_F(SessionTest, RewindUndoesAnEndAndKeepsItWhenNothingIsTaken) {
  Params params;
  params.max_tokens = 3;
  Session session = OpenOrDie(StartOf(params));
  stepper_.Generate(3, &session);
  ASSERT_THAT(session.Rewind(3), IsOk());
  EXPECT_EQ(session.finish(), FinishReason::kMaxTokens);
  ASSERT_THAT(session.Rewind(2), IsOk());
  EXPECT_EQ(session.finish(), FinishReason::kNone);
  EXPECT_EQ(stepper_.Step(At(2), RowAt(2), &session).finish,
            FinishReason::kMaxTokens);
}

TEST_F(SessionTest, RewindRefusesPositionsOutsideTheOutput) {
  SessionStart start = StartOf({});
  start.prompt = {1, 2, 3};
  Session session = OpenOrDie(start);
  stepper_.Generate(2, &session);
  for (const uint32_t position : {0u, 2u, 6u}) {
    EXPECT_THAT(session.Rewind(position),
                StatusIs(Code::kInvalidArgument, "is outside [3, 5]"));
  }
  EXPECT_THAT(session.Rewind(3), IsOk());
}

TEST_F(SessionTest, RewindsOver256TokensAndNeverFurtherThanWhatIsKept) {
  Params params;
  params.eos_ids = {0};
  Session session = OpenOrDie(StartOf(params));
  for (uint32_t i = 0; i < 5000; ++i) {
    ASSERT_THAT(session.Append({}, std::vector<uint32_t>{1 + i % 200}), IsOk());
  }
  ASSERT_THAT(session.Rewind(5000 - 256), IsOk());
  // Somewhere further back is the edge; every position is safe to ask for.
  uint32_t reached = 5000 - 256;
  for (uint32_t to = reached; to-- > 0;) {
    const absl::Status status = session.Rewind(to);
    if (!status.ok()) {
      EXPECT_THAT(status, StatusIs(Code::kFailedPrecondition, "history"));
      break;
    }
    reached = to;
  }
  EXPECT_EQ(session.position(), reached);
  stepper_.Next(&session);
  EXPECT_EQ(session.position(), reached + 1);
}

TEST_F(SessionTest, UpdateActsFromTheNextTokenAndRenamesTheSession) {
  Session session = OpenOrDie(StartOf({}));
  stepper_.Generate(3, &session);
  const std::string before = session.fingerprint();
  Params greedy;
  greedy.temperature = 0.0;
  ASSERT_THAT(session.Update(3, greedy, {}), IsOk());
  EXPECT_NE(session.fingerprint(), before);
  EXPECT_TRUE(stepper_.Step(At(3), RowAt(3), &session).outcome.greedy);
}

TEST_F(SessionTest, UpdateCountsWhatWasGeneratedBefore) {
  Session session = OpenOrDie(StartOf({}));
  const std::vector<uint32_t> tokens = stepper_.Generate(20, &session);
  SessionStart start = StartOf(Windowed());
  start.generated = tokens;
  Session fresh = OpenOrDie(start);
  ASSERT_THAT(session.Update({}, Windowed(), {}), IsOk());
  EXPECT_EQ(session.fingerprint(), fresh.fingerprint());
  EXPECT_EQ(stepper_.Generate(20, &session), stepper_.Generate(20, &fresh));
}

TEST_F(SessionTest, UpdateRefusedChangesNothing) {
  Session session = OpenOrDie(StartOf(Windowed()));
  stepper_.Generate(3, &session);
  Session twin = session;
  Params bad = Windowed();
  bad.top_p = 1.5;
  EXPECT_THAT(session.Update({}, bad, {}),
              StatusIs(Code::kInvalidArgument, "params.top_p: 1.5 is outside"));
  EXPECT_THAT(session.Update(4, {}, {}),
              StatusIs(Code::kFailedPrecondition, "expected 3"));
  SessionReport report;
  report.top_n_raw = 129;
  EXPECT_THAT(session.Update({}, {}, report),
              StatusIs(Code::kResourceExhausted, "--max_top_n 128"));
  EXPECT_EQ(session.fingerprint(), twin.fingerprint());
  EXPECT_EQ(stepper_.Generate(9, &session), stepper_.Generate(9, &twin));
}

TEST_F(SessionTest, UpdateRefusesAPenaltyOnAPromptThatWasNotSent) {
  SessionStart start = StartOf({});
  start.prompt_length = 5;
  Session session = OpenOrDie(start);
  EXPECT_THAT(session.Update({}, Windowed(), {}),
              StatusIs(Code::kFailedPrecondition, "prompt"));
}

TEST_F(SessionTest, AppendCountsAsOutput) {
  Session session = OpenOrDie(StartOf(Windowed()));
  SessionStart start = StartOf(Windowed());
  start.generated = {5, 6, 5};
  Session resumed = OpenOrDie(start);
  ASSERT_THAT(session.Append(0, std::vector<uint32_t>{5, 6, 5}), IsOk());
  EXPECT_EQ(session.position(), 3u);
  EXPECT_EQ(stepper_.Generate(30, &session), stepper_.Generate(30, &resumed));
}

TEST_F(SessionTest, AppendEndsWithTheTokenThatFinishes) {
  Params params;
  params.eos_ids = {9};
  Session session = OpenOrDie(StartOf(params));
  ASSERT_THAT(session.Append({}, std::vector<uint32_t>{1, 2, 9}), IsOk());
  EXPECT_EQ(session.finish(), FinishReason::kEos);
  EXPECT_THAT(session.Append({}, std::vector<uint32_t>{1}),
              StatusIs(Code::kFailedPrecondition, "finished"));
}

TEST_F(SessionTest, AppendRefusedAppendsNothing) {
  Params params = Windowed();
  params.eos_ids = {9};
  Session session = OpenOrDie(StartOf(params));
  stepper_.Generate(3, &session);
  Session twin = session;
  std::vector<uint32_t> many(700, 1);
  many[600] = 9;
  const std::vector<uint32_t> early = {1, 9, 2};
  EXPECT_THAT(session.Append({}, early),
              StatusIs(Code::kFailedPrecondition, "index 1 finishes"));
  EXPECT_THAT(session.Append({}, many),
              StatusIs(Code::kFailedPrecondition, "index 600 finishes"));
  EXPECT_THAT(session.Append(2, std::vector<uint32_t>{1}),
              StatusIs(Code::kFailedPrecondition, "expected 3"));
  EXPECT_THAT(session.Append({}, std::vector<uint32_t>{kVocab}),
              StatusIs(Code::kInvalidArgument, "tokens: id 300 at index 0"));
  EXPECT_THAT(session.Append({}, std::vector<uint32_t>{}),
              StatusIs(Code::kInvalidArgument, "tokens: required"));
  EXPECT_EQ(session.position(), 3u);
  EXPECT_EQ(session.finish(), FinishReason::kNone);
  EXPECT_EQ(stepper_.Generate(30, &session), stepper_.Generate(30, &twin));
}

TEST_F(SessionTest, ForkOfIndexZeroIsTheParent) {
  Session session = OpenOrDie(StartOf(Windowed()));
  stepper_.Generate(5, &session);
  Session child = session.Fork(0);
  EXPECT_EQ(stepper_.Generate(20, &child), stepper_.Generate(20, &session));
}

TEST_F(SessionTest, ForksOfOtherIndicesDrawTheirOwnTokens) {
  Session session = OpenOrDie(StartOf({}));
  stepper_.Generate(5, &session);
  Session one = session.Fork(1);
  Session two = session.Fork(2);
  const auto a = stepper_.Generate(20, &session);
  const auto b = stepper_.Generate(20, &one);
  const auto c = stepper_.Generate(20, &two);
  EXPECT_NE(a, b);
  EXPECT_NE(b, c);
  EXPECT_NE(a, c);
}

TEST_F(SessionTest, TheSeedOfAForkReopensItWithoutSalt) {
  for (const uint32_t index : {0u, 3u}) {
    SessionStart start = StartOf(Windowed());
    start.salt = "salt";
    start.prompt = {4, 5};
    Session session = OpenOrDie(start);
    start.generated = stepper_.Generate(5, &session);
    Session child = session.Fork(index);
    start.seed = child.seed();
    start.salt.clear();
    Session reopened = OpenOrDie(start);
    EXPECT_EQ(stepper_.Generate(20, &child), stepper_.Generate(20, &reopened));
  }
}

TEST_F(SessionTest, AForkHasNoLastResult) {
  Session session = OpenOrDie(StartOf({}));
  stepper_.Next(&session);
  Session child = session.Fork(1);
  EXPECT_THAT(stepper_.Step(At(0), RowAt(0), &child).error,
              StatusIs(Code::kFailedPrecondition, "expected 1"));
}

TEST_F(SessionTest, RefusesToGrowPastMaxHistory) {
  Limits limits;
  limits.max_history = 4;
  auto session = Session::Open(StartOf({}), limits);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(session->Append({}, std::vector<uint32_t>(5, 1)),
              StatusIs(Code::kResourceExhausted, "--max_history 4"));
  stepper_.Generate(4, &*session);
  const EntryResult result = stepper_.Step(At(4), RowAt(4), &*session);
  EXPECT_THAT(result.error,
              StatusIs(Code::kResourceExhausted, "--max_history 4"));
  EXPECT_EQ(session->position(), 4u);
}

}  // namespace
}  // namespace logitd
