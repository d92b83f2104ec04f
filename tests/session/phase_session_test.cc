// Sessions with phases: what a switch changes, and that it is the history's
// doing alone, whatever happened to the session on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sampler/fingerprint.h"
#include "service/session/session.h"
#include "service/session/session_table.h"
#include "tests/support/rows.h"
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
using Phases = std::vector<PhaseParams>;
using Numbers = std::vector<uint32_t>;

PhaseParams Phase(std::string name, std::vector<TokenIds> enter,
                  std::vector<TokenIds> leave = {}, Params params = {},
                  std::string within = "") {
  return {std::move(name), std::move(enter), std::move(leave),
          std::move(within), std::move(params)};
}

Params Greedy() {
  Params params;
  params.temperature = 0;
  return params;
}

// Few tokens, so that the sequences below come up often.
Params Narrow() {
  Params params;
  params.temperature = 4;
  params.allowed_ids = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  return params;
}

// Three phases inside each other, each with windows of its own.
Phases Nested() {
  Params think = Narrow();
  think.temperature = 6;
  think.repetition_penalty = 1.4;
  think.repetition_window = 9;
  think.presence_penalty = 0.7;
  think.presence_window = 30;
  Params plan = Narrow();
  plan.repetition_penalty = 1.1;
  plan.frequency_penalty = 0.3;
  plan.presence_penalty = 0.2;
  Params tool = Narrow();
  tool.temperature = 3;
  tool.frequency_penalty = -0.4;
  tool.frequency_window = 5;
  return {Phase("tool", {{3}, {5, 3}}, {{4}, {8}}, tool, "plan"),
          Phase("think", {{1}, {6, 2}}, {{9, 9}, {0, 7}}, think),
          Phase("plan", {{2}, {2, 5}}, {{5, 6}}, plan, "think")};
}

SessionStart NestedStart() {
  Params base = Narrow();
  base.frequency_penalty = 0.5;
  base.frequency_window = 12;
  SessionStart start = StartOf(base);
  start.phases = Nested();
  return start;
}

// A step that may be compared with another.
struct Seen {
  uint32_t token, phase, kept;
  double final_logprob;
  FinishReason finish;
  bool operator==(const Seen&) const = default;
};

void PrintTo(const Seen& seen, std::ostream* out) {
  *out << "token " << seen.token << " phase " << seen.phase << " kept "
       << seen.kept << " logprob " << seen.final_logprob;
}

Seen SeenIn(const EntryResult& result) {
  return {result.outcome.token, result.phase, result.outcome.kept,
          result.outcome.final_logprob, result.finish};
}

Entry At(const Session& session, uint32_t attempt = 0) {
  Entry entry;
  entry.position = session.position();
  entry.attempt = attempt;
  return entry;
}

class PhasesTest : public ::testing::Test {
 protected:
  EntryResult Step(Session* session, uint32_t attempt = 0) {
    return stepper_.Step(At(*session, attempt), RowAt(session->position()),
                         session);
  }
  std::vector<Seen> Run(size_t count, Session* session) {
    std::vector<Seen> seen;
    for (size_t i = 0; i < count; ++i) seen.push_back(SeenIn(Step(session)));
    return seen;
  }
  Stepper stepper_;
};

TokenIds TokensOf(const std::vector<Seen>& seen, size_t count) {
  TokenIds tokens;
  for (size_t i = 0; i < count; ++i) tokens.push_back(seen[i].token);
  return tokens;
}

void Append(const TokenIds& tokens, Session* session) {
  ASSERT_THAT(session->Append({}, tokens), IsOk());
}

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

TEST_F(PhasesTest, RewindTakesSwitchesBackBitForBit) {
  constexpr size_t kTokens = 200;
  Session session = OpenOrDie(NestedStart());
  const std::vector<Seen> whole = Run(kTokens, &session);
  for (uint32_t to = kTokens; to-- > 0;) {
    Session copy = session;
    ASSERT_THAT(copy.Rewind(to), IsOk());
    ASSERT_EQ(copy.phase(), whole[to].phase);
    ASSERT_EQ(Run(kTokens - to, &copy),
              std::vector<Seen>(whole.begin() + to, whole.end()))
        << to;
  }
}

