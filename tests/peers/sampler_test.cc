// The sampler in the dialect LLAMA_CPP_V1 against llama.cpp's own chain.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/peers/llama_chain_test.h"
#include "tests/peers/llama_verdict.h"
#include "tests/sampler/asked.h"
#include "tests/sampler/cases.h"
#include "tests/sampler/targets.h"

namespace logitd::dialects {
namespace {

Distribution FromSampler(const Outcome& outcome) {
  Distribution all;
  for (const uint32_t id : outcome.kept_ids) {
    all[id] = std::numeric_limits<Real>::quiet_NaN();
  }
  for (const TopToken& top : outcome.top_final) {
    all[top.id] = std::exp(static_cast<Real>(top.logprob));
  }
  return all;
}

TEST_F(LlamaChainTest, TheSamplerKeepsWhatTheChainKeeps) {
  tests::CaseRunner runner(*tests::Targets()[0]);
  Tally tally;
  ForCases([&](const tests::DialectCase& c) {
    const tests::Ran& ran = runner.Run(
        tests::Asked(c, tests::DialectOf(tests::DialectName::kLlamaCpp)));
    EXPECT_TRUE(ran.status.ok()) << c.name << ": " << ran.status;
    return Judge(c, FromSampler(ran.outcome), &tally);
  });
  ExpectNearlyAllEqual(tally);
}

// The same cases in a dialect that is not the chain's differ.
TEST_F(LlamaChainTest, OtherDialectsDoNot) {
  tests::CaseRunner runner(*tests::Targets()[0]);
  for (int other = 0; other < tests::kDialectCount; ++other) {
    const auto name = static_cast<tests::DialectName>(other);
    if (name == tests::DialectName::kLlamaCpp) continue;
    Tally tally;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      const tests::DialectCase c =
          tests::MakeDialectCase(tests::DialectName::kLlamaCpp, seed);
      const tests::Ran& ran =
          runner.Run(tests::Asked(c, tests::DialectOf(name)));
      if (!ran.status.ok()) continue;
      Judge(c, FromSampler(ran.outcome), &tally);
    }
    EXPECT_GE(tally.of(Verdict::kUnexplained), 20) << tests::Name(name);
  }
}

}  // namespace
}  // namespace logitd::dialects
