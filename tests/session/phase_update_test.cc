// Sessions whose phases are replaced: what the new phases make of the whole
// history, as if the session had been opened with them, or nothing at all.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/session/session.h"
#include "tests/session/phase_fixture.h"
#include "tests/support/rows.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::OpenOrDie;
using testing::StatusIs;
using tests::Dice;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

SessionStart StartWith(Phases phases, TokenIds prompt = {}) {
  SessionStart start = testing::StartOf(Narrow());
  start.phases = std::move(phases);
  start.prompt = std::move(prompt);
  return start;
}

// After a prompt of which no knob looks at all.
SessionStart LongStart() {
  SessionStart start = NestedStart();
  Params& plan = start.phases[2].params;
  plan.repetition_window = plan.frequency_window = plan.presence_window = 20;
  start.prompt.assign(2000, 1);
  return start;
}

absl::Status Rebind(const SessionStart& to, Session* session) {
  return session->Update({}, to.params, {}, to.phases);
}

class PhaseUpdate : public PhasesTest {
 protected:
  // Up to twelve tokens, as far as none ends the session.
  std::vector<Seen> Next(Session session) {
    std::vector<Seen> seen;
    while (seen.size() < 12 && session.finish() == FinishReason::kNone) {
      seen.push_back(SeenIn(Step(&session)));
    }
    return seen;
  }

  // Both draw the same from here on, and from each position back to `floor`.
  void ExpectTwins(Session one, Session other, uint32_t floor) {
    ASSERT_EQ(one.position(), other.position());
    EXPECT_EQ(one.fingerprint(), other.fingerprint());
    EXPECT_EQ(one.fingerprint_lines(), other.fingerprint_lines());
    EXPECT_EQ(one.needs_prompt(), other.needs_prompt());
    for (uint32_t to = one.position();; --to) {
      ASSERT_THAT(one.Rewind(to), IsOk());
      ASSERT_THAT(other.Rewind(to), IsOk());
      ASSERT_EQ(one.phase(), other.phase()) << "at " << to;
      ASSERT_EQ(one.finish(), other.finish()) << "at " << to;
      ASSERT_EQ(Next(one), Next(other)) << "at " << to;
      if (to == floor) return;
    }
  }

  // The session is refused the new phases for what the message names, and is as
  // it was.
  void ExpectRefused(const SessionStart& to, const std::string& why,
                     Session* session) {
    Session twin = *session;
    EXPECT_THAT(Rebind(to, session), StatusIs(kRefused, why));
    ExpectTwins(*session, twin, session->position());
  }
};

TEST_F(PhaseUpdate, APhaseThatThePromptEntersIsEnteredWhenItComesLater) {
  const SessionStart none = StartWith({}, {5});
  const SessionStart with =
      StartWith({Phase("z", {{5}}, {{6}}, Greedy())}, {5});
  Session session = OpenOrDie(none);
  ASSERT_THAT(Rebind(with, &session), IsOk());
  EXPECT_EQ(session.phase(), 1u);
  ExpectTwins(session, OpenOrDie(with), 1);
  ASSERT_THAT(Rebind(none, &session), IsOk());
  EXPECT_EQ(session.phase(), 0u);
  ExpectTwins(session, OpenOrDie(none), 1);
}

TEST_F(PhaseUpdate, ANameSaysNothingAboutWhatItsPhaseIsNow) {
  SessionStart start = StartWith({Phase("a", {{1}}), Phase("b", {{2}})}, {1});
  Session session = OpenOrDie(start);
  EXPECT_EQ(session.phase(), 1u);
  // Now it is entered by a token that never came.
  start.phases = {Phase("a", {{3}}), Phase("b", {{2}})};
  ASSERT_THAT(Rebind(start, &session), IsOk());
  EXPECT_EQ(session.phase(), 0u);
  start.phases = {Phase("b", {{2}}), Phase("other", {{1}})};
  ASSERT_THAT(Rebind(start, &session), IsOk());
  EXPECT_EQ(session.phase(), 2u);
}

