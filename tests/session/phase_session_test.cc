// Sessions with phases: what a switch changes, and that it is the history's
// doing alone, whatever happened to the session on the way.
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <vector>

#include "service/session/session.h"
#include "tests/session/phase_fixture.h"
#include "tests/support/rows.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::OpenOrDie;
using testing::RowAt;
using testing::StartOf;
using testing::StatusIs;
using Code = absl::StatusCode;
using Numbers = std::vector<uint32_t>;

TEST_F(PhasesTest, TheNextTokenIsDrawnWithThePhaseThatWasEntered) {
  SessionStart start = StartOf({});
  start.phases = {Phase("tool", {{1, 2}}, {{3}}, Greedy())};
  Session session = OpenOrDie(start);
  EXPECT_FALSE(Step(&session).outcome.greedy);
  Append({1, 2}, &session);
  EXPECT_EQ(session.phase(), 1u);
  const EntryResult inside = Step(&session);
  EXPECT_TRUE(inside.outcome.greedy);
  EXPECT_EQ(inside.phase, 1u);
  Append({3}, &session);
  EXPECT_EQ(session.phase(), 0u);
  const EntryResult outside = Step(&session);
  EXPECT_FALSE(outside.outcome.greedy);
  EXPECT_EQ(outside.phase, 0u);
}

TEST_F(PhasesTest, AGivenTokenSwitchesAndBelongsToThePhaseBefore) {
  SessionStart start = StartOf({});
  start.phases = {Phase("tool", {{7}}, {{8}}, Greedy())};
  Session session = OpenOrDie(start);
  Entry given = At(session);
  given.mode = EntryMode::kGiven;
  given.given_token = 7;
  EXPECT_EQ(stepper_.Step(given, RowAt(0), &session).phase, 0u);
  EXPECT_EQ(session.phase(), 1u);
  given = At(session);
  given.mode = EntryMode::kGiven;
  given.given_token = 8;
  const EntryResult leaving = stepper_.Step(given, RowAt(1), &session);
  EXPECT_EQ(leaving.phase, 1u);
  EXPECT_TRUE(leaving.outcome.greedy);
  EXPECT_EQ(session.phase(), 0u);
  // The replay tells the phase of the token, not the session's.
  const EntryResult again = stepper_.Step(given, RowAt(1), &session);
  EXPECT_EQ(again.status, EntryStatus::kReplayed);
  EXPECT_EQ(again.phase, 1u);
}

TEST_F(PhasesTest, APeekAndAFailedRowDoNotSwitch) {
  SessionStart start = NestedStart();
  Session session = OpenOrDie(start);
  for (int i = 0; i < 200; ++i) {
    const Session before = session;
    Entry peek = At(session);
    peek.mode = EntryMode::kPeek;
    const EntryResult peeked =
        stepper_.Step(peek, RowAt(session.position()), &session);
    EXPECT_EQ(peeked.phase, before.phase());
    EXPECT_EQ(session.phase(), before.phase());
    std::vector<float> bad = RowAt(0);
    bad[2] = std::numeric_limits<float>::quiet_NaN();
    const EntryResult failed = stepper_.Step(At(session), bad, &session);
    EXPECT_EQ(failed.status, EntryStatus::kError);
    EXPECT_EQ(failed.phase, 0u);
    EXPECT_EQ(session.phase(), before.phase());
    EXPECT_EQ(Step(&session).outcome.token, peeked.outcome.token);
  }
}

