// What looks at the history before temperature: soft bans, DRY and the length
// penalty. Vectors of the specification, and directions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

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

LOGITD_ON_EACH_TARGET(Past);

}  // namespace
}  // namespace logitd::tests
