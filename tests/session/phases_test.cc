// Phases by their tokens: the table and the tracker, against each rule of the
// specification and against a reference that scans the whole history anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sampler/knobs.h"
#include "service/session/phase_tracker.h"
#include "tests/support/rows.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;
using testing::StatusIs;
using tests::Dice;
using Code = absl::StatusCode;
using Phases = std::vector<PhaseParams>;
using Table = std::shared_ptr<const PhaseTable>;

constexpr uint32_t kVocab = 300;

PhaseParams Phase(std::string name, std::vector<TokenIds> enter,
                  std::vector<TokenIds> leave = {}, std::string within = "") {
  PhaseParams phase;
  phase.name = std::move(name);
  phase.enter = std::move(enter);
  phase.leave = std::move(leave);
  phase.within = std::move(within);
  return phase;
}

absl::StatusOr<Table> Create(const Phases& phases) {
  return PhaseTable::Create(phases, kVocab, 64);
}

Table Make(const Phases& phases) {
  auto table = Create(phases);
  EXPECT_THAT(table, IsOk());
  return *std::move(table);
}

// A tracker and the tokens that it saw; it is shown no more of them than it
// asks for.
struct Past {
  explicit Past(Table t, uint32_t initial = 0)
      : table(std::move(t)), tracker(table, initial) {}

  uint32_t position() const { return static_cast<uint32_t>(tokens.size()); }

  uint32_t Append(uint32_t token) {
    tokens.push_back(token);
    const size_t seen =
        std::min<size_t>(tokens.size(), size_t{table->lookback()} + 1);
    tracker.Append(absl::MakeConstSpan(tokens).last(seen), position(), floor);
    return tracker.phase();
  }

  // The phase after each token.
  std::vector<uint32_t> After(const TokenIds& more) {
    std::vector<uint32_t> phases;
    for (const uint32_t token : more) phases.push_back(Append(token));
    return phases;
  }

  void Rewind(uint32_t to) {
    tracker.Rewind(to);
    tokens.resize(to);
  }

  Table table;
  PhaseTracker tracker;
  TokenIds tokens;
  uint32_t floor = 0;
};

std::vector<uint32_t> After(const Phases& phases, const TokenIds& tokens) {
  return Past(Make(phases)).After(tokens);
}

using Numbers = std::vector<uint32_t>;

TEST(PhaseTracker, EntersAndLeavesFromTheNextTokenOn) {
  EXPECT_EQ(After({Phase("tool", {{1, 2}}, {{3}})}, {2, 1, 2, 4, 3, 3, 1, 2}),
            (Numbers{0, 0, 1, 1, 0, 0, 0, 1}));
}

TEST(PhaseTracker, GivesTheVectorOfTheSpecification) {
  const TokenIds tokens = {2, 1, 6, 2, 6, 4, 2, 9, 6, 2, 2, 6, 9, 1, 2, 4};
  const Numbers phases =
      After({Phase("a", {{1}, {6, 2}}, {{9}}), Phase("b", {{2}}, {{4}}, "a"),
             Phase("c", {{6, 2}, {2, 6}})},
            tokens);
  std::ifstream file(LOGITD_SOURCE_DIR "/sampler/README.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_THAT(page.str(),
              ::testing::HasSubstr(absl::StrCat(
                  "\n    tokens = ", absl::StrJoin(tokens, " "),
                  "\n    phases = ", absl::StrJoin(phases, " "), "\n")));
}

TEST(PhaseTracker, WithoutPhasesIsAlwaysInTheBase) {
  PhaseTracker tracker;
  tracker.Append(TokenIds{1}, 1, 0);
  tracker.Rewind(0);
  EXPECT_EQ(tracker.phase(), 0u);
  EXPECT_EQ(tracker.last_phase(1), 0u);
}

TEST(PhaseTracker, NestsAndReturnsToThePhaseThatItCameFrom) {
  const Phases phases = {Phase("think", {{1}}, {{9}}),
                         Phase("tool", {{2}}, {{8}})};
  EXPECT_EQ(After(phases, {1, 2, 8, 9, 2, 1, 9, 8}),
            (Numbers{1, 2, 1, 0, 2, 1, 2, 0}));
}

