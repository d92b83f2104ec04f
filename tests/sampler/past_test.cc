// What looks at the history before temperature: forcing, soft bans, DRY and the
// length penalty. Vectors of the specification, directions, and that all of it
// is a function of the history alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "sampler/forcing.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/knob_notes.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr uint32_t kIds = 26;

class Past : public Sampling {
 protected:
  // What all logits of 0 become: l by id, relative to the largest.
  std::vector<double> Changes(const TokenIds& prompt, const TokenIds& output,
                              const Params& params) {
    Case c = Question(std::vector<float>(kIds, 0), params);
    c.prompt = prompt;
    c.output = output;
    const Outcome outcome = Ask(c);
    double best = -1e300;
    for (const TopToken& top : outcome.top_final) {
      best = std::max(best, top.logprob);
    }
    std::vector<double> changes(kIds, -1e300);
    for (const TopToken& top : outcome.top_final) {
      changes[top.id] = top.logprob - best;
    }
    return changes;
  }
  // The ids that are banned.
  TokenIds Bans(const TokenIds& prompt, const TokenIds& output,
                const Params& params) {
    TokenIds bans;
    const std::vector<double> changes = Changes(prompt, output, params);
    for (uint32_t id = 0; id < kIds; ++id) {
      if (changes[id] < -1e100) bans.push_back(id);
    }
    return bans;
  }
};

// Letters as ids: a is 1.
TokenIds Letters(const std::string& text) {
  TokenIds ids;
  for (const char c : text) ids.push_back(static_cast<uint32_t>(c - 'a') + 1);
  return ids;
}

Params Dry(double multiplier = 0.8) {
  Params params;
  params.dry_multiplier = multiplier;
  return params;
}

// ---- DRY

TEST_P(Past, DryGivesTheVectorsOfTheSpecification) {
  const TokenIds tokens = Letters("abccbcyabc");
  const auto expect = [&](const TokenIds& history, const Params& params,
                          const std::vector<std::pair<char, double>>& minus) {
    std::vector<double> expected(kIds, 0);
    for (const auto& [letter, m] : minus) {
      expected[static_cast<uint32_t>(letter - 'a') + 1] = -m;
    }
    // Prompt or output, or a boundary anywhere: it is all one.
    for (size_t cut = 0; cut <= history.size(); ++cut) {
      const auto at = history.begin() + static_cast<std::ptrdiff_t>(cut);
      const std::vector<double> changes =
          Changes({history.begin(), at}, {at, history.end()}, params);
      for (uint32_t id = 0; id < kIds; ++id) {
        EXPECT_NEAR(changes[id], expected[id], 1e-6) << id << " cut " << cut;
      }
    }
  };
  expect(tokens, Dry(), {{'c', 1.4}, {'y', .8}});
  Params params = Dry();
  params.dry_breaker_ids = Letters("y");
  expect(tokens, params, {{'c', 1.4}});
  params.dry_breaker_ids = Letters("a");
  expect(tokens, params, {{'c', .8}, {'y', .8}});
  params = Dry();
  params.dry_breaker_sequences = {Letters("ya")};
  expect(tokens, params, {{'c', .8}, {'y', .8}});
  params.dry_breaker_sequences = {Letters("bc")};
  expect(tokens, params, {});
  params.dry_breaker_sequences = {Letters("y")};
  expect(tokens, params, {{'c', 1.4}});
  params = Dry();
  params.dry_window = 7;
  expect(tokens, params, {{'y', .8}});
  params.dry_window = 2;
  expect(tokens, params, {});
  params = Dry();
  params.dry_allowed_length = 1;
  expect(tokens, params, {{'c', .8 * 1.75 * 1.75}, {'b', .8}, {'y', 1.4}});
  params.penalty_exclude_ids = Letters("c");
  expect(tokens, params, {{'b', .8}, {'y', 1.4}});
  expect(Letters("aaaaa"), Dry(), {{'a', 2.45}});
}