TEST_F(PhasesTest, ATokenEndsByThePhaseThatItWasDrawnIn) {
  Params base, inner;
  base.stop_ids = {9};
  inner.eos_ids = {7, 8};
  SessionStart start = StartOf(base);
  start.phases = {Phase("tool", {{7}}, {{8}, {9}}, inner)};
  Session session = OpenOrDie(start);
  Append({8, 7}, &session);  // no EOS of the base
  EXPECT_EQ(session.finish(), FinishReason::kNone);
  Append({9}, &session);  // a stop id of the base, but it is still inside
  EXPECT_EQ(session.finish(), FinishReason::kNone);
  EXPECT_EQ(session.phase(), 0u);
  Append({7, 8}, &session);
  EXPECT_EQ(session.finish(), FinishReason::kEos);
  EXPECT_EQ(session.phase(), 0u);
  start.generated = {8, 7, 9, 7, 8};
  EXPECT_EQ(OpenOrDie(start).finish(), FinishReason::kEos);
  ASSERT_THAT(session.Rewind(4), IsOk());
  EXPECT_EQ(session.finish(), FinishReason::kNone);
  start.generated = {8, 7, 9, 9};
  EXPECT_EQ(OpenOrDie(start).finish(), FinishReason::kStopId);
}

// Each token of a session with phases is that of a session without, opened with
// the phase's parameters and the same history.
TEST_F(PhasesTest, EachTokenIsThatOfItsPhasesParametersAlone) {
  SessionStart start = NestedStart();
  start.prompt = {1, 2, 3, 4, 5, 6};
  Session session = OpenOrDie(start);
  SessionStart plain = start;
  plain.phases.clear();
  Numbers seen(4);
  for (int i = 0; i < 300; ++i) {
    plain.params = session.plan(session.phase()).params;
    Session alone = OpenOrDie(plain);
    const uint32_t phase = session.phase();
    Seen expected = SeenIn(Step(&alone));
    expected.phase = phase;
    const Seen step = SeenIn(Step(&session));
    ASSERT_EQ(step, expected) << i;
    plain.generated.push_back(step.token);
    ++seen[phase];
  }
  for (const uint32_t count : seen) EXPECT_GT(count, 10u);
}

TEST_F(PhasesTest, ResumesAtEachPositionAsIfItHadNeverStopped) {
  constexpr size_t kTokens = 200;
  SessionStart start = NestedStart();
  start.prompt = {4, 1, 0, 6};  // inside "think", and half of "6 2"
  Session session = OpenOrDie(start);
  EXPECT_EQ(session.phase(), 2u);
  const std::vector<Seen> whole = Run(kTokens, &session);
  Numbers phases(4);
  for (const Seen& seen : whole) ++phases[seen.phase];
  for (const uint32_t count : phases) EXPECT_GT(count, 5u);
  for (size_t at = 0; at <= kTokens; ++at) {
    start.generated = TokensOf(whole, at);
    Session resumed = OpenOrDie(start);
    ASSERT_EQ(
        Run(kTokens - at, &resumed),
        std::vector<Seen>(whole.begin() + static_cast<long>(at), whole.end()))
        << at;
    ASSERT_EQ(resumed.phase(), session.phase());
  }
}

TEST_F(PhasesTest, APromptAndOutputQueuedAgainAsAPromptIsInTheSamePhase) {
  SessionStart start = NestedStart();
  start.prompt = {4, 1, 0, 6};
  Session session = OpenOrDie(start);
  SessionStart longer = start;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(OpenOrDie(longer).phase(), session.phase());
    longer.prompt.push_back(Step(&session).outcome.token);
  }
}

TEST_F(PhasesTest, ASequenceMayBeginInThePromptAndEndInTheOutput) {
  SessionStart start = StartOf({});
  start.phases = {Phase("tool", {{1, 2, 3}}, {{3, 4}}, Greedy())};
  start.prompt = {9, 1, 2};
  Session session = OpenOrDie(start);
  EXPECT_EQ(session.phase(), 0u);
  Append({3}, &session);
  EXPECT_EQ(session.phase(), 1u);
  start.prompt = {1, 2, 3};
  Session inside = OpenOrDie(start);
  EXPECT_EQ(inside.phase(), 1u);
  Append({4}, &inside);
  EXPECT_EQ(inside.phase(), 0u);
  ASSERT_THAT(inside.Rewind(3), IsOk());
  EXPECT_EQ(inside.phase(), 1u);
}