TEST(PhaseTracker, LeavingAnOuterPhaseLeavesAllInsideIt) {
  const Phases phases = {Phase("a", {{1}}, {{9}}), Phase("b", {{2}}, {{8}}),
                         Phase("c", {{3}}, {{7}})};
  EXPECT_EQ(After(phases, {1, 2, 3, 9, 8, 7}), (Numbers{1, 2, 3, 0, 0, 0}));
  EXPECT_EQ(After(phases, {1, 2, 3, 8, 3, 7, 9}),
            (Numbers{1, 2, 3, 1, 3, 1, 0}));
}

TEST(PhaseTracker, OfPhasesThatLeaveByOneTokenTheInnermostIsLeft) {
  const Phases phases = {Phase("a", {{1}}, {{9}}), Phase("b", {{2}}, {{9}})};
  EXPECT_EQ(After(phases, {1, 2, 9, 9}), (Numbers{1, 2, 1, 0}));
  EXPECT_EQ(After(phases, {2, 1, 9, 9}), (Numbers{2, 1, 2, 0}));
}

TEST(PhaseTracker, TheInnermostIsLeftEvenByAShorterSequence) {
  const Phases phases = {Phase("a", {{1}}, {{5, 5, 9}}),
                         Phase("b", {{2}}, {{9}})};
  EXPECT_EQ(After(phases, {1, 2, 5, 5, 9}).back(), 1u);
}

TEST(PhaseTracker, LeavesRatherThanEntersAndDoesOneThingPerToken) {
  const Phases phases = {Phase("a", {{1}}, {{9}}),
                         Phase("b", {{5, 5, 9}}, {{8}})};
  EXPECT_EQ(After(phases, {1, 5, 5, 9, 9}), (Numbers{1, 1, 1, 0, 0}));
  EXPECT_EQ(After(phases, {5, 5, 9}), (Numbers{0, 0, 2}));
}

TEST(PhaseTracker, EntersByTheLongestSequence) {
  const Phases phases = {Phase("short", {{2}}), Phase("long", {{1, 2}})};
  EXPECT_EQ(After(phases, {1, 2}), (Numbers{0, 2}));
  EXPECT_EQ(After(phases, {3, 2}), (Numbers{0, 1}));
}

TEST(PhaseTracker, OfEqualSequencesEntersTheFirstOfTheList) {
  const Phases phases = {Phase("a", {{7}, {1, 2}}), Phase("b", {{1, 2}}),
                         Phase("c", {{1, 2}})};
  EXPECT_EQ(After(phases, {1, 2, 1, 2, 1, 2, 1, 2}),
            (Numbers{0, 1, 1, 2, 2, 3, 3, 3}));
}

TEST(PhaseTracker, DoesNotEnterAPhaseThatItIsIn) {
  const Phases phases = {Phase("a", {{1}}, {{9}}), Phase("b", {{2}})};
  EXPECT_EQ(After(phases, {1, 1, 2, 1, 9, 1}), (Numbers{1, 1, 2, 2, 0, 1}));
}

TEST(PhaseTracker, EntersAnInnerPhaseOnlyDirectlyInsideItsOuter) {
  const Phases phases = {Phase("in", {{2}}, {{8}}, "out"),
                         Phase("out", {{1}}, {{9}}), Phase("other", {{3}})};
  EXPECT_EQ(After(phases, {2, 1, 2, 8, 3, 2}), (Numbers{0, 2, 1, 2, 3, 3}));
}

TEST(PhaseTracker, ALongerSequenceOfAPhaseThatMayNotBeEnteredDoesNotCount) {
  const Phases phases = {Phase("out", {{9}}), Phase("in", {{1, 2}}, {}, "out"),
                         Phase("any", {{2}})};
  EXPECT_EQ(After(phases, {1, 2}), (Numbers{0, 3}));
}

TEST(PhaseTracker, AMatchMaySpanTokensBeforeTheLastSwitch) {
  const Phases phases = {Phase("a", {{1, 2}}), Phase("b", {{1, 2, 3}}),
                         Phase("c", {{2, 3, 4}})};
  EXPECT_EQ(After(phases, {1, 2, 3, 4}), (Numbers{0, 1, 2, 3}));
}

TEST(PhaseTracker, SequencesMayOverlapThemselves) {
  const Phases phases = {Phase("a", {{1, 1, 2}, {1, 2, 1}}, {{2, 1, 2}})};
  EXPECT_EQ(After(phases, {1, 1, 1, 2, 1, 2, 1, 2}),
            (Numbers{0, 0, 0, 1, 1, 0, 1, 0}));
}