TEST_P(Past, DryPunishesMoreTheLongerTheRepeatAndNeverOverflows) {
  Case c = Question({1, 2, 3}, Dry());
  double before = 1;
  for (int i = 0; i < 3000; ++i) {
    c.output.push_back(0);
    if (i > 40 && i % 500 != 0) continue;
    const Outcome outcome = Ask(c);
    const double p = ProbabilityOf(outcome, 0);
    EXPECT_EQ(outcome.kept, 3u) << "punished is not banned";
    if (i < 3) {
      EXPECT_NEAR(
          p, std::exp(1 - std::log(std::exp(1) + std::exp(2) + std::exp(3))),
          i < 2 ? 1e-6 : 1);
    }
    EXPECT_TRUE(i <= 2 || p < before || p == 0) << i;
    before = p;
  }
}

TEST_P(Past, DryWithoutARepeatOrOffChangesNoBit) {
  Case plain = Question(MakeRow(Shape::kNormal, 300, 1));
  for (uint32_t i = 0; i < 60; ++i) plain.output.push_back(i);
  Case turned = plain;
  turned.params = Dry();
  EXPECT_EQ(Difference(Ask(plain), Ask(turned)), "") << "nothing repeats";
  plain.output = turned.output = TokenIds(60, 3);
  EXPECT_NE(Difference(Ask(plain), Ask(turned)), "");
  turned.params.dry_multiplier = 0;
  turned.params.dry_base = 3;
  turned.params.dry_breaker_ids = {1};
  EXPECT_EQ(Difference(Ask(plain), Ask(turned)), "");
}

// ---- soft bans

TEST_P(Past, NoRepeatNgramBansWhatWouldCompleteOne) {
  const auto bans = [&](const TokenIds& tokens, uint32_t n) {
    Params params;
    params.no_repeat_ngram = n;
    const TokenIds as_prompt = Bans(tokens, {}, params);
    EXPECT_EQ(as_prompt, Bans({}, tokens, params));
    return as_prompt;
  };
  const TokenIds tokens = {1, 2, 3, 1, 2, 4, 1, 2};
  EXPECT_THAT(bans(tokens, 3), ElementsAre(3, 4));
  EXPECT_THAT(bans(tokens, 2), ElementsAre(3, 4));
  EXPECT_THAT(bans(tokens, 1), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(bans(tokens, 0), ElementsAre());
  EXPECT_THAT(bans(tokens, 9), ElementsAre());
  EXPECT_THAT(bans(tokens, 1000), ElementsAre());
  EXPECT_THAT(bans({7, 7}, 3), ElementsAre());
  EXPECT_THAT(bans({7, 7}, 2), ElementsAre(7));
  EXPECT_THAT(bans({7, 7, 7}, 3), ElementsAre(7));
  EXPECT_THAT(bans({}, 1), ElementsAre());
  EXPECT_THAT(bans({}, 2), ElementsAre());
}

TEST_P(Past, BadWordsAreMatchedInTheOutputAlone) {
  Params params;
  params.bad_words = {{5}, {1, 2}, {3, 1, 4}, {1, 1, 6}};
  EXPECT_THAT(Bans({}, {}, params), ElementsAre(5));
  EXPECT_THAT(Bans({1}, {}, params), ElementsAre(5)) << "the prompt";
  EXPECT_THAT(Bans({}, {1}, params), ElementsAre(2, 5));
  EXPECT_THAT(Bans({3}, {1}, params), ElementsAre(2, 5)) << "begins before";
  EXPECT_THAT(Bans({}, {3, 1}, params), ElementsAre(2, 4, 5));
  EXPECT_THAT(Bans({}, {3, 1, 1}, params), ElementsAre(2, 5, 6));
}

TEST_P(Past, SuppressedIdsAreBannedAlwaysAndTheOthersAtTheBeginning) {
  Params params;
  params.suppressed_ids = {4, 9};
  params.begin_suppressed_ids = {7};
  EXPECT_THAT(Bans({}, {}, params), ElementsAre(4, 7, 9));
  EXPECT_THAT(Bans({1, 2}, {}, params), ElementsAre(4, 7, 9));
  EXPECT_THAT(Bans({}, {1}, params), ElementsAre(4, 9));
}

TEST_P(Past, SoftBansAreLiftedTogetherOrFailByName) {
  Case c = Question({1, 2, 3, 4, kBannedLogit});
  c.output = {0, 0};
  c.params.no_repeat_ngram = 2;   // bans 0
  c.params.bad_words = {{1}};     // 1
  c.params.suppressed_ids = {2};  // 2
  c.params.min_tokens = 5;
  c.params.stop_ids = {3};  // 3
  const Outcome outcome = Ask(c);
  EXPECT_TRUE(outcome.soft_bans_lifted);
  EXPECT_EQ(outcome.kept, 4u) << "all of them";
  c.params.on_empty = OnEmpty::kError;
  const absl::Status status = Fail(c);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(status.message()),
            "min_tokens, bad_words, suppressed_ids, no_repeat_ngram: ban all "
            "that the hard bans leave, and on_empty is ERROR");
  c.params.allowed_ids = {1};
  c.params.bad_words = {{1}};
  c.params.suppressed_ids = {};
  c.params.min_tokens = {};
  c.params.no_repeat_ngram = {};
  EXPECT_EQ(std::string(Fail(c).message()),
            "bad_words: bans all that the hard bans leave, and on_empty is "
            "ERROR");
}