TEST_F(PhaseUpdate, TokensBeforeItCountAndARewindGoesBackUnderTheNewPhases) {
  SessionStart start = NestedStart();
  Session session = OpenOrDie(start);
  Append({1, 2, 3}, &session);  // think, plan, tool
  std::swap(start.phases[0], start.phases[2]);
  start.phases[2].within.clear();
  ASSERT_THAT(Rebind(start, &session), IsOk());
  EXPECT_EQ(session.phase(), 3u);
  ASSERT_THAT(session.Rewind(2), IsOk());
  EXPECT_EQ(session.phase(), 1u);
  start.generated = {1, 2};
  ExpectTwins(session, OpenOrDie(start), 0);
}

TEST_F(PhaseUpdate, AResultAskedForAgainIsThatOfItsTime) {
  SessionStart start = StartWith({}, {5});
  Session session = OpenOrDie(start);
  const Entry entry = At(session);
  const EntryResult first = Step(&session);
  start.phases = {Phase("z", {{5}}, {}, Greedy())};
  ASSERT_THAT(Rebind(start, &session), IsOk());
  const EntryResult again =
      stepper_.Step(entry, testing::RowAt(entry.position), &session);
  EXPECT_EQ(again.status, EntryStatus::kReplayed);
  EXPECT_EQ(SeenIn(again), SeenIn(first));
  EXPECT_EQ(again.phase, 0u);
}

TEST_F(PhaseUpdate, TheLastTokenEndsByThePhaseThatItIsInNow) {
  SessionStart start = StartWith({}, {5});
  Session session = OpenOrDie(start);
  Append({7}, &session);
  Params ends = Narrow();
  ends.eos_ids = {7};
  start.phases = {Phase("z", {{5}}, {}, ends)};
  ASSERT_THAT(Rebind(start, &session), IsOk());
  EXPECT_EQ(session.finish(), FinishReason::kEos);
}

TEST_F(PhaseUpdate, IsRefusedWhereTheHistoryIsKeptNoMore) {
  for (const bool had_phases : {false, true}) {
    SessionStart start = LongStart();
    if (!had_phases) start.phases.clear();
    Session session = OpenOrDie(start);
    SessionStart to = start;
    to.phases = {Phase("z", {{1}})};
    ExpectRefused(to,
                  "history: the phases need the tokens from position 0, kept "
                  "are those from 1488; open the session again with its "
                  "history",
                  &session);
  }
}

TEST_F(PhaseUpdate, OfParametersNamesAndNoPhasesNeedsNoHistory) {
  SessionStart start = LongStart();
  Session session = OpenOrDie(start);
  for (PhaseParams& phase : start.phases) {
    absl::StrAppend(&phase.name, "_2");
    if (!phase.within.empty()) absl::StrAppend(&phase.within, "_2");
    std::reverse(phase.enter.begin(), phase.enter.end());
    phase.params = Narrow();
  }
  Append({2, 3}, &session);
  ASSERT_THAT(Rebind(start, &session), IsOk());
  EXPECT_EQ(session.phase(), 1u);
  start.generated = {2, 3};
  ExpectTwins(session, OpenOrDie(start), 2000);
  start.phases.clear();
  ASSERT_THAT(Rebind(start, &session), IsOk());
  EXPECT_EQ(session.phase(), 0u);
  ExpectTwins(session, OpenOrDie(start), 2000);
}

TEST_F(PhaseUpdate, EachThingThatDecidesASwitchNeedsTheHistory) {
  const auto refused = [&](const auto& change) {
    SessionStart start = LongStart();
    Session session = OpenOrDie(start);
    change(&start.phases);
    ExpectRefused(start, "history: the phases need", &session);
  };
  refused([](Phases* p) { std::swap((*p)[0], (*p)[1]); });
  refused([](Phases* p) { (*p)[0].within.clear(); });
  refused([](Phases* p) { (*p)[0].enter.pop_back(); });
  refused([](Phases* p) { (*p)[0].leave.pop_back(); });
  refused([](Phases* p) { (*p)[0].enter[0] = {2}; });
  refused([](Phases* p) { (*p)[0].enter.swap((*p)[0].leave); });
  refused([](Phases* p) { p->push_back(Phase("more", {{9}})); });
  refused([](Phases* p) { p->erase(p->begin()); });
}