TEST(PhaseTracker, APhaseWithoutLeaveIsNeverLeft) {
  EXPECT_EQ(After({Phase("a", {{1}})}, {1, 2, 1, 3}), (Numbers{1, 1, 1, 1}));
}

TEST(PhaseTracker, AnInitialPhaseIsInsideThoseItIsWithin) {
  const Table table =
      Make({Phase("c", {{3}}, {{7}}, "b"), Phase("a", {{1}}, {{9}}),
            Phase("b", {{2}}, {{8}}, "a")});
  EXPECT_EQ(Past(table, 1).After({7, 8, 9}), (Numbers{3, 2, 0}));
  EXPECT_EQ(Past(table, 1).After({9}), (Numbers{0}));
  EXPECT_EQ(Past(table, 2).After({8, 9}), (Numbers{2, 0}));
}

TEST(PhaseTracker, TakesPhasesBackWithTheirTokens) {
  Past past(Make({Phase("a", {{1}}, {{9}}), Phase("b", {{2}}, {{8}}),
                  Phase("c", {{3}}, {{7}})}));
  const TokenIds tokens = {1, 2, 3, 9, 2, 4, 1};
  const Numbers after = past.After(tokens);
  EXPECT_EQ(after, (Numbers{1, 2, 3, 0, 2, 2, 1}));
  for (uint32_t to = 7; to-- > 0;) {
    Past copy = past;
    copy.Rewind(to);
    EXPECT_EQ(copy.tracker.phase(), to == 0 ? 0 : after[to - 1]) << to;
    EXPECT_EQ(copy.After({tokens.begin() + to, tokens.end()}),
              (Numbers{after.begin() + to, after.end()}));
    past.Rewind(to);
  }
  EXPECT_EQ(past.tracker.log_size(), 0u);
}

TEST(PhaseTracker, KnowsThePhaseThatTheLastTokenWasDrawnIn) {
  Past past(Make({Phase("a", {{1}}, {{9}}), Phase("b", {{2}}, {{8}})}));
  uint32_t before = 0;
  for (const uint32_t token : {4u, 1u, 4u, 2u, 2u, 9u, 4u, 2u, 1u, 8u}) {
    past.Append(token);
    EXPECT_EQ(past.tracker.last_phase(past.position()), before);
    before = past.tracker.phase();
  }
}

TEST(PhaseTracker, KeepsItsLogAsShortAsItsPastCanBeRewound) {
  Past past(Make({Phase("a", {{1}}, {{2}})}));
  for (uint32_t i = 0; i < 20000; ++i) {
    past.floor = std::max(300u, past.position()) - 300;
    past.Append(1 + i % 2);
    ASSERT_LT(past.tracker.log_size(), 700u);
  }
  for (int i = 0; i < 300; ++i) {
    past.Rewind(past.position() - 1);
    ASSERT_EQ(past.tracker.phase(), past.position() % 2);
    ASSERT_EQ(past.tracker.last_phase(past.position()),
              1 - past.position() % 2);
  }
}

TEST(PhaseTracker, TakesThirtyTwoPhasesInsideEachOther) {
  Phases phases;
  TokenIds in;
  Numbers expected;
  for (uint32_t i = 0; i < 32; ++i) {
    phases.push_back(Phase("p" + std::to_string(i), {{i}}, {{100 + i}},
                           i == 0 ? "" : "p" + std::to_string(i - 1)));
    in.push_back(i);
    expected.push_back(i + 1);
  }
  Past past(Make(phases));
  EXPECT_EQ(past.After(in), expected);
  Past out_at_once = past;
  EXPECT_EQ(out_at_once.After({100}), (Numbers{0}));
  EXPECT_EQ(out_at_once.tracker.last_phase(33), 32u);
  out_at_once.Rewind(32);
  EXPECT_EQ(out_at_once.tracker.phase(), 32u);
  for (uint32_t i = 32; i-- > 0;) EXPECT_EQ(past.Append(100 + i), i);
}

TEST(PhaseTracker, MatchesSequencesOfTheGreatestLength) {
  TokenIds sequence(kStopSequenceTokensMax, 1);
  sequence[0] = 2;
  Past past(Make({Phase("a", {sequence})}));
  EXPECT_EQ(past.table->lookback(), kStopSequenceTokensMax - 1);
  past.After(TokenIds(kStopSequenceTokensMax - 1, 1));
  EXPECT_EQ(past.After(TokenIds(kStopSequenceTokensMax - 1, 1)).back(), 0u);
  past.Append(2);
  EXPECT_EQ(past.After(TokenIds(kStopSequenceTokensMax - 2, 1)).back(), 0u);
  EXPECT_EQ(past.Append(1), 1u);
}