TEST_F(PhasesTest, OtherAttemptsAreForgottenWithTheirSwitches) {
  Session session = OpenOrDie(NestedStart());
  Session twin = session;
  tests::Dice dice(3);
  for (int i = 0; i < 200; ++i) {
    const uint32_t here = session.position();
    const uint32_t phase = session.phase();
    for (uint32_t n = dice.Below(6); n > 0; --n) Step(&session, 1 + n);
    ASSERT_THAT(session.Rewind(here), IsOk());
    ASSERT_EQ(session.phase(), phase);
    ASSERT_EQ(SeenIn(Step(&session)), SeenIn(Step(&twin)));
  }
}

TEST_F(PhasesTest, AForkIsInThePhaseOfItsParentAndGoesItsOwnWay) {
  SessionStart start = NestedStart();
  Session session = OpenOrDie(start);
  for (int i = 0; i < 60; ++i) {
    Session copy = session;
    Session same = session.Fork(0);
    EXPECT_EQ(Run(40, &same), Run(40, &copy));
    Session other = session.Fork(1);
    EXPECT_EQ(other.phase(), session.phase());
    SessionStart elsewhere = start;
    elsewhere.seed = other.seed();
    Session reopened = OpenOrDie(elsewhere);
    ASSERT_EQ(Run(40, &other), Run(40, &reopened));
    start.generated.push_back(Step(&session).outcome.token);
  }
}

TEST_F(PhasesTest, AppendedTokensSwitchAsDrawnOnesDo) {
  SessionStart start = NestedStart();
  Session session = OpenOrDie(start);
  const std::vector<Seen> whole = Run(200, &session);
  Session appended = OpenOrDie(start);
  tests::Dice dice(4);
  for (size_t at = 0; at < 190;) {
    const size_t count = 1 + dice.Below(9);
    const TokenIds tokens = TokensOf(whole, at + count);
    Append({tokens.begin() + static_cast<long>(at), tokens.end()}, &appended);
    at += count;
    ASSERT_EQ(appended.phase(), whole[at].phase);
    Session copy = appended;
    ASSERT_EQ(
        Run(200 - at, &copy),
        std::vector<Seen>(whole.begin() + static_cast<long>(at), whole.end()));
  }
}

TEST_F(PhasesTest, AnAppendRefusedLeavesThePhaseAsItWas) {
  SessionStart start = NestedStart();
  start.phases[0].params.eos_ids = {77};
  Session session = OpenOrDie(start);
  Append({1, 2}, &session);
  for (const size_t count : {size_t{0}, size_t{400}}) {
    Session twin = session;
    TokenIds tokens = {9, 9, 1, 2, 3};
    tokens.insert(tokens.begin(), count, 5);
    tokens.insert(tokens.end(), {77, 0});
    EXPECT_THAT(session.Append({}, tokens),
                StatusIs(Code::kFailedPrecondition, "finishes the session"));
    EXPECT_EQ(session.phase(), 3u);
    EXPECT_EQ(Run(50, &session), Run(50, &twin));
    ASSERT_THAT(session.Rewind(2), IsOk());
  }
}

TEST_F(PhasesTest, UpdateKeepsThePhaseByItsName) {
  Session session = OpenOrDie(NestedStart());
  Append({1, 2, 3}, &session);  // think, plan, tool
  Phases phases = Nested();
  std::swap(phases[0], phases[2]);
  phases[2].params = Greedy();
  ASSERT_THAT(session.Update({}, {}, {}, phases), IsOk());
  EXPECT_EQ(session.phase(), 3u);
  const EntryResult result = Step(&session);
  EXPECT_TRUE(result.outcome.greedy);
  EXPECT_EQ(result.phase, 3u);
  Append({4}, &session);
  EXPECT_EQ(session.phase(), 1u);
  ASSERT_THAT(session.Rewind(1), IsOk());
  EXPECT_EQ(session.phase(), 2u);
}

