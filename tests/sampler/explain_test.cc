// What an Explainer tells is what the sampler does.
#include "sampler/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "sampler/order.h"
#include "tests/sampler/cases.h"
#include "tests/sampler/oracle_case.h"
#include "tests/sampler/targets.h"

namespace logitd::tests {
namespace {

uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }

const TokenChange* Find(const StageRecord& record, uint32_t id) {
  for (const TokenChange& token : record.tokens) {
    if (token.id == id) return &token;
  }
  return nullptr;
}

class Explained : public OnEachTarget {
 protected:
  Explained() : runner_(kernels()) {}

  // A case that asks for all that a record can be compared with.
  static Case AskingCase(uint64_t seed) {
    const auto focus = static_cast<Focus>(seed % kFocusCount);
    Case c = MakeCase(focus, SmallVocabulary(seed), seed);
    c.given.reset();
    c.report.final_logprob = c.report.entropy = c.report.kept_mass = true;
    c.report.top_n_final = c.report.top_n_raw = 8;
    return c;
  }

  Explainer Explain(const Case& c, TokenIds ids = {}, uint32_t top_n = 8) {
    Explainer explainer(kernels(), c.vocab_size, top_n, std::move(ids));
    ran_ = runner_.Run(c, MakeHistory, &explainer);
    return explainer;
  }

  CaseRunner runner_;
  Ran ran_;
};

TEST_P(Explained, ChangesNothing) {
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(800, 80));
       ++seed) {
    const Case c = AskingCase(seed);
    const Ran plain = runner_.Run(c);
    Explain(c);
    ASSERT_EQ(plain.status, ran_.status);
    if (!plain.status.ok()) continue;
    ASSERT_EQ(Difference(plain.outcome, ran_.outcome), "") << c.name;
  }
}

// Every knob: the last record is the distribution that was drawn from.
TEST_P(Explained, EndsWithWhatTheStepUsesToTheBit) {
  std::map<std::string, int> stages;
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(2000, 200));
       ++seed) {
    const Case c = AskingCase(seed);
    const Explainer explainer = Explain(c);
    const Outcome& outcome = ran_.outcome;
    if (!ran_.status.ok() || outcome.is_forced()) continue;
    const StageRecord& last = explainer.records().back();
    ASSERT_EQ(last.kept, outcome.kept) << c.name;
    ASSERT_EQ(Bits(last.entropy), Bits(outcome.final_entropy)) << c.name;
    uint32_t rank = 0;
    for (const TopToken& top : outcome.top_final) {
      const TokenChange* token = Find(last, top.id);
      ASSERT_NE(token, nullptr) << c.name << ", token " << top.id;
      ASSERT_EQ(Bits(token->logprob_after), Bits(top.logprob)) << c.name;
      ASSERT_EQ(explainer.RankOf(top.id), ++rank) << c.name;
    }
    for (const StageRecord& record : explainer.records()) {
      ++stages[record.stage];
    }
  }
  // With chance left in the case's dice every stage was seen.
  for (size_t i = 0; i < kOrderedStageCount; ++i) {
    EXPECT_GT(stages[kStageNames[i]], 0) << kStageNames[i];
  }
  for (const char* stage : {"row", "guidance", "hard_bans", "soft_bans"}) {
    EXPECT_GT(stages[stage], 0) << stage;
  }
}

// The best before and after, be it one, and whom it is asked about.
TEST_P(Explained, ShowsAsManyTokensAsItIsAskedFor) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const Case c = AskingCase(seed);
    const Explainer none = Explain(c, {3}, 0), one = Explain(c, {}, 1);
    if (!ran_.status.ok() || ran_.outcome.is_forced()) continue;
    for (const StageRecord& record : none.records()) {
      ASSERT_EQ(record.tokens.size(), 1u) << c.name;
      ASSERT_EQ(record.tokens[0].id, 3u);
    }
    const StageRecord& last = one.records().back();
    ASSERT_LE(last.tokens.size(), 2u) << c.name;
    ASSERT_NE(Find(last, ran_.outcome.top_final[0].id), nullptr) << c.name;
  }
}

TEST_P(Explained, BeginsWithTheRowAsReceived) {
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(500, 50));
       ++seed) {
    const Case c = AskingCase(seed);
    const Explainer explainer = Explain(c);
    if (!ran_.status.ok()) continue;
    const StageRecord& first = explainer.records().front();
    ASSERT_STREQ(first.stage, "row");
    ASSERT_EQ(Bits(first.entropy), Bits(ran_.outcome.raw_entropy)) << c.name;
    EXPECT_EQ(first.kept_mass, 1);
    EXPECT_EQ(first.changed_logits, 0u);
    ASSERT_GE(first.tokens.size(), ran_.outcome.top_raw.size());
    for (const TopToken& top : ran_.outcome.top_raw) {
      ASSERT_NE(Find(first, top.id), nullptr) << c.name;
    }
  }
}