TEST(PhaseTable, NamesWhatIsWrong) {
  const auto code = Code::kInvalidArgument;
  const Phases good = {Phase("a", {{1}}), Phase("b", {{2}}, {{3}}, "a")};
  EXPECT_THAT(Create(good), IsOk());
  EXPECT_THAT(Create({Phase("", {{1}})}),
              StatusIs(code, "phases[0].name: required"));
  EXPECT_THAT(Create({Phase("a", {{1}}), Phase("a", {{2}})}),
              StatusIs(code, "phases[1].name: \"a\" is already"));
  EXPECT_THAT(Create({Phase("a", {})}),
              StatusIs(code, "phases[0].enter: required"));
  EXPECT_THAT(Create({Phase("a", {{1}, {}})}),
              StatusIs(code, "phases[0].enter[1].tokens: 0 tokens are"));
  EXPECT_THAT(Create({Phase("a", {{1}}, {TokenIds(257, 1)})}),
              StatusIs(code,
                       "phases[0].leave[0].tokens: 257 tokens are "
                       "outside [1, 256]"));
  EXPECT_THAT(Create({Phase("a", {{1, kVocab}})}),
              StatusIs(code, "phases[0].enter[0].tokens: id 300 is outside"));
  EXPECT_THAT(Create({Phase("a", {{1}}, {}, "b")}),
              StatusIs(code, "phases[0].within: \"b\" is not the name"));
  EXPECT_THAT(Create({Phase("a", std::vector<TokenIds>(64, {1}))}), IsOk());
  EXPECT_THAT(Create({Phase("a", {{1}}, std::vector<TokenIds>(65, {1}))}),
              StatusIs(Code::kResourceExhausted,
                       "phases[0].leave: 65 sequences are "
                       "more than --max_stop_sequences 64"));
}

TEST(PhaseTable, RefusesCirclesAndMoreThanThirtyTwo) {
  for (const char* first : {"a", "b", "c"}) {
    EXPECT_THAT(
        Create({Phase("a", {{1}}, {}, first), Phase("b", {{2}}, {}, "a"),
                Phase("c", {{3}}, {}, "b"), Phase("d", {{4}})}),
        StatusIs(Code::kInvalidArgument, "circle"))
        << first;
  }
  Phases many;
  for (uint32_t i = 0; i < 33; ++i) {
    many.push_back(Phase("p" + std::to_string(i), {{i}}));
  }
  EXPECT_THAT(Create(many), StatusIs(Code::kInvalidArgument, "33 phases are"));
}

TEST(PhaseTable, SwitchesAsAnotherOfOtherNamesAndOrderOfSequences) {
  const auto alike = [](const Phases& one, const Phases& other) {
    const bool is = Make(one)->SwitchesAs(*Make(other));
    EXPECT_EQ(Make(other)->SwitchesAs(*Make(one)), is);
    return is;
  };
  const Phases some = {Phase("a", {{1}, {6, 2}}, {{9}}),
                       Phase("b", {{2}}, {{4}}, "a")};
  EXPECT_TRUE(alike(some, {Phase("c", {{6, 2}, {1}, {1}}, {{9}}),
                           Phase("a", {{2}}, {{4}}, "c")}));
  EXPECT_FALSE(alike(some, {some[0]}));
  EXPECT_FALSE(alike(some, {some[1], some[0]}));
  EXPECT_FALSE(alike(some, {some[0], Phase("b", {{2}}, {{4}})}));
  EXPECT_FALSE(alike(some, {some[0], Phase("b", {{2}}, {}, "a")}));
  EXPECT_FALSE(alike(some, {some[0], Phase("b", {{4}}, {{2}}, "a")}));
  EXPECT_FALSE(alike(some, {some[0], Phase("b", {{3}}, {{4}}, "a")}));
}

// ---- the reference ---------------------------------------------------------

using Stack = std::vector<std::string>;

bool EndsWith(absl::Span<const uint32_t> tokens, const TokenIds& sequence) {
  return sequence.size() <= tokens.size() &&
         std::equal(sequence.rbegin(), sequence.rend(), tokens.rbegin());
}

