// Sessions with phases that are rewound, forked, appended to, updated and long:
// the phase is the history's doing alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sampler/fingerprint.h"
#include "service/session/session.h"
#include "service/session/session_table.h"
#include "tests/session/phase_fixture.h"
#include "tests/support/rows.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::kVocab;
using testing::OpenOrDie;
using testing::StartOf;
using testing::StatusIs;
using Code = absl::StatusCode;

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

}  // namespace
}  // namespace logitd
