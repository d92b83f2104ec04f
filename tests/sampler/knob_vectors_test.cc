// The knobs' vectors of the specification: computed by scripts of tests/golden
// from its text, printed in sampler/README.md, and found by the sampler.
#include "tests/sampler/knob_vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "sampler/noise.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/golden_script.h"
#include "tests/sampler/knob_list.h"

namespace logitd::tests {
namespace {

using Lines = std::vector<std::string>;

std::string Hex(const std::vector<double>& values) {
  return absl::StrJoin(values, " ", [](std::string* out, double value) {
    absl::StrAppendFormat(out, "%a", value);
  });
}

class KnobVectorsTest : public Sampling {
 protected:
  std::string LineOf(const KnobVector& vector) {
    Case c = Question(vector.logits, vector.params());
    c.prompt = vector.prompt;
    c.output = vector.output;
    const Outcome outcome = Ask(c);
    c.given = outcome.kept_ids.at(0);
    return absl::StrCat(vector.name, " = ",
                        absl::StrJoin(outcome.kept_ids, " "), " at ",
                        Hex({Ask(c).final_logprob}));
  }

  // Where the coin of half a chance, of seed 42, makes XTC act.
  std::string CoinsThatAct() {
    Params params;
    params.xtc_probability = 0.5;
    Case c = Question({4, 3, 2, 1, 0, -1}, params);
    c.at.key = {42};
    std::vector<uint32_t> positions;
    for (; c.at.position < 12; ++c.at.position) {
      if (Ask(c).kept < 6) positions.push_back(c.at.position);
    }
    return absl::StrJoin(positions, " ");
  }

  std::vector<Outcome> Follow(const FeedbackVector& vector) {
    Case c = Question({4, 3, 2, 1, 0, -1}, vector.params());
    std::vector<Outcome> outcomes;
    for (const uint32_t token : vector.given) {
      c.given = token;
      outcomes.push_back(Ask(c));
      c.feedback = outcomes.back().feedback;
      c.output.push_back(token);
    }
    return outcomes;
  }

  void AddMu(const FeedbackVector& vector, Lines* lines) {
    std::vector<double> mu;
    for (const Outcome& outcome : Follow(vector)) {
      mu.push_back(outcome.feedback.mu.value());
    }
    lines->push_back(absl::StrCat(vector.name, ": mu = ", Hex(mu)));
  }

  void AddSums(const FeedbackVector& vector, Lines* lines) {
    std::vector<double> sums, logprobs;
    for (const Outcome& outcome : Follow(vector)) {
      sums.push_back(outcome.feedback.sums.value().weighted);
      sums.push_back(outcome.feedback.sums.value().total);
      logprobs.push_back(outcome.final_logprob);
    }
    lines->push_back(absl::StrCat(vector.name, ": S, W = ", Hex(sums)));
    lines->push_back(absl::StrCat("the same: final_logprob = ", Hex(logprobs)));
  }

  void AddKept(const FeedbackVector& vector, Lines* lines) {
    std::vector<uint32_t> kept;
    for (const Outcome& outcome : Follow(vector)) kept.push_back(outcome.kept);
    lines->push_back(
        absl::StrCat(vector.name, ": kept = ", absl::StrJoin(kept, " ")));
  }
};

TEST_P(KnobVectorsTest, OfTheSpecificationsTextAreTheSamplers) {
  Lines lines;
  for (const KnobVector& vector : RowVectors()) lines.push_back(LineOf(vector));
  for (const KnobVector& vector : PastVectors())
    lines.push_back(LineOf(vector));
  std::vector<double> coins;
  for (const uint32_t position : {0u, 1u, 2u}) {
    coins.push_back(Uniform(Noise({{42}, position}, Purpose::kXtcCoin, 0)));
  }
  lines.push_back(absl::StrCat("xtc coins of seed 42 = ", Hex(coins)));
  lines.push_back(
      absl::StrCat("xtc 0.5 of seed 42 acts at = ", CoinsThatAct()));
  EXPECT_EQ(lines, LinesOfScript("knob_vectors.py"));
}

TEST_P(KnobVectorsTest, OfDialectsAreTheSamplers) {
  Lines lines;
  for (const KnobVector& vector : DialectVectors()) {
    lines.push_back(LineOf(vector));
  }
  EXPECT_EQ(lines, LinesOfScript("knob_vectors_dialects.py"));
}

TEST_P(KnobVectorsTest, OfFeedbackMoveAsTheSamplerDoes) {
  Lines lines;
  for (const FeedbackVector& vector : FeedbackVectors()) {
    const Params params = vector.params();
    if (params.mirostat) {
      AddMu(vector, &lines);
    } else if (params.adaptive_p_target) {
      AddSums(vector, &lines);
    } else {
      AddKept(vector, &lines);
    }
  }
  EXPECT_EQ(lines, LinesOfScript("knob_vectors_feedback.py"));
}

LOGITD_ON_EACH_TARGET(KnobVectorsTest);

// What is no knob of a row's distribution, or has its vectors in the text.
const std::set<std::string>& WithoutAKnobVector() {
  static const auto* const names = new std::set<std::string>{
      "stop_sequences", "max_tokens",      "on_empty",
      "on_non_finite",  "on_conflict",     "forced_tokens",
      "schedules",      "thinking_budget", "guidance_scale"};
  return *names;
}

TEST(KnobVectorList, HasEveryKnob) {
  std::vector<Params> all;
  for (const KnobVectors& vectors :
       {RowVectors(), PastVectors(), DialectVectors()}) {
    for (const KnobVector& vector : vectors) all.push_back(vector.params());
  }
  for (const FeedbackVector& vector : FeedbackVectors()) {
    all.push_back(vector.params());
  }
  for (const Knob& knob : AllKnobs()) {
    const bool has_one = std::any_of(all.begin(), all.end(), knob.is_on);
    EXPECT_NE(has_one, WithoutAKnobVector().count(knob.name) == 1) << knob.name;
  }
}

TEST(SpecificationPage, PrintsEveryVectorOfAKnob) {
  ExpectOnThePage("knob_vectors.py", 70);
  ExpectOnThePage("knob_vectors_dialects.py", 45);
  ExpectOnThePage("knob_vectors_feedback.py", 5);
}

}  // namespace
}  // namespace logitd::tests