TEST_F(PhasesTest, UpdateLeavesAPhaseThatIsGoneAndAllInsideIt) {
  Session session = OpenOrDie(NestedStart());
  Append({1, 2, 3}, &session);
  Phases phases = Nested();
  phases[0].within = "think";
  phases.pop_back();  // plan
  ASSERT_THAT(session.Update({}, {}, {}, phases), IsOk());
  EXPECT_EQ(session.phase(), 2u);
  ASSERT_THAT(session.Update({}, Greedy(), {}), IsOk());
  EXPECT_EQ(session.phase(), 0u);
  EXPECT_TRUE(Step(&session).outcome.greedy);
}

TEST_F(PhasesTest, UpdateOfParametersAloneIsAsIfTheyHadAlwaysBeenSo) {
  SessionStart start = NestedStart();
  Session session = OpenOrDie(start);
  start.generated = TokensOf(Run(100, &session), 100);
  start.params.temperature = 2;
  for (PhaseParams& phase : start.phases) {
    phase.params.temperature = 5;
    phase.params.presence_window = 40;
  }
  Session fresh = OpenOrDie(start);
  ASSERT_THAT(session.Update(100, start.params, {}, start.phases), IsOk());
  EXPECT_EQ(session.fingerprint(), fresh.fingerprint());
  EXPECT_EQ(Run(100, &session), Run(100, &fresh));
}

TEST_F(PhasesTest, UpdateRefusedChangesNothing) {
  Session session = OpenOrDie(NestedStart());
  Append({1, 2, 3}, &session);
  Session twin = session;
  Phases bad = Nested();
  bad[1].params.top_p = 1.5;
  EXPECT_THAT(session.Update({}, {}, {}, bad),
              StatusIs(Code::kInvalidArgument, "phases[1].top_p: 1.5 is"));
  bad = Nested();
  bad[0].within = "nobody";
  EXPECT_THAT(session.Update({}, {}, {}, bad),
              StatusIs(Code::kInvalidArgument, "phases[0].within: "));
  EXPECT_EQ(session.fingerprint(), twin.fingerprint());
  EXPECT_EQ(session.phase(), twin.phase());
  EXPECT_EQ(Run(100, &session), Run(100, &twin));
}

TEST_F(PhasesTest, UpdateRefusesAPhaseThatLooksFurtherBackThanIsKept) {
  SessionStart start = StartOf({});
  start.phases = {Phase("tool", {{1}}, {{2}})};
  start.prompt = TokenIds(2000, 5);
  Session session = OpenOrDie(start);
  start.phases[0].params.repetition_penalty = 2;
  EXPECT_THAT(session.Update({}, {}, {}, start.phases),
              StatusIs(Code::kFailedPrecondition, "history: needs"));
  start.phases[0].params.repetition_window = 400;
  EXPECT_THAT(session.Update({}, {}, {}, start.phases), IsOk());
}

TEST_F(PhasesTest, ALongGenerationIsThatOfASessionOpenedAgain) {
  SessionStart start = NestedStart();
  start.phases[2].params.repetition_window = 700;
  start.phases[2].params.frequency_window = 20;
  start.phases[2].params.presence_window = 20;
  start.prompt = TokenIds(3000, 5);
  Session session = OpenOrDie(start);
  for (int i = 0; i < 30; ++i) {
    for (const Seen& seen : Run(300, &session)) {
      start.generated.push_back(seen.token);
    }
    Session rewound = session;
    ASSERT_THAT(rewound.Rewind(rewound.position() - kRewindMin), IsOk());
    SessionStart earlier = start;
    earlier.generated.resize(start.generated.size() - kRewindMin);
    Session resumed = OpenOrDie(earlier);
    ASSERT_EQ(rewound.phase(), resumed.phase());
    ASSERT_EQ(Run(kRewindMin, &rewound), Run(kRewindMin, &resumed)) << i;
  }
}