TEST_F(PhaseUpdate, AKnobThatLooksAtAllKeepsAllForThePhasesToo) {
  SessionStart start = StartWith({}, TokenIds(2000, 5));
  start.params.repetition_penalty = 1.1;
  Session session = OpenOrDie(start);
  start.phases = {Phase("z", {{5}}, {{6}})};
  ASSERT_THAT(Rebind(start, &session), IsOk());
  EXPECT_EQ(session.phase(), 1u);
  ExpectTwins(session, OpenOrDie(start), 2000);
}

TEST_F(PhaseUpdate, OfAPromptNotSentKeepsTheInitialPhaseByItsName) {
  SessionStart start = StartWith({Phase("a", {{1}}), Phase("b", {{2}}, {{3}})});
  start.prompt_length = 700;
  start.initial_phase = std::string("b");
  Session session = OpenOrDie(start);
  start.generated = TokensOf(Run(20, &session), 20);
  // By its name also where the numbers alone would match.
  start.phases = {Phase("b", {{1}}), Phase("a", {{2}}, {{3}})};
  ASSERT_THAT(Rebind(start, &session), IsOk());
  ExpectTwins(session, OpenOrDie(start), 700);
  start.phases = {Phase("out", {{9}}, {{8}}), Phase("a", {{1}}),
                  Phase("b", {{2}}, {{5}}, {}, "out")};
  ASSERT_THAT(Rebind(start, &session), IsOk());
  ExpectTwins(session, OpenOrDie(start), 700);
  for (const Phases& without : {Phases(), Phases{Phase("a", {{1}})}}) {
    start.phases = without;
    ExpectRefused(start,
                  "initial_phase: \"b\" is not the name of a phase; open the "
                  "session again",
                  &session);
  }
}

TEST_F(PhaseUpdate, OfAPromptNotSentThatCouldNotNameItsPhaseIsRefused) {
  SessionStart start = StartWith({});
  start.prompt_length = 3;
  Session session = OpenOrDie(start);
  Run(5, &session);
  start.phases = {Phase("z", {{5}})};
  ExpectRefused(start,
                "prompt: the phases look at its tokens and only its length was "
                "sent; open the session again with them, or with initial_phase",
                &session);
  // Where the base was said by the absence of another, it is the base.
  start.phases = {Phase("y", {{4}})};
  Session told = OpenOrDie(start);
  start.generated = TokensOf(Run(5, &told), 5);
  start.phases = {Phase("z", {{5}}, {{1}, {2}, {3}})};
  ASSERT_THAT(Rebind(start, &told), IsOk());
  ExpectTwins(told, OpenOrDie(start), 3);
}

TEST_F(PhaseUpdate, OfAHistoryThatWasCutIsRefusedAndOneNotYetCutIsNot) {
  SessionStart start = StartWith({Phase("a", {{1}}, {{2}})}, {1});
  SessionStart to = start;
  to.phases = {Phase("b", {{1}, {4}}, {{3}})};
  Session session = OpenOrDie(start);
  uint32_t taken = 0;
  for (int i = 0; i < 150; ++i) {
    for (const Seen& seen : Run(10, &session)) {
      to.generated.push_back(seen.token);
    }
    Session copy = session;
    const absl::Status status = Rebind(to, &copy);
    if (!status.ok()) {
      EXPECT_THAT(status, StatusIs(kRefused,
                                   "history: the phases need the "
                                   "tokens from position 0"));
      continue;
    }
    ++taken;
    const Session fresh = OpenOrDie(to);
    ASSERT_EQ(copy.phase(), fresh.phase());
    if (i % 10 == 9) ExpectTwins(copy, fresh, copy.position() - 20);
  }
  EXPECT_GE(taken, 512u / 10);
  EXPECT_LT(taken, 150u);
}

// ---- whatever the phases and the history -----------------------------------

class AnyUpdate : public PhaseUpdate {
 protected:
  std::vector<TokenIds> Sequences(uint32_t least) {
    std::vector<TokenIds> sequences(least + dice_.Below(3));
    for (TokenIds& sequence : sequences) {
      sequence.resize(1 + dice_.Below(3));
      for (uint32_t& token : sequence) token = dice_.Below(10);
    }
    return sequences;
  }