// ---- prompt repetition and length

TEST_P(Past, PromptRepetitionPunishesThePromptAndNotTheOutput) {
  Params params;
  params.prompt_repetition_penalty = 2;
  Case c = Question({2, 2, -1, -1}, params);
  c.prompt = {0, 0, 2};
  c.output = {1, 3};
  const Outcome outcome = Ask(c);  // logits 1, 2, -2, -1
  EXPECT_NEAR(std::log(ProbabilityOf(outcome, 1) / ProbabilityOf(outcome, 0)),
              1, 1e-6);
  EXPECT_NEAR(std::log(ProbabilityOf(outcome, 3) / ProbabilityOf(outcome, 2)),
              1, 1e-6);
  c.params.prompt_repetition_penalty = .5;  // 4, 2, -.5, -1
  const Outcome rewarded = Ask(c);
  EXPECT_NEAR(std::log(ProbabilityOf(rewarded, 0) / ProbabilityOf(rewarded, 1)),
              2, 1e-6);
  c.params.penalty_exclude_ids = {0, 2};
  Case off = c;
  off.params.prompt_repetition_penalty = 1;
  EXPECT_EQ(Difference(Ask(c), Ask(off)), "");
}

TEST_P(Past, TheEndIsFavouredMoreFromTokenToToken) {
  Params params;
  params.length_penalty_factor = 1.1;
  params.length_penalty_start = 3;
  params.eos_ids = {0, 0, 1, 2};
  Case c = Question({2, -2, 0, 1}, params);
  for (uint32_t n = 0; n < 2000; ++n) {
    const Outcome outcome = Ask(c);
    const double growth = n <= 3 ? 0 : std::pow(1.1, n - 3) - 1;
    if (n < 30) {
      const double p = ProbabilityOf(outcome, 3);
      EXPECT_NEAR(std::log(ProbabilityOf(outcome, 0) / p), 2 * growth + 1,
                  1e-4);
      EXPECT_NEAR(std::log(ProbabilityOf(outcome, 1) / p), 2 * growth - 3,
                  1e-4);
      EXPECT_NEAR(std::log(ProbabilityOf(outcome, 2) / p), -1, 1e-4) << n;
    }
    EXPECT_EQ(outcome.kept, 4u);
    c.output.push_back(3);
  }
  c.params.length_penalty_factor = 10;  // the power is beyond any double
  const Outcome saturated = Ask(c);
  EXPECT_EQ(KeptIds(saturated)[0], 0u);
  EXPECT_EQ(saturated.kept, 4u) << "0 stays 0, and is no NaN";
  EXPECT_NEAR(saturated.final_logprob, std::log(.5), 1e-6);
  c.params.ignore_eos = true;
  Case plain = c;
  plain.params.length_penalty_factor = 1;
  EXPECT_EQ(Difference(Ask(plain), Ask(c)), "");
}

