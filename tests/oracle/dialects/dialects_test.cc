// The textbooks against answers that are known.

#include "tests/oracle/dialects/dialects.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "tests/sampler/dialect_cases.h"

namespace logitd::dialects {
namespace {

using tests::DialectCase;
using tests::DialectName;
using tests::NamedDialectCase;

class NamedCase : public testing::TestWithParam<NamedDialectCase> {};

TEST_P(NamedCase, IsKeptByTheTextbook) {
  const NamedDialectCase& named = GetParam();
  const Answer answer = tests::AskTextbook(named.c);
  std::vector<size_t> order(answer.ids.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return answer.ids[a] < answer.ids[b]; });
  Ids kept;
  for (size_t i : order) kept.push_back(answer.ids[i]);
  EXPECT_EQ(kept, named.kept);
  if (named.p.empty()) return;
  ASSERT_EQ(answer.p.size(), named.p.size());
  for (size_t i = 0; i < order.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(answer.p[order[i]]), named.p[i], 2e-4)
        << "token " << answer.ids[order[i]];
  }
}

std::string NameOf(const testing::TestParamInfo<NamedDialectCase>& named) {
  return named.param.c.name;
}

INSTANTIATE_TEST_SUITE_P(Dialects, NamedCase,
                         testing::ValuesIn(tests::NamedDialectCases()), NameOf);

// What holds whatever the dialect.
TEST(Textbooks, LeaveADistributionOverTokensThatAreNotBanned) {
  for (int d = 0; d < tests::kDialectCount; ++d) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
      const DialectCase c =
          tests::MakeDialectCase(static_cast<DialectName>(d), seed, true);
      const Answer answer = tests::AskTextbook(c);
      if (answer.nothing_left) continue;
      Real sum = 0;
      for (size_t i = 0; i < answer.ids.size(); ++i) {
        sum += answer.p[i];
        EXPECT_FALSE(std::isinf(c.row.logits[answer.ids[i]])) << c.name;
      }
      EXPECT_NEAR(static_cast<double>(sum), 1, 1e-12) << c.name;
      const std::set<uint32_t> distinct(answer.ids.begin(), answer.ids.end());
      EXPECT_EQ(distinct.size(), answer.ids.size()) << c.name;
    }
  }
}

// Else their places would be judged by nobody.
TEST(LackingKnobs, AreSetInManyCasesOfEachDialect) {
  for (int d = 0; d < tests::kDialectCount; ++d) {
    std::map<std::string, int> cases;
    for (uint64_t seed = 0; seed < 400; ++seed) {
      const DialectCase c =
          tests::MakeDialectCase(static_cast<DialectName>(d), seed, true);
      for (const std::string& knob : c.lacking) ++cases[knob];
    }
    EXPECT_GE(cases.size(), 15u);
    for (const auto& [knob, count] : cases) {
      EXPECT_GE(count, 15) << tests::Name(static_cast<DialectName>(d)) << " "
                           << knob;
    }
  }
}

}  // namespace
}  // namespace logitd::dialects