TEST_F(PhasesTest, ASequenceIsFoundWhereNothingElseLooksBack) {
  SessionStart start = StartOf({});
  TokenIds enter(256, 1);
  enter[0] = 2;
  start.phases = {Phase("tool", {enter}, {{3}})};
  Session session = OpenOrDie(start);
  for (int round = 0; round < 30; ++round) {
    Append({2}, &session);
    for (int i = 0; i < 254; ++i) Append({1}, &session);
    EXPECT_EQ(session.phase(), 0u);
    // Away and back again over all that a rewind may take.
    const uint32_t here = session.position();
    ASSERT_THAT(session.Rewind(here - std::min(here, kRewindMin) + 2), IsOk());
    for (uint32_t i = session.position(); i < here; ++i) Append({1}, &session);
    Append({1}, &session);
    EXPECT_EQ(session.phase(), 1u) << round;
    Append({3}, &session);
    EXPECT_EQ(session.phase(), 0u);
  }
}

TEST_F(PhasesTest, ASequenceIsFoundAfterARewindAsFarAsItGoes) {
  SessionStart start = StartOf({});
  TokenIds enter(256, 1);
  enter.back() = 3;
  start.phases = {Phase("tool", {enter})};
  start.prompt = {7};
  Session session = OpenOrDie(start);
  for (int i = 0; i < 4000; ++i) Append({1}, &session);
  uint32_t to = session.position();
  while (to > 1 && session.Rewind(to - 1).ok()) --to;
  EXPECT_LT(to, 4000 - kRewindMin);
  EXPECT_GT(to, 256u);
  Append({3}, &session);
  EXPECT_EQ(session.phase(), 1u);
}

TEST_F(PhasesTest, TakesThirtyTwoPhases) {
  SessionStart start = StartOf({});
  for (uint32_t i = 0; i < 32; ++i) {
    Params params;
    params.banned_ids = {i};
    start.phases.push_back(Phase(absl::StrCat("p", i), {{100 + i}}, {{200 + i}},
                                 params,
                                 i == 0 ? "" : absl::StrCat("p", i - 1)));
  }
  Session session = OpenOrDie(start);
  EXPECT_EQ(session.phase_count(), 32u);
  for (uint32_t i = 0; i < 32; ++i) {
    Append({100 + i}, &session);
    EXPECT_EQ(session.phase(), i + 1);
    EXPECT_EQ(session.plan(session.phase()).banned_ids, TokenIds{i});
  }
  Append({200}, &session);
  EXPECT_EQ(session.phase(), 0u);
  start.phases.push_back(Phase("more", {{1}}));
  EXPECT_THAT(Session::Open(start, Limits()),
              StatusIs(Code::kInvalidArgument, "33 phases are more than 32"));
}

TEST_F(PhasesTest, NamesWhatIsWrongInAPhase) {
  SessionStart start = StartOf({});
  start.phases = {Phase("a", {{1}}), Phase("b", {{kVocab}})};
  EXPECT_THAT(Session::Open(start, Limits()),
              StatusIs(Code::kInvalidArgument, "phases[1].enter[0].tokens: "));
  start.phases[1].enter = {{2}};
  start.phases[1].params.min_p = 2;
  EXPECT_THAT(Session::Open(start, Limits()),
              StatusIs(Code::kInvalidArgument, "phases[1].min_p: 2 is"));
  start.phases[1].params = {};
  Limits limits;
  limits.max_stop_sequences = 0;
  EXPECT_THAT(Session::Open(start, limits),
              StatusIs(Code::kResourceExhausted, "--max_stop_sequences 0"));
}