  Phases AnyPhases() {
    Phases phases(dice_.Below(5));
    for (size_t i = 0; i < phases.size(); ++i) {
      Params params = Narrow();
      params.temperature = 1 + dice_.Below(5);
      if (dice_.Chance(.3)) params.presence_penalty = 0.5;
      if (dice_.Chance(.2)) params.presence_window = 1 + dice_.Below(50);
      if (dice_.Chance(.2)) params.eos_ids = {dice_.Below(200)};
      const bool inside = i > 0 && dice_.Chance(.4);
      const auto outer = static_cast<uint32_t>(i);
      phases[i] = Phase(absl::StrCat("p", i), Sequences(1), Sequences(0),
                        params, inside ? phases[dice_.Below(outer)].name : "");
    }
    for (size_t i = phases.size(); i-- > 1;) {
      std::swap(phases[i], phases[dice_.Below(static_cast<uint32_t>(i + 1))]);
    }
    return phases;
  }

  // A prompt by its tokens, or by its length and the phase that it ends in.
  SessionStart AnyStart() {
    SessionStart start = StartWith(AnyPhases());
    const uint32_t length = dice_.Below(dice_.Chance(.1) ? 700 : 20);
    if (dice_.Chance(.7)) {
      start.prompt.resize(length);
      for (uint32_t& token : start.prompt) token = dice_.Below(10);
      return start;
    }
    start.prompt_length = length;
    if (!start.phases.empty() && dice_.Chance(.5)) {
      const auto count = static_cast<uint32_t>(start.phases.size());
      start.initial_phase = start.phases[dice_.Below(count)].name;
    }
    return start;
  }

  // Draws, forces and takes back; `output` is what stands after that.
  void Live(Session* session, TokenIds* output) {
    for (uint32_t n = dice_.Below(25); n > 0; --n) {
      if (session->finish() != FinishReason::kNone || dice_.Chance(.1)) {
        const auto count = static_cast<uint32_t>(output->size());
        output->resize(count - std::min(count, 1 + dice_.Below(4)));
        const uint32_t prompt = session->position() - session->generated();
        const auto left = static_cast<uint32_t>(output->size());
        ASSERT_THAT(session->Rewind(prompt + left), IsOk());
      } else if (dice_.Chance(.3)) {
        output->push_back(dice_.Below(10));
        Append({output->back()}, session);
      } else {
        output->push_back(Step(session).outcome.token);
      }
    }
  }

  Dice dice_{0};
};

TEST_F(AnyUpdate, MakesTheSessionThatIsOpenedOrResumedWithTheNewPhases) {
  int taken = 0, refused = 0, moved = 0, told = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    dice_ = Dice(seed);
    SessionStart start = AnyStart();
    Session session = OpenOrDie(start);
    TokenIds output;
    for (int update = 0; update < 4 && !HasFailure(); ++update) {
      Live(&session, &output);
      SessionStart to = start;
      to.phases = AnyPhases();
      const uint32_t before = session.phase();
      if (!Rebind(to, &session).ok()) {
        EXPECT_EQ(session.phase(), before);
        ++refused;
        continue;
      }
      ++taken;
      moved += session.phase() != before ? 1 : 0;
      start.phases = to.phases;
      const uint32_t prompt = session.position() - session.generated();
      Session opened = OpenOrDie(to);
      ASSERT_EQ(opened.position(), prompt);
      to.generated = output;
      ExpectTwins(session, OpenOrDie(to), prompt);
      // Opened and told the tokens one by one, as far as none ends it.
      for (const uint32_t token : output) {
        if (opened.finish() == FinishReason::kNone) Append({token}, &opened);
      }
      if (opened.position() == session.position()) {
        ExpectTwins(session.Fork(1), opened.Fork(1), prompt);
        ++told;
      }
    }
  }
  EXPECT_GT(taken, 250);
  EXPECT_GT(refused, 20);
  EXPECT_GT(moved, 50);
  EXPECT_GT(told, 150);
}

}  // namespace
}  // namespace logitd