// Of tokens asked for by name, what each stage before the temperature did to
// their logits, against the textbook.
TEST_P(Explained, TellsWhatPenaltiesAndBiasDidToTokens) {
  int compared = 0;
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(1500, 150));
       ++seed) {
    Case c = AskingCase(seed);
    if (!c.params.steps.empty()) continue;  // edits may follow a temperature
    TokenIds ids;
    for (uint32_t id = 0; id < c.vocab_size; id += 7) ids.push_back(id);
    const Explainer explainer = Explain(c, ids);
    if (!ran_.status.ok()) continue;
    const oracle::Answer answer = AskOracle(c);
    const oracle::Changer change =
        oracle::ChangerOf(ToOracle(c.params), PastOf(c));
    std::vector<float> logits = answer.unshaped;
    if (c.params.schedules.empty() == false) continue;
    for (const StageRecord& record : explainer.records()) {
      const auto stage =
          std::find_if(kStageNames, kStageNames + kOrderedStageCount,
                       [&](const char* name) {
                         return std::string(name) == record.stage;
                       }) -
          kStageNames;
      if (static_cast<size_t>(stage) >= kOrderedStageCount ||
          !ChangesLogits(static_cast<Stage>(stage))) {
        continue;
      }
      const std::vector<float> before = logits;
      change(record.stage, &logits);
      for (const uint32_t id : ids) {
        const TokenChange* token = Find(record, id);
        ASSERT_NE(token, nullptr);
        ASSERT_EQ(token->logit_before, before[id]) << c.name << record.stage;
        ASSERT_EQ(token->logit_after, logits[id]) << c.name << record.stage;
        ++compared;
      }
      uint32_t changed = 0;
      for (uint32_t id = 0; id < c.vocab_size; ++id) {
        changed += logits[id] != before[id] ? 1 : 0;
      }
      ASSERT_EQ(record.changed_logits, changed) << c.name << record.stage;
    }
  }
  EXPECT_GT(compared, 1000);
}

// Stages that only cut: their shares multiply to the mass that is reported.
TEST_P(Explained, SharesOfTheMassMultiplyToTheKeptMass) {
  int compared = 0;
  for (uint64_t seed = 1; seed <= static_cast<uint64_t>(Effort(1000, 100));
       ++seed) {
    Case c = AskingCase(seed);
    if (!c.params.steps.empty() || c.params.adaptive_p_target) continue;
    const Explainer explainer = Explain(c);
    if (!ran_.status.ok() || ran_.outcome.greedy) continue;
    double share = 1;
    bool is_after = false;
    for (const StageRecord& record : explainer.records()) {
      if (is_after) share *= record.kept_mass;
      is_after |= std::string(record.stage) == "temperature";
    }
    ASSERT_NEAR(share, ran_.outcome.kept_mass, 1e-5) << c.name;
    compared += share < 1 ? 1 : 0;
  }
  EXPECT_GT(compared, Effort(1000, 100) / 10);
}

TEST_P(Explained, TellsWhoIsBanned) {
  Case c;
  c.vocab_size = 4;
  c.logits = {3, 2, 1, 0};
  c.params.banned_ids = {0};
  c.params.suppressed_ids = {1};
  const Explainer explainer = Explain(c, {0, 1});
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const auto& records = explainer.records();
  ASSERT_GE(records.size(), 4u);
  ASSERT_STREQ(records[1].stage, "hard_bans");
  EXPECT_EQ(records[1].kept, 3u);
  EXPECT_EQ(records[1].changed_logits, 1u);
  EXPECT_EQ(Find(records[1], 0)->logit_before, 3);
  EXPECT_EQ(Find(records[1], 0)->logprob_after, -kInf);
  const double all = std::exp(3) + std::exp(2) + std::exp(1) + 1;
  EXPECT_NEAR(records[1].kept_mass, 1 - std::exp(3) / all, 1e-6);
  ASSERT_STREQ(records[2].stage, "soft_bans");
  EXPECT_EQ(records[2].kept, 2u);
  EXPECT_EQ(Find(records[2], 1)->logit_after,
            -std::numeric_limits<float>::infinity());
  EXPECT_NEAR(Find(records[2], 2)->logprob_after, -std::log1p(std::exp(-1)),
              1e-6);
}

TEST_P(Explained, OfAGreedyStepLeavesOneToken) {
  Case c;
  c.vocab_size = 3;
  c.logits = {1, 2, 2};
  c.params.temperature = 0;
  const Explainer explainer = Explain(c);
  const StageRecord& last = explainer.records().back();
  EXPECT_STREQ(last.stage, "temperature");
  EXPECT_EQ(last.kept, 1u);
  EXPECT_EQ(last.entropy, 0);
  EXPECT_EQ(Find(last, 1)->logprob_after, 0);
}

LOGITD_ON_EACH_TARGET(Explained);

}  // namespace
}  // namespace logitd::tests
