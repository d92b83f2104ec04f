// Rows where more tokens stay than a sampler likes to look at: a trap of
// samplers, traps.tsv has them all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sampler/ask.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

constexpr uint32_t kIds = 50257;
// More than any sampler is known to prefilter to.
constexpr uint32_t kMany = 20000;

// Logits that fall by less than a thousandth from one to the next of the rank,
// which is not the order of ids; no two are equal.
std::vector<float> WideRow() {
  std::vector<float> logits(kIds);
  for (uint32_t i = 0; i < kIds; ++i) {
    logits[uint64_t{i} * 31337 % kIds] = static_cast<float>(i) * -0x1p-15f;
  }
  return logits;
}

struct Cut {
  std::string name;
  Params params;
};

template <class Value>
Cut Only(const std::string& name, std::optional<Value> Params::*knob,
         Value value) {
  Cut cut = {name, {}};
  cut.params.*knob = value;
  return cut;
}

// Each cuts, and none below kMany; top_a never does on such a row.
std::vector<Cut> WideCuts() {
  std::vector<Cut> cuts = {
      Only<uint32_t>("top_k", &Params::top_k, 40000),
      Only("top_p", &Params::top_p, .9),
      Only("top_n_sigma", &Params::top_n_sigma, 2.5),
      Only("min_p", &Params::min_p, .3),
      Only("typical_p", &Params::typical_p, .9),
      Only("epsilon_cutoff", &Params::epsilon_cutoff, 1.5e-5),
      Only("eta_cutoff", &Params::eta_cutoff, .47),
      Only("tail_free", &Params::tail_free, .9),
      Only("top_h", &Params::top_h, .9),
      Only("mirostat", &Params::mirostat_tau, 7.9),
  };
  cuts.back().params.mirostat = 2;
  cuts.push_back(Only("p_less", &Params::temperature, 4.0));
  cuts.back().params.p_less = true;
  cuts.push_back(Only("xtc", &Params::xtc_threshold, 2e-5));
  cuts.back().params.xtc_probability = 1;
  return cuts;
}

class WideRows : public Sampling {};

TEST_P(WideRows, AreCutWhereTheSpecificationSaysHoweverManyStay) {
  for (const Cut& cut : WideCuts()) {
    const Case c = Question(WideRow(), cut.params);
    const Outcome outcome = Ask(c);
    EXPECT_GT(outcome.kept, kMany) << cut.name;
    EXPECT_LT(outcome.kept, kIds) << cut.name;
    EXPECT_EQ(Difference(Exact(c, AskOracle(c)), outcome), "") << cut.name;
  }
}

// Equal weights, whose sums are exact: half of the mass is half of the ids.
TEST_P(WideRows, OfEqualLogitsKeepHalfOfThemForHalfTheMass) {
  const std::vector<float> equal(1 << 17, 2.0f);
  for (const auto knob : {&Params::top_p, &Params::typical_p}) {
    Params params;
    params.*knob = .5;
    const Outcome outcome = Ask(equal, params);
    ASSERT_EQ(outcome.kept, 1u << 16);
    EXPECT_EQ(outcome.kept_ids.front(), 0u);
    EXPECT_EQ(outcome.kept_ids.back(), (1u << 16) - 1);
    EXPECT_EQ(outcome.kept_mass, .5);
  }
}

// More ties than any list holds, in every other block: the last one kept is the
// k-th of them.
TEST_P(WideRows, OfTiesInSomeBlocksKeepTheFirst) {
  constexpr uint32_t kBlock = kernels::kBlockSize;
  std::vector<float> logits(size_t{512} * kBlock, 0);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (i / kBlock % 2 == 0) logits[i] = 1;
  }
  Params params;
  params.top_k = 9000;
  const TokenIds kept = Ask(logits, params).kept_ids;
  ASSERT_EQ(kept.size(), 9000u);
  const uint32_t last = 8999;
  EXPECT_EQ(kept.back(), last / kBlock * 2 * kBlock + last % kBlock);
}

// Cutting away the token's part of the tail would show in its rank and draw.
TEST_P(WideRows, DrawTokensFromAllThatIsKept) {
  Case c = Question(WideRow(), Only("top_p", &Params::top_p, .9).params);
  std::vector<uint32_t> rank(kIds);
  for (uint32_t i = 0; i < kIds; ++i) rank[uint64_t{i} * 31337 % kIds] = i;
  c.report.kept_ids = false;
  int behind_many = 0;
  for (uint32_t position = 0; position < 64; ++position) {
    c.at.position = position;
    const uint32_t token = Ask(c).token;
    behind_many += rank[token] >= kMany ? 1 : 0;
  }
  // .9 of the mass are 40,097 tokens; those behind kMany weigh .35 of it.
  EXPECT_GT(behind_many, 5);
}

// Equal shares of the entropy. What looks at the first hundred keeps no more;
// what measures them as a distribution of their own keeps 1000^h of them.
TEST_P(WideRows, KeepTheShareOfTopHOfAllTheEntropyNotOfTheFirstHundreds) {
  Params params;
  params.top_h = .4005;
  EXPECT_EQ(Ask(std::vector<float>(1000, 1), params).kept, 400u);
  // Of the ladder .2892 .3395 .2107 ... of 1.0233 nats; as distributions of
  // their own the first two have .5822.
  params.top_h = .6;
  EXPECT_THAT(KeptIds(Ask({4, 3, 2, 1, 0, -1}, params)),
              ::testing::ElementsAre(0));
  params.top_h = .62;
  EXPECT_THAT(KeptIds(Ask({4, 3, 2, 1, 0, -1}, params)),
              ::testing::ElementsAre(0, 1));
}

LOGITD_ON_EACH_TARGET(WideRows);

}  // namespace
}  // namespace logitd::tests
