// Whose tokens each penalty counts: a trap of samplers, traps.tsv has them all.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

// Four equal logits of 2. Said: 0 by the prompt alone, 1 by the output alone, 2
// by both, and 3 by nobody. By how much each is below 3 then.
class PenaltyCounts : public Sampling {
 protected:
  std::vector<double> Lowered(Params params, Dialect dialect) {
    params.dialect = dialect;
    Case c = Question({2, 2, 2, 2}, params);
    c.prompt = {0, 2, 0, 2, 2};
    c.output = {1, 2, 2};
    c.at.position = 8;
    const Outcome outcome = Ask(c);
    std::vector<double> lowered;
    for (const uint32_t id : {0u, 1u, 2u}) {
      lowered.push_back(
          std::log(ProbabilityOf(outcome, 3) / ProbabilityOf(outcome, id)));
    }
    return lowered;
  }
};

TEST_P(PenaltyCounts, FrequencyAndPresenceSeeTheOutputAlone) {
  Params frequency, presence;
  frequency.frequency_penalty = .25;
  presence.presence_penalty = .5;
  for (const Dialect dialect : {Dialect::kLogitd, Dialect::kVllm}) {
    EXPECT_THAT(Lowered(frequency, dialect), AreAbout({0, .25, .5}));
    EXPECT_THAT(Lowered(presence, dialect), AreAbout({0, .5, .5}));
  }
}

TEST_P(PenaltyCounts, RepetitionSeesPromptAndOutputOnce) {
  Params params;
  params.repetition_penalty = 2;
  EXPECT_THAT(Lowered(params, Dialect::kLogitd), AreAbout({1, 1, 1}));
}

TEST_P(PenaltyCounts, PromptRepetitionSeesThePromptAlone) {
  Params params;
  params.prompt_repetition_penalty = 2;
  EXPECT_THAT(Lowered(params, Dialect::kLogitd), AreAbout({1, 0, 1}));
}

TEST_P(PenaltyCounts, DifferWhereTheDialectSaysSo) {
  Params frequency, presence, repetition;
  frequency.frequency_penalty = .25;
  presence.presence_penalty = .5;
  repetition.repetition_penalty = 2;
  EXPECT_THAT(Lowered(frequency, Dialect::kLlamaCpp),
              AreAbout({.5, .25, 1.25}));
  EXPECT_THAT(Lowered(presence, Dialect::kLlamaCpp), AreAbout({.5, .5, .5}));
  EXPECT_THAT(Lowered(repetition, Dialect::kSglang), AreAbout({0, 1, 1}));
}

LOGITD_ON_EACH_TARGET(PenaltyCounts);

}  // namespace
}  // namespace logitd::tests
