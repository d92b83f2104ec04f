// When a generation ends and why, against the oracle and by example; a stop
// sequence goes on across rewinding, forking and opening the session again.
#include "sampler/ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/oracle/oracle.h"
#include "tests/sampler/knob_list.h"
#include "tests/sampler/knob_notes.h"
#include "tests/sampler/oracle_case.h"
#include "tests/sampler/targets.h"
#include "tests/support/rows.h"

namespace logitd::tests {
namespace {

constexpr uint32_t kVocab = 6;

Plan Compile(const Params& params) {
  const absl::StatusOr<Plan> plan = Plan::Compile(params, kVocab);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

// The reason after each token of the output.
std::vector<FinishReason> Reasons(const Params& params, const TokenIds& prompt,
                                  const TokenIds& output) {
  const Plan plan = Compile(params);
  History history(prompt);
  EXPECT_TRUE(history.Follow(plan).ok());
  std::vector<FinishReason> reasons;
  for (uint32_t token : output) {
    history.Append(token);
    reasons.push_back(CheckEnds(plan, history));
  }
  return reasons;
}

FinishReason LastReason(const Params& params, const TokenIds& prompt,
                        const TokenIds& output) {
  return Reasons(params, prompt, output).back();
}

TokenIds AnyTokens(uint32_t count_max, Dice* dice) {
  TokenIds tokens(1 + dice->Below(count_max));
  for (uint32_t& token : tokens) token = dice->Below(kVocab);
  return tokens;
}

Params AnyEnds(Dice* dice) {
  Params params;
  if (dice->Chance(.4)) params.eos_ids = AnyTokens(2, dice);
  if (dice->Chance(.4)) params.stop_ids = AnyTokens(2, dice);
  while (dice->Chance(.5) && params.stop_sequences.size() < 5) {
    params.stop_sequences.push_back(AnyTokens(4, dice));
  }
  if (dice->Chance(.5)) params.min_tokens = dice->Below(12);
  if (dice->Chance(.5)) params.max_tokens = 1 + dice->Below(12);
  if (dice->Chance(.3)) params.ignore_eos = true;
  return params;
}

// Notes the knobs without which the session would end otherwise.
void NoteDeciders(const Params& params, const oracle::Past& past,
                  const std::vector<FinishReason>& reasons,
                  Comparisons* compared) {
  for (const Knob& knob : AllKnobs()) {
    if (!knob.is_on(params)) continue;
    Params without = params;
    knob.take_away(&without);
    const auto others = Reasons(without, past.prompt, past.output);
    if (reasons != others) compared->Add(knob.name, 0);
  }
}

TEST(Ends, AreThoseOfTheOracleAtEveryTokenOfAnySession) {
  int finished = 0;
  Comparisons compared;
  for (int seed = 0; seed < Effort(4000, 400); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    const Params params = AnyEnds(&dice);
    const TokenIds prompt = AnyTokens(6, &dice);
    const TokenIds output = AnyTokens(16, &dice);
    const auto reasons = Reasons(params, prompt, output);
    oracle::Past past = {prompt, {}};
    for (size_t i = 0; i < output.size(); ++i) {
      past.output.push_back(output[i]);
      const oracle::Finish expected = oracle::FinishOf(ToOracle(params), past);
      ASSERT_EQ(static_cast<int>(reasons[i]), static_cast<int>(expected))
          << "seed " << seed << " token " << i;
      if (reasons[i] != FinishReason::kNone) ++finished;
    }
    NoteDeciders(params, past, reasons, &compared);
  }
  compared.Record("oracle");
  EXPECT_GT(finished, Effort(4000, 400)) << "these sessions hardly end";
}

TEST(Ends, NameTheFirstReasonThatHolds) {
  Params params;
  params.eos_ids = {1};
  params.stop_ids = {1, 2};
  params.stop_sequences = {{3}, {2}};
  params.max_tokens = 1;
  EXPECT_EQ(LastReason(params, {}, {1}), FinishReason::kEos);
  EXPECT_EQ(LastReason(params, {}, {2}), FinishReason::kStopId);
  EXPECT_EQ(LastReason(params, {}, {3}), FinishReason::kStopSequence);
  EXPECT_EQ(LastReason(params, {}, {4}), FinishReason::kMaxTokens);
  params.ignore_eos = true;
  EXPECT_EQ(LastReason(params, {}, {1}), FinishReason::kStopId);
}

TEST(Ends, ComeNotBeforeAnyTokenIsGenerated) {
  Params params;
  params.eos_ids = {1};
  const Plan plan = Compile(params);
  const History history(TokenIds{1});
  EXPECT_EQ(CheckEnds(plan, history), FinishReason::kNone);
}

TEST(Ends, IgnoredEosDoesNotFinish) {
  Params params;
  params.eos_ids = {1};
  params.ignore_eos = true;
  EXPECT_EQ(LastReason(params, {}, {1}), FinishReason::kNone);
}

TEST(Ends, AreDelayedByMinTokensAllButMaxTokens) {
  Params params;
  params.eos_ids = {1};
  params.stop_ids = {2};
  params.stop_sequences = {{3}};
  params.min_tokens = 2;
  params.max_tokens = 3;
  using enum FinishReason;
  EXPECT_THAT(Reasons(params, {5}, {1, 2, 3}),
              testing::ElementsAre(kNone, kNone, kStopSequence));
  EXPECT_THAT(Reasons(params, {5}, {4, 4, 4}),
              testing::ElementsAre(kNone, kNone, kMaxTokens));
  params.min_tokens = 9;
  EXPECT_THAT(Reasons(params, {5}, {1, 2, 1}),
              testing::ElementsAre(kNone, kNone, kMaxTokens));
}

TEST(Ends, AreDelayedByMinTokensHoweverTheTokenCame) {
  Params params;
  params.eos_ids = {1};
  params.min_tokens = 2;
  EXPECT_THAT(Reasons(params, {}, {1, 1, 1}),
              testing::ElementsAre(FinishReason::kNone, FinishReason::kNone,
                                   FinishReason::kEos));
}

TEST(Ends, AStopSequenceIsNeverMatchedInThePrompt) {
  Params params;
  params.stop_sequences = {{1, 2, 3}};
  EXPECT_EQ(LastReason(params, {1, 2}, {3}), FinishReason::kNone);
  EXPECT_EQ(LastReason(params, {0}, {1, 2, 3}), FinishReason::kStopSequence);
}

TEST(Ends, AHalfMatchedStopSequenceGoesOnInAReopenedSession) {
  Params params;
  params.stop_sequences = {{1, 1, 2}, {4, 1, 1, 1, 2, 5}};
  const TokenIds prompt = {1, 1};
  const TokenIds output = {4, 1, 1, 1, 3, 1, 1, 0, 1, 1, 2};
  const auto reasons = Reasons(params, prompt, output);
  EXPECT_EQ(reasons.back(), FinishReason::kStopSequence);
  const Plan plan = Compile(params);
  for (size_t cut = 0; cut <= output.size(); ++cut) {
    History reopened =
        cut % 2 == 0 ? History(prompt) : History::WithoutPrompt(2);
    ASSERT_TRUE(reopened.Follow(plan).ok());
    for (size_t i = 0; i < output.size(); ++i) {
      if (i == cut) {  // a fork, and a detour that is taken back
        History fork = reopened;
        for (int junk = 0; junk < 300; ++junk) fork.Append(1);
        ASSERT_TRUE(fork.Rewind(static_cast<uint32_t>(2 + cut)).ok());
        reopened = fork;
      }
      reopened.Append(output[i]);
      EXPECT_EQ(CheckEnds(plan, reopened), reasons[i]) << cut << " " << i;
    }
  }
}

TEST(Ends, ALongStopSequenceIsFoundAfterTheHistoryWasTrimmed) {
  Params params;
  TokenIds sequence(256, 1);
  sequence.push_back(2);
  sequence.erase(sequence.begin());
  params.stop_sequences = {sequence};
  TokenIds output(5000, 1);
  output.push_back(2);
  EXPECT_EQ(LastReason(params, {3}, output), FinishReason::kStopSequence);
  output[4800] = 3;
  EXPECT_EQ(LastReason(params, {3}, output), FinishReason::kNone);
}

TEST(Ends, AreKnownAfterARewindToTheOldestTokenThatIsKept) {
  Params params;
  params.eos_ids = {1};
  const Plan plan = Compile(params);
  History history;
  ASSERT_TRUE(history.Follow(plan).ok());
  for (int i = 0; i < 3000; ++i) history.Append(1);
  while (history.generated() > 1 &&
         history.Rewind(history.position() - 1).ok()) {
    ASSERT_EQ(CheckEnds(plan, history), FinishReason::kEos);
  }
}

}  // namespace
}  // namespace logitd::tests