bool EndsWithAny(absl::Span<const uint32_t> tokens,
                 const std::vector<TokenIds>& sequences) {
  return std::any_of(sequences.begin(), sequences.end(),
                     [&](const TokenIds& s) { return EndsWith(tokens, s); });
}

const PhaseParams* Named(const Phases& phases, const std::string& name) {
  for (const PhaseParams& phase : phases) {
    if (phase.name == name) return &phase;
  }
  return nullptr;
}

// The rules, one after the other, for the last of `tokens`.
void Decide(const Phases& phases, absl::Span<const uint32_t> tokens,
            Stack* stack) {
  for (size_t i = stack->size(); i-- > 0;) {
    if (EndsWithAny(tokens, Named(phases, (*stack)[i])->leave)) {
      stack->resize(i);
      return;
    }
  }
  const PhaseParams* best = nullptr;
  size_t longest = 0;
  for (const PhaseParams& phase : phases) {
    if (std::count(stack->begin(), stack->end(), phase.name) > 0) continue;
    if (!phase.within.empty() &&
        (stack->empty() || stack->back() != phase.within)) {
      continue;
    }
    for (const TokenIds& sequence : phase.enter) {
      if (sequence.size() <= longest || !EndsWith(tokens, sequence)) continue;
      longest = sequence.size();
      best = &phase;
    }
  }
  if (best != nullptr) stack->push_back(best->name);
}

// The stack after all of `tokens`.
Stack Scan(const Phases& phases, const TokenIds& tokens) {
  Stack stack;
  for (size_t n = 1; n <= tokens.size(); ++n) {
    Decide(phases, absl::MakeConstSpan(tokens).first(n), &stack);
  }
  return stack;
}

uint32_t NumberOf(const Phases& phases, const Stack& stack) {
  for (uint32_t i = 0; i < phases.size() && !stack.empty(); ++i) {
    if (phases[i].name == stack.back()) return i + 1;
  }
  return 0;
}

struct Fuzz {
  explicit Fuzz(uint64_t seed) : dice(seed), ids(2 + dice.Below(4)) {}

  std::vector<TokenIds> Sequences(uint32_t least) {
    std::vector<TokenIds> sequences(least + dice.Below(3));
    for (TokenIds& sequence : sequences) {
      sequence.resize(1 + dice.Below(dice.Chance(.2) ? 7 : 3));
      for (uint32_t& token : sequence) token = dice.Below(ids);
    }
    return sequences;
  }

  Phases AnyPhases() {
    Phases phases;
    const uint32_t count = 1 + dice.Below(dice.Chance(.2) ? 32 : 6);
    for (uint32_t i = 0; i < count; ++i) {
      const std::string within =
          i > 0 && dice.Chance(.5) ? phases[dice.Below(i)].name : "";
      phases.push_back(
          Phase("p" + std::to_string(i), Sequences(1), Sequences(0), within));
    }
    for (size_t i = phases.size(); i-- > 1;) {
      std::swap(phases[i], phases[dice.Below(static_cast<uint32_t>(i + 1))]);
    }
    return phases;
  }

  Dice dice;
  uint32_t ids;
};

TEST(PhaseTracker, AgreesWithAScanOfTheWholeHistoryWhateverHappens) {
  uint64_t switches = 0;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    Fuzz fuzz(seed);
    const Phases phases = fuzz.AnyPhases();
    Past past(Make(phases));
    std::vector<Past> forks;
    for (int i = 0; i < 120; ++i) {
      const uint32_t what = fuzz.dice.Below(16);
      if (what == 0) {
        const uint32_t back = std::min(fuzz.dice.Below(40), past.position());
        past.Rewind(past.position() - back);
      } else if (what == 1) {
        forks.push_back(past);
      } else if (what == 2 && !forks.empty()) {
        std::swap(past,
                  forks[fuzz.dice.Below(static_cast<uint32_t>(forks.size()))]);
      }
      const uint32_t before = past.tracker.phase();
      const uint32_t after = past.Append(fuzz.dice.Below(fuzz.ids));
      switches += after != before ? 1 : 0;
      ASSERT_EQ(after, NumberOf(phases, Scan(phases, past.tokens)))
          << "seed " << seed << " token " << i;
      ASSERT_EQ(past.tracker.last_phase(past.position()), before);
    }
  }
  EXPECT_GT(switches, 20000u);
}

}  // namespace
}  // namespace logitd