TEST_F(PhasesTest, AHistoryInPartsIsInThePhaseOfTheWhole) {
  const Limits limits;
  SessionTable table(limits);
  SessionStart start = NestedStart();
  start.prompt = {4, 1};
  ASSERT_THAT(table.Open(5, start, true), IsOk());
  ASSERT_THAT(table.Continue(5, {{2}, {5, 3}, false}), IsOk());
  EXPECT_EQ((*table.Find(5))->phase(), 1u);
  start.prompt.clear();
  start.prompt_length = 70;
  start.initial_phase = "plan";
  for (PhaseParams& phase : start.phases) {
    phase.params.repetition_penalty.reset();
  }
  ASSERT_THAT(table.Open(6, start, true), IsOk());
  ASSERT_THAT(table.Continue(6, {{}, {3}, false}), IsOk());
  EXPECT_EQ((*table.Find(6))->phase(), 1u);
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

// ---- fingerprint -----------------------------------------------------------

SessionStart FingerprintExample() {
  Params base, top_k;
  base.temperature = 0.5;
  top_k.top_k = 3;
  SessionStart start = StartOf(base);
  start.phases = {Phase("think", {{7}, {5, 6}, {7}}, {{8}}, Greedy()),
                  Phase("tool", {{9}}, {}, top_k, "think")};
  return start;
}

TEST(PhaseFingerprint, IsThatOfTheSpecification) {
  const Session session = OpenOrDie(FingerprintExample());
  const std::vector<std::string> expected = {
      "logitd/1",
      "core=0",
      "check=1",
      "hard_bans=1",
      "temperature=1",
      "draw=1",
      "1=3fe0000000000000",
      "phase1.enter=5,6;7",
      "phase1.leave=8",
      "phase1.check=1",
      "phase1.hard_bans=1",
      "phase1.greedy=1",
      "phase1.1=0000000000000000",
      "phase2.within=1",
      "phase2.enter=9",
      "phase2.check=1",
      "phase2.hard_bans=1",
      "phase2.top_k=1",
      "phase2.draw=1",
      "phase2.10=3",
  };
  EXPECT_EQ(session.fingerprint_lines(), expected);
  EXPECT_EQ(session.fingerprint(), "6ccf259295bc0dd3");
  std::ifstream file(LOGITD_SOURCE_DIR "/sampler/README.md");
  std::stringstream page;
  page << file.rdbuf();
  std::string printed;
  for (const std::string& line : expected) {
    absl::StrAppend(&printed, "    ", line, "\n");
  }
  absl::StrAppend(&printed, "    -> ", session.fingerprint(), "\n");
  EXPECT_NE(page.str().find(printed), std::string::npos) << printed;
}

TEST(PhaseFingerprint, WithoutPhasesIsAsItAlwaysWas) {
  SessionStart start = FingerprintExample();
  start.phases.clear();
  const Session session = OpenOrDie(start);
  EXPECT_EQ(session.fingerprint_lines(), FingerprintLines(session.plan()));
}

TEST(PhaseFingerprint, KnowsNoNamesAndNoOrderOfSequences) {
  SessionStart start = FingerprintExample();
  const std::string fingerprint = OpenOrDie(start).fingerprint();
  start.phases[0].name = "other";
  start.phases[1].within = "other";
  start.phases[0].enter = {{5, 6}, {7}};
  EXPECT_EQ(OpenOrDie(start).fingerprint(), fingerprint);
}

TEST(PhaseFingerprint, ChangesWithEachThingThatCanChangeAToken) {
  const std::string original = OpenOrDie(FingerprintExample()).fingerprint();
  const auto changed = [&](const auto& change) {
    SessionStart start = FingerprintExample();
    change(&start.phases);
    return OpenOrDie(start).fingerprint() != original;
  };
  EXPECT_TRUE(changed([](Phases* p) { p->pop_back(); }));
  EXPECT_TRUE(changed([](Phases* p) { std::swap((*p)[0], (*p)[1]); }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].within.clear(); }));
  EXPECT_TRUE(changed(
      [](Phases* p) { (*p)[0].enter.pop_back(), (*p)[0].enter.pop_back(); }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[0].enter = {{5}, {6, 7}}; }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].leave = {{1}}; }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].params.top_k = 4; }));
  EXPECT_TRUE(changed([](Phases* p) { (*p)[1].params.top_p = 0.5; }));
}

TEST(PhaseFingerprint, TheFirstLineThatDiffersIsNamed) {
  SessionStart start = FingerprintExample();
  const Session session = OpenOrDie(start);
  start.expected_fingerprint = session.fingerprint();
  start.expected_fingerprint_lines = session.fingerprint_lines();
  EXPECT_THAT(Session::Open(start, Limits()), IsOk());
  start.phases[1].params.top_k = 4;
  EXPECT_THAT(Session::Open(start, Limits()),
              StatusIs(Code::kFailedPrecondition,
                       "line 20: \"phase2.10=3\" was expected, here is "
                       "\"phase2.10=4\""));
}

}  // namespace
}  // namespace logitd
