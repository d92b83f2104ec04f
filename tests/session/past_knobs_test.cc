// Sessions whose knobs look at the history: DRY, n-grams, bad words, forcing.
// Opened again at every position, rewound and forked they go on as they were.
#include <algorithm>

#include "gtest/gtest.h"
#include "tests/support/service_matchers.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::kVocab;
using testing::OpenOrDie;
using testing::StartOf;
using testing::StatusIs;
using testing::Stepper;
using Code = absl::StatusCode;

// A few tokens, so that they repeat.
Params Stammering() {
  Params params;
  params.temperature = 1.2;
  params.allowed_ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  params.dry_multiplier = 0.7;
  params.dry_window = 60;
  params.dry_breaker_sequences = {{4}, {5, 6}};
  params.no_repeat_ngram = 4;
  params.bad_words = {{9}, {1, 2}, {3, 3, 1}};
  params.begin_suppressed_ids = {1, 2, 3};
  params.prompt_repetition_penalty = 1.2;
  params.length_penalty_factor = 1.02;
  params.length_penalty_start = 10;
  params.forced_tokens = {7, 8, 7};
  params.thinking_budget = {{8}, {2, 2}, 6, {4, 5}};
  return params;
}

SessionStart Stammer() {
  SessionStart start = StartOf(Stammering());
  start.prompt = {1, 2, 8, 3, 3, 1};
  return start;
}

// The same parameters, and others while a 5 is not followed by a 6.
SessionStart WithPhases() {
  SessionStart start = Stammer();
  PhaseParams phase;
  phase.name = "other";
  phase.enter = {{5}};
  phase.leave = {{6}};
  phase.params = Stammering();
  phase.params.dry_window.reset();
  phase.params.dry_breaker_sequences = {{7}};
  phase.params.no_repeat_ngram = 3;
  phase.params.thinking_budget = {{3}, {2}, 2, {}};
  start.phases = {phase};
  return start;
}

class PastKnobs : public ::testing::TestWithParam<SessionStart (*)()> {
 protected:
  SessionStart Start() const { return GetParam()(); }
  Stepper stepper_;
};

constexpr uint32_t kTokens = 90;

TEST_P(PastKnobs, GoOnAlikeWhereverTheSessionIsOpenedAgain) {
  Session session = OpenOrDie(Start());
  const TokenIds tokens = stepper_.Generate(kTokens, &session);
  EXPECT_EQ(TokenIds(tokens.begin(), tokens.begin() + 3), (TokenIds{7, 8, 7}));
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), 9u), 0);
  for (uint32_t i = 0; i < kTokens; ++i) {
    SessionStart start = Start();
    start.generated.assign(tokens.begin(), tokens.begin() + i);
    Session resumed = OpenOrDie(start);
    ASSERT_EQ(stepper_.Generate(kTokens - i, &resumed),
              TokenIds(tokens.begin() + i, tokens.end()))
        << i;
  }
}

TEST_P(PastKnobs, GoOnAlikeAfterDraftsThatAreTakenBackAndInForks) {
  Session session = OpenOrDie(Start());
  const TokenIds tokens = stepper_.Generate(kTokens, &session);
  Session again = OpenOrDie(Start());
  const uint32_t prompt = again.position();
  for (uint32_t i = 0; i < kTokens; ++i) {
    ASSERT_TRUE(again.Append({}, {5, i % 9, 8, 2, 6, 3}).ok());
    ASSERT_TRUE(again.Rewind(prompt + i).ok());
    Session fork = again.Fork(0);
    ASSERT_EQ(stepper_.Next(&again), tokens[i]) << i;
    ASSERT_EQ(stepper_.Next(&fork), tokens[i]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(, PastKnobs, ::testing::Values(Stammer, WithPhases),
                         [](const auto& named) {
                           return named.param == Stammer ? "Base" : "Phases";
                         });

TEST(PastKnobsOfAnUnknownPrompt, AreRefusedByName) {
  const auto refusal = [](const auto& set) {
    Params params;
    set(&params);
    SessionStart start = StartOf(params);
    start.prompt_length = 4;
    return Session::Open(start, Limits()).status();
  };
  const auto refused = [](const char* knob) {
    return StatusIs(Code::kFailedPrecondition,
                    std::string("prompt: ") + knob + " looks at the prompt");
  };
  EXPECT_THAT(refusal([](Params* p) { p->dry_multiplier = 1; }),
              refused("dry_multiplier"));
  EXPECT_THAT(refusal([](Params* p) { p->no_repeat_ngram = 2; }),
              refused("no_repeat_ngram"));
  EXPECT_THAT(refusal([](Params* p) { p->prompt_repetition_penalty = 2; }),
              refused("prompt_repetition_penalty"));
  EXPECT_THAT(refusal([](Params* p) {
                p->thinking_budget = {{1}, {2}, 3, {}};
              }),
              refused("thinking_budget"));
  EXPECT_TRUE(refusal([](Params* p) {
                p->bad_words = {{1, 2}};
                p->forced_tokens = {1};
                p->length_penalty_factor = 2;
              }).ok());
}

}  // namespace
}  // namespace logitd
