// The textbook of llama.cpp against llama.cpp's own chain.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/dialects.h"
#include "tests/peers/llama_chain.h"
#include "tests/peers/llama_chain_test.h"
#include "tests/peers/llama_verdict.h"
#include "tests/sampler/dialect_cases.h"
#include "tests/support/rows.h"

namespace logitd::dialects {
namespace {

using tests::DialectCase;
using tests::DialectName;

TEST_F(LlamaChainTest, TheTextbookKeepsWhatTheChainKeeps) {
  Tally tally;
  ForCases([&](const DialectCase& c) {
    const Answer answer = LlamaCpp(c.params, c.row, c.past);
    return Judge(c, FromTextbook(answer), &tally);
  });
  ExpectNearlyAllEqual(tally);
}

TEST_F(LlamaChainTest, TheNamedCasesAreWhatTheChainKeeps) {
  int compared = 0;
  for (const tests::NamedDialectCase& named : tests::NamedDialectCases()) {
    if (named.c.dialect != DialectName::kLlamaCpp) continue;
    if (named.c.name.rfind("Lacking_", 0) == 0) continue;
    // What llama.cpp has no ban for is banned in the row that it gets.
    DialectCase given = named.c;
    const std::vector<Real> row =
        BannedRow(given.params, given.row, given.past, BanRules());
    given.row.logits.assign(row.begin(), row.end());
    const Distribution chain = FromChain(RunChain(given));
    const Answer answer = tests::AskTextbook(named.c);
    EXPECT_TRUE(AgreeButForTies(chain, FromTextbook(answer))) << named.c.name;
    ++compared;
  }
  EXPECT_GE(compared, 30);
}

// One chain over several rows: the textbook is given the state that the chain
// must have come to by what it chose.
void FollowMirostat(uint32_t version) {
  constexpr double kTau = 3, kEta = 0.1;
  DialectCase c;
  c.params.mirostat = version;
  c.params.mirostat_mu = 2 * kTau;
  LlamaChain chain(Library(), DefaultChain(c.params, 500, 0, 11));
  for (uint64_t step = 0; step < 20; ++step) {
    c.row.logits = tests::MakeRow(tests::Shape::kPeaked, 500, step);
    const Distribution left = FromChain(chain.Apply(c.row.logits));
    const Answer answer = LlamaCpp(c.params, c.row, c.past);
    if (answer.closest > 1e-6L) {
      EXPECT_TRUE(Agree(left, FromTextbook(answer))) << step;
    }
    const Real surprise = -std::log2(left.at(chain.chosen()));
    c.params.mirostat_mu -= kEta * static_cast<double>(surprise - kTau);
  }
}

TEST_F(LlamaChainTest, Mirostat1MovesAsTheTextbookSays) { FollowMirostat(1); }
TEST_F(LlamaChainTest, Mirostat2MovesAsTheTextbookSays) { FollowMirostat(2); }

TEST_F(LlamaChainTest, AdaptivePMovesAsTheTextbookSays) {
  constexpr double kDecay = 0.9;
  DialectCase c;
  Params& p = c.params;
  p.adaptive_p = true;
  p.adaptive_p_target = 0.3;
  p.adaptive_p_total_weight = 1 / (1 - kDecay);
  p.adaptive_p_weighted_sum = 0.3 / (1 - kDecay);
  LlamaChain chain(Library(), DefaultChain(p, 500, 0, 11));
  for (uint64_t step = 0; step < 20; ++step) {
    c.row.logits = tests::MakeRow(tests::Shape::kPeaked, 500, step);
    const Distribution left = FromChain(chain.Apply(c.row.logits));
    // Its slope is up to 33 per unit of probability: rounding grows by that.
    const Distribution textbook = FromTextbook(LlamaCpp(p, c.row, c.past));
    EXPECT_TRUE(Agree(left, textbook, 1e-4L)) << step;
    chain.Accept(chain.chosen());
    Params plain;
    const Distribution before = FromTextbook(LlamaCpp(plain, c.row, c.past));
    p.adaptive_p_weighted_sum = static_cast<double>(before.at(chain.chosen())) +
                                kDecay * p.adaptive_p_weighted_sum;
    p.adaptive_p_total_weight = 1 + kDecay * p.adaptive_p_total_weight;
  }
}

// Why the dialect has a list of bugs that are left out.
TEST_F(LlamaChainTest, TypicalOverBannedTokensCutsAnywhere) {
  DialectCase c;
  c.row.logits = {4, 3, 2, 1, 0, -1, 5};
  c.params.banned_ids = {6};
  c.params.typical_p = 0.2;
  EXPECT_TRUE(TypicalSeesZero(c));
  EXPECT_EQ(LlamaCpp(c.params, c.row, c.past).ids, Ids{1});
  const Distribution left = FromChain(RunChain(c));
  EXPECT_EQ(left.count(1), 0u) << "no longer a bug there: off the list";
}

}  // namespace
}  // namespace logitd::dialects
