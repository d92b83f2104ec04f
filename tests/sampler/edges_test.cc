// Edges that random cases and worked examples miss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

class Edges : public Sampling {};

TEST_P(Edges, TheVeryFirstTokenOfAPromptMayBeginAThoughtOrBreakAMatch) {
  Case c = Question(std::vector<float>(12, 0));
  c.params.thinking_budget = ThinkingBudget{{8}, {9}, 1, {}};
  c.prompt = {8, 1};
  EXPECT_EQ(Ask(c).forced, ForcedBy::kThinkingBudget);
  EXPECT_EQ(Ask(c).token, 9u);

  // After `1 2 1` the 2 follows, unless a match begins at a breaker.
  c = Question(std::vector<float>(4, 0));
  c.params.dry_multiplier = 100;
  c.params.dry_allowed_length = 1;
  c.prompt = {1, 2, 1};
  EXPECT_LT(ProbabilityOf(Ask(c), 2), 1e-9);
  c.params.dry_breaker_ids = {1};
  EXPECT_NEAR(ProbabilityOf(Ask(c), 2), .25, 1e-6);
}

LOGITD_ON_EACH_TARGET(Edges);

}  // namespace
}  // namespace logitd::tests
