// Forced tokens and thinking budgets: the vector of the specification, what may
// overrule them, and what is refused.
#include "sampler/forcing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sampler/stages.h"
#include "sampler/workspace.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/knob_notes.h"

namespace logitd::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kIds = 26;

class Forced : public Sampling {};

Params Forcing() {
  Params params;
  params.thinking_budget = {{8}, {9}, 2, {5, 6}};
  params.forced_tokens = {8, 1};
  return params;
}

TEST_P(Forced, ForcesTheTokensOfTheSpecificationsVector) {
  const TokenIds tokens = {8, 1, 3, 5, 6, 9, 4, 8, 2, 2, 5, 7, 9, 8, 8};
  const std::vector<int> forced = {8,  1,  -1, 5, 6, 9,  -1, -1,
                                   -1, -1, 5,  6, 9, -1, -1};
  Case c = Question(MakeRow(Shape::kNormal, kIds, 3), Forcing());
  c.prompt = {};
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Outcome outcome = Ask(c);
    EXPECT_EQ(outcome.forced != ForcedBy::kNone, forced[i] >= 0) << i;
    if (forced[i] >= 0) {
      EXPECT_EQ(outcome.token, static_cast<uint32_t>(forced[i])) << i;
      EXPECT_EQ(outcome.forced,
                i < 2 ? ForcedBy::kForcedTokens : ForcedBy::kThinkingBudget);
      EXPECT_EQ(outcome.kept, 1u);
      EXPECT_EQ(outcome.final_logprob, 0);
      EXPECT_TRUE(outcome.greedy);
    }
    c.output.push_back(tokens[i]);
    c.at.position = static_cast<uint32_t>(c.output.size());
  }
}

TEST_P(Forced, ABudgetCountsWhatThePromptThought) {
  Params params;
  params.thinking_budget = {{8}, {9}, 3, {}};
  Case c = Question(std::vector<float>(kIds, 0), params);
  c.prompt = {1, 8, 2, 2};
  EXPECT_EQ(Ask(c).forced, ForcedBy::kNone);
  c.output = {2};
  EXPECT_EQ(Ask(c).forced, ForcedBy::kThinkingBudget);
  EXPECT_EQ(Ask(c).token, 9u);
  c.params.thinking_budget->max_tokens = 0;
  c.prompt = {1, 8};
  c.output = {};
  EXPECT_EQ(Ask(c).token, 9u);
}

TEST_P(Forced, AHardBanOverrulesAForcedTokenOrFailsTheRow) {
  Case c = Question({1, 2, 3});
  c.params.forced_tokens = {2};
  const auto expect_overruled = [&](const Case& banned) {
    const Outcome outcome = Ask(banned);
    EXPECT_EQ(outcome.forced, ForcedBy::kForcedTokens);
    EXPECT_TRUE(outcome.forced_overruled);
    EXPECT_NE(outcome.token, 2u);
    EXPECT_EQ(outcome.kept, 2u);
    Case error = banned;
    error.params.on_conflict = OnConflict::kError;
    const absl::Status status = Fail(error);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(std::string(status.message()),
              "forced_tokens: token 2 is hard-banned, and on_conflict is "
              "ERROR");
  };
  Case banned = c;
  banned.params.banned_ids = {2};
  expect_overruled(banned);
  banned = c;
  banned.params.allowed_ids = {0, 1};
  expect_overruled(banned);
  banned = c;
  banned.logits[2] = kBannedLogit;
  expect_overruled(banned);
  banned = c;
  banned.has_mask = true;
  banned.mask = {0b011};
  expect_overruled(banned);
  banned = c;
  banned.params.eos_ids = {2};
  banned.params.ban_eos = true;
  expect_overruled(banned);
  // Soft bans do not.
  c.params.suppressed_ids = {2};
  EXPECT_EQ(Ask(c).token, 2u);
  EXPECT_FALSE(Ask(c).forced_overruled);
}

// What lies behind a mask's end in memory says nothing.
TEST_P(Forced, AShortMaskBansWhatIsBeyondIt) {
  Workspace workspace;
  workspace.Reserve(16);
  const std::vector<float> logits(16, 0);
  uint32_t bad = 0;
  kernels().load_f32(logits.data(), 16, false, workspace.row(), &bad);
  const Plan plan = *Plan::Compile(Params(), 16);
  const uint8_t bits[] = {0xFF, 0xFF};
  EXPECT_FALSE(IsHardBanned(plan, bits, 1, 7, &workspace));
  EXPECT_TRUE(IsHardBanned(plan, bits, 1, 8, &workspace));
  EXPECT_FALSE(IsHardBanned(plan, bits, 2, 8, &workspace));
}

TEST_P(Forced, AGivenTokenIsReportedBesideTheForcedOne) {
  Case c = Question({1, 2, 3});
  c.params.forced_tokens = {2};
  c.given = 0;
  Outcome outcome = Ask(c);
  EXPECT_EQ(outcome.token, 0u);
  EXPECT_EQ(outcome.drawn_token, 2u);
  EXPECT_EQ(outcome.rank, 0u);
  EXPECT_EQ(outcome.final_logprob, -std::numeric_limits<double>::infinity());
  Case plain = Question({1, 2, 3});
  plain.given = 0;
  EXPECT_EQ(outcome.raw_logprob, Ask(plain).raw_logprob);
  c.given = 2;
  outcome = Ask(c);
  EXPECT_EQ(outcome.rank, 1u);
  EXPECT_EQ(outcome.final_logprob, 0);
}

TEST(ThinkingBudgets, OfNothingEndASectionAtOnce) {
  EXPECT_EQ(ThinkingBudget().max_tokens, 0u);
}

TEST(ThinkingBudgets, ThatCouldNotEndAreRefused) {
  const auto check = [](const ThinkingBudget& budget) {
    Params params;
    params.thinking_budget = budget;
    return std::string(Validate(params, kIds).message());
  };
  EXPECT_EQ(check({{8}, {9}, 2, {5}}), "");
  EXPECT_THAT(check({{}, {9}, 2, {}}),
              HasSubstr("thinking_budget.start: 0 tokens are outside"));
  EXPECT_THAT(check({{8}, {}, 2, {}}),
              HasSubstr("thinking_budget.end: 0 tokens are outside"));
  EXPECT_THAT(check({{7, 9}, {9}, 2, {}}),
              HasSubstr("budget.start: ends with"));
  EXPECT_THAT(check({{8}, {9}, 2, {5, 8}}), HasSubstr("budget.message: holds"));
  EXPECT_THAT(check({{5, 9}, {9, 1}, 2, {5}}), HasSubstr("message: holds"));
  EXPECT_THAT(check({{8}, {9}, (1u << 20) + 1, {}}),
              HasSubstr("thinking_budget.max_tokens: 1048577 is outside [0, "
                        "1048576]"));
  EXPECT_THAT(check({{8}, {26}, 1, {}}),
              HasSubstr("thinking_budget.end: id 26 at index 0 is outside"));
  EXPECT_THAT(
      check({{8}, {9}, 1, {5, 26}}),
      HasSubstr("thinking_budget.message: id 26 at index 1 is outside"));
  RecordRanges({"thinking_budget"});
}

LOGITD_ON_EACH_TARGET(Forced);

}  // namespace
}  // namespace logitd::tests
