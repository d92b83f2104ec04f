// What the tests against llama.cpp's chain share: they skip where it could not
// be fetched, and judge the same cases by the same bounds. Knows GoogleTest.
#ifndef LOGITD_TESTS_PEERS_LLAMA_CHAIN_TEST_H_
#define LOGITD_TESTS_PEERS_LLAMA_CHAIN_TEST_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "tests/peers/llama_verdict.h"

namespace logitd::dialects {

class LlamaChainTest : public testing::Test {
 protected:
  void SetUp() override {
    const LlamaLibrary& library = Library();
    if (library.unreachable) {
      GTEST_SKIP() << "llama.cpp could not be fetched: " << library.missing;
    }
    ASSERT_EQ(library.missing, "");
  }

  // 1,500 cases, or 10,000; judge(case) says its verdict.
  template <class Judge>
  void ForCases(const Judge& judge) {
    const uint64_t count = std::getenv("LOGITD_LONG") != nullptr ? 10000 : 1500;
    for (uint64_t seed = 0; seed < count; ++seed) {
      const tests::DialectCase c =
          tests::MakeDialectCase(tests::DialectName::kLlamaCpp, seed);
      EXPECT_NE(judge(c), Verdict::kUnexplained) << c.name;
    }
  }

  void ExpectNearlyAllEqual(const Tally& tally) {
    std::cout << "  " << tally.Text() << "\n";
    tally.RecordKnobs();
    EXPECT_GE(tally.of(Verdict::kEqual), tally.cases * 3 / 4);
    EXPECT_GE(tally.with_dry, tally.cases / 10);
    EXPECT_GE(tally.with_penalties, tally.cases / 4);
    EXPECT_LE(tally.apart, tally.plain / 50);
    EXPECT_LE(tally.of(Verdict::kNear), tally.cases / 100);
    EXPECT_LE(tally.of(Verdict::kFloat32), tally.cases / 50);
    EXPECT_LE(tally.of(Verdict::kZero), tally.cases / 10);
    EXPECT_LE(tally.of(Verdict::kLost), tally.cases / 50);
  }
};

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_PEERS_LLAMA_CHAIN_TEST_H_