// ---- forcing

Params Forcing() {
  Params params;
  params.thinking_budget = {{8}, {9}, 2, {5, 6}};
  params.forced_tokens = {8, 1};
  return params;
}

TEST_P(Past, ForcesTheTokensOfTheSpecificationsVector) {
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

TEST_P(Past, ABudgetCountsWhatThePromptThought) {
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

TEST_P(Past, AHardBanOverrulesAForcedTokenOrFailsTheRow) {
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

TEST_P(Past, AGivenTokenIsReportedBesideTheForcedOne) {
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
  RecordRanges({"thinking_budget"});
}

// ---- properties

// Every knob of this page, and what it needs.
Params AllKnobs(Dice* dice) {
  const auto ids = [&](uint32_t most) {
    TokenIds some(1 + dice->Below(most));
    for (uint32_t& id : some) id = dice->Below(kIds);
    return some;
  };
  Params p;
  if (dice->Chance(.6)) {
    p.dry_multiplier = dice->Unit();
    p.dry_allowed_length = 1 + dice->Below(3);
    if (dice->Chance(.5)) p.dry_window = 1 + dice->Below(40);
    if (dice->Chance(.5)) p.dry_breaker_ids = ids(2);
    if (dice->Chance(.5)) p.dry_breaker_sequences = {ids(3), ids(3)};
  }
  if (dice->Chance(.5)) p.no_repeat_ngram = 1 + dice->Below(4);
  if (dice->Chance(.5)) p.prompt_repetition_penalty = 1.3;
  if (dice->Chance(.5)) p.bad_words = {ids(1), ids(2), ids(2), ids(3)};
  if (dice->Chance(.4)) p.suppressed_ids = ids(3);
  if (dice->Chance(.4)) p.begin_suppressed_ids = ids(3);
  if (dice->Chance(.4)) p.length_penalty_factor = 1.1;
  if (dice->Chance(.4)) p.length_penalty_start = dice->Below(20);
  if (dice->Chance(.3)) p.penalty_exclude_ids = ids(3);
  if (dice->Chance(.3)) p.forced_tokens = ids(12);
  p.eos_ids = ids(2);
  if (dice->Chance(.4)) {
    Params thinking;
    thinking.thinking_budget = {ids(1), ids(2), dice->Below(8), ids(4)};
    if (Validate(thinking, kIds).ok()) {
      p.thinking_budget = thinking.thinking_budget;
    }
  }
  return p;
}

Case AnyCase(Dice* dice) {
  Case c =
      Question(MakeRow(Shape::kNormal, kIds, dice->Next()), AllKnobs(dice));
  // No ties: a permutation would change which id wins one.
  for (uint32_t id = 0; id < kIds; ++id) {
    c.logits[id] += static_cast<float>(id) * 1e-3f;
  }
  c.params.top_k = kIds - 3;
  for (uint32_t n = dice->Below(40); n > 0; --n) {
    c.prompt.push_back(dice->Below(6));
  }
  for (uint32_t n = dice->Below(60); n > 0; --n) {
    c.output.push_back(dice->Below(6));
  }
  c.at.position = static_cast<uint32_t>(c.prompt.size() + c.output.size());
  return c;
}

void Rename(const TokenIds& names, TokenIds* ids) {
  for (uint32_t& id : *ids) id = names[id];
}

Case Renamed(const Case& c, const TokenIds& names) {
  Case renamed = c;
  for (uint32_t id = 0; id < kIds; ++id) {
    renamed.logits[names[id]] = c.logits[id];
  }
  Rename(names, &renamed.prompt);
  Rename(names, &renamed.output);
  Params& p = renamed.params;
  for (TokenIds* ids :
       {&p.dry_breaker_ids, &p.suppressed_ids, &p.begin_suppressed_ids,
        &p.penalty_exclude_ids, &p.forced_tokens, &p.eos_ids}) {
    Rename(names, ids);
  }
  for (TokenIds& ids : p.bad_words) Rename(names, &ids);
  for (TokenIds& ids : p.dry_breaker_sequences) Rename(names, &ids);
  if (p.thinking_budget) {
    Rename(names, &p.thinking_budget->start);
    Rename(names, &p.thinking_budget->end);
    Rename(names, &p.thinking_budget->message);
  }
  return renamed;
}

TEST_P(Past, PermutingTheIdsPermutesTheOutcome) {
  for (int seed = 0; seed < Effort(1500, 100); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    const Case c = AnyCase(&dice);
    TokenIds names(kIds);
    std::iota(names.begin(), names.end(), 0u);
    for (uint32_t i = kIds; i > 1; --i) {
      std::swap(names[i - 1], names[dice.Below(i)]);
    }
    const Outcome plain = Ask(c), renamed = Ask(Renamed(c, names));
    TokenIds expected = KeptIds(plain);
    Rename(names, &expected);
    ASSERT_EQ(KeptIds(renamed), expected) << seed;
    EXPECT_EQ(renamed.forced, plain.forced);
    EXPECT_EQ(renamed.soft_bans_lifted, plain.soft_bans_lifted);
    if (plain.forced != ForcedBy::kNone && !plain.forced_overruled) {
      EXPECT_EQ(renamed.token, names[plain.token]);
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(renamed.top_final[i].logprob, plain.top_final[i].logprob,
                  1e-5);
    }
  }
}

TEST_P(Past, IsAFunctionOfTheHistoryHoweverItCameToBe) {
  const Sampler sampler(kernels());
  Workspace workspace;
  for (int seed = 0; seed < Effort(300, 30); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    const Case c = AnyCase(&dice);
    const Plan plan = *Plan::Compile(c.params, kIds);
    const std::vector<Plan> plans = {plan,
                                     *Plan::Compile(AllKnobs(&dice), kIds),
                                     *Plan::Compile(Params(), kIds)};
    const Row row = {c.logits.data(), kIds, Dtype::kFloat32, nullptr, 0};
    const auto ask = [&](const History& history) {
      Outcome outcome;
      const NoisePoint at = {{7}, history.position(), 0};
      EXPECT_TRUE(sampler
                      .Sample(plan, history, {}, at, row, c.report, {},
                              &workspace, &outcome)
                      .ok());
      return outcome;
    };
    History history(c.prompt);
    ASSERT_TRUE(history.Follow(plans, 0, 0).ok());
    for (size_t i = 0; i < c.output.size(); ++i) {
      history.Append(c.output[i]);
      // Something else, taken back; other phases before and behind.
      if (dice.Chance(.3)) {
        const uint32_t position = history.position();
        history.Switch(plans[dice.Below(3)]);
        for (uint32_t n = dice.Below(12); n > 0; --n) {
          history.Append(dice.Below(kIds));
        }
        history.Switch(plans[dice.Below(3)]);
        ASSERT_TRUE(history.Rewind(position).ok());
        history.Switch(plan);
      }
      if (!dice.Chance(.2)) continue;
      // Opened with its prompt and with the tokens generated so far.
      History opened(c.prompt);
      ASSERT_TRUE(opened.Follow(plan).ok());
      for (size_t j = 0; j <= i; ++j) opened.Append(c.output[j]);
      ASSERT_EQ(Difference(ask(opened), ask(history)), "") << seed;
    }
  }
}

LOGITD_ON_EACH_TARGET(Past);

}  // namespace
}  // namespace logitd::tests