TEST_F(PhasesTest, AnUnsentPromptEndsInTheInitialPhase) {
  SessionStart start = StartOf({});
  start.phases = {Phase("tool", {{3}}, {{4}}, Greedy(), "think"),
                  Phase("think", {{1}}, {{2}})};
  start.prompt_length = 50;
  start.initial_phase = "tool";
  Session session = OpenOrDie(start);
  EXPECT_EQ(session.phase(), 1u);
  EXPECT_TRUE(Step(&session).outcome.greedy);
  Append({4}, &session);
  EXPECT_EQ(session.phase(), 2u);  // it is inside that
  Append({2}, &session);
  EXPECT_EQ(session.phase(), 0u);
  ASSERT_THAT(session.Rewind(50), IsOk());
  EXPECT_EQ(session.phase(), 1u);
  start.initial_phase.clear();
  EXPECT_EQ(OpenOrDie(start).phase(), 0u);
}

TEST_F(PhasesTest, RefusesAnInitialPhaseThatIsUnknownOrNeedless) {
  SessionStart start = StartOf({});
  start.initial_phase = "think";
  const auto status = [&] { return Session::Open(start, Limits()).status(); };
  EXPECT_THAT(status(), StatusIs(Code::kInvalidArgument,
                                 "initial_phase: \"think\" is not the name"));
  start.phases = {Phase("tool", {{1}})};
  EXPECT_THAT(status(), StatusIs(Code::kInvalidArgument, "initial_phase: "));
  start.initial_phase = "tool";
  EXPECT_THAT(status(), IsOk());
  start.prompt = {1};
  EXPECT_THAT(status(), StatusIs(Code::kInvalidArgument,
                                 "initial_phase: must be empty, the prompt"));
}

TEST_F(PhasesTest, ResumesFromThePromptsLengthAndTheInitialPhase) {
  SessionStart start = NestedStart();
  for (PhaseParams& phase : start.phases) {
    phase.params.repetition_penalty.reset();
  }
  start.prompt_length = 1000;
  start.initial_phase = "plan";
  Session session = OpenOrDie(start);
  EXPECT_FALSE(session.needs_prompt());
  const std::vector<Seen> whole = Run(100, &session);
  for (size_t at = 0; at <= 100; ++at) {
    start.generated = TokensOf(whole, at);
    Session resumed = OpenOrDie(start);
    ASSERT_EQ(
        Run(100 - at, &resumed),
        std::vector<Seen>(whole.begin() + static_cast<long>(at), whole.end()));
  }
}

TEST_F(PhasesTest, ThePromptIsNeededWhenASwitchMayLieInIt) {
  SessionStart start = StartOf({});
  EXPECT_FALSE(OpenOrDie(start).needs_prompt());
  start.phases = {Phase("tool", {{1}}, {{2}})};
  EXPECT_FALSE(OpenOrDie(start).needs_prompt());  // there is no prompt
  start.prompt = {5};
  EXPECT_TRUE(OpenOrDie(start).needs_prompt());
  start.prompt.clear();
  start.prompt_length = 5;
  EXPECT_FALSE(OpenOrDie(start).needs_prompt());
  start.phases[0].params.repetition_penalty = 1.5;
  EXPECT_THAT(Session::Open(start, Limits()),
              StatusIs(Code::kFailedPrecondition, "prompt: "));
  start.prompt_length.reset();
  EXPECT_TRUE(OpenOrDie(start).needs_prompt());
}

struct Tag final : Origin {};

TEST_F(PhasesTest, RemembersWhereItsParametersCameFrom) {
  const auto first = std::make_shared<Tag>();
  const auto second = std::make_shared<Tag>();
  SessionStart start = NestedStart();
  EXPECT_EQ(OpenOrDie(start).origin(), nullptr);
  start.origin = first;
  Session session = OpenOrDie(start);
  Params bad;
  bad.top_p = 2;
  EXPECT_FALSE(session.Update({}, bad, {}, {}, second).ok());
  EXPECT_EQ(session.origin(), first);
  EXPECT_EQ(session.Fork(1).origin(), first);
  ASSERT_THAT(session.Update({}, {}, {}, {}, second), IsOk());
  EXPECT_EQ(session.origin(), second);
}

}  // namespace
}  // namespace logitd
