// All that looks at the history together: it is a function of the history
// alone, and ids are but names.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tests/sampler/ask.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

constexpr uint32_t kIds = 26;

class AnyPast : public Sampling {};

// Every knob of this page, and what it needs.
Params AllKnobs(Dice* dice) {
  const auto ids = [&](uint32_t most) {
    TokenIds some(1 + dice->Below(most));
    for (uint32_t& id : some) id = dice->Below(kIds);
    return some;
  };
  Params p;
  if (dice->Chance(.6)) {
    p.dry_multiplier = dice->Unit();
    p.dry_allowed_length = 1 + dice->Below(3);
    if (dice->Chance(.5)) p.dry_window = 1 + dice->Below(40);
    if (dice->Chance(.5)) p.dry_breaker_ids = ids(2);
    if (dice->Chance(.5)) p.dry_breaker_sequences = {ids(3), ids(3)};
  }
  if (dice->Chance(.5)) p.no_repeat_ngram = 1 + dice->Below(4);
  if (dice->Chance(.5)) p.prompt_repetition_penalty = 1.3;
  if (dice->Chance(.5)) p.bad_words = {ids(1), ids(2), ids(2), ids(3)};
  if (dice->Chance(.4)) p.suppressed_ids = ids(3);
  if (dice->Chance(.4)) p.begin_suppressed_ids = ids(3);
  if (dice->Chance(.4)) p.length_penalty_factor = 1.1;
  if (dice->Chance(.4)) p.length_penalty_start = dice->Below(20);
  if (dice->Chance(.3)) p.penalty_exclude_ids = ids(3);
  if (dice->Chance(.3)) p.forced_tokens = ids(12);
  p.eos_ids = ids(2);
  if (dice->Chance(.4)) {
    Params thinking;
    thinking.thinking_budget = {ids(1), ids(2), dice->Below(8), ids(4)};
    if (Validate(thinking, kIds).ok()) {
      p.thinking_budget = thinking.thinking_budget;
    }
  }
  return p;
}

Case AnyCase(Dice* dice) {
  Case c =
      Question(MakeRow(Shape::kNormal, kIds, dice->Next()), AllKnobs(dice));
  // No ties: a permutation would change which id wins one.
  for (uint32_t id = 0; id < kIds; ++id) {
    c.logits[id] += static_cast<float>(id) * 1e-3f;
  }
  c.params.top_k = kIds - 3;
  for (uint32_t n = dice->Below(40); n > 0; --n) {
    c.prompt.push_back(dice->Below(6));
  }
  for (uint32_t n = dice->Below(60); n > 0; --n) {
    c.output.push_back(dice->Below(6));
  }
  c.at.position = static_cast<uint32_t>(c.prompt.size() + c.output.size());
  return c;
}

void Rename(const TokenIds& names, TokenIds* ids) {
  for (uint32_t& id : *ids) id = names[id];
}

Case Renamed(const Case& c, const TokenIds& names) {
  Case renamed = c;
  for (uint32_t id = 0; id < kIds; ++id) {
    renamed.logits[names[id]] = c.logits[id];
  }
  Rename(names, &renamed.prompt);
  Rename(names, &renamed.output);
  Params& p = renamed.params;
  for (TokenIds* ids :
       {&p.dry_breaker_ids, &p.suppressed_ids, &p.begin_suppressed_ids,
        &p.penalty_exclude_ids, &p.forced_tokens, &p.eos_ids}) {
    Rename(names, ids);
  }
  for (TokenIds& ids : p.bad_words) Rename(names, &ids);
  for (TokenIds& ids : p.dry_breaker_sequences) Rename(names, &ids);
  if (p.thinking_budget) {
    Rename(names, &p.thinking_budget->start);
    Rename(names, &p.thinking_budget->end);
    Rename(names, &p.thinking_budget->message);
  }
  return renamed;
}

TEST_P(AnyPast, PermutingTheIdsPermutesTheOutcome) {
  for (int seed = 0; seed < Effort(1500, 100); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    const Case c = AnyCase(&dice);
    TokenIds names(kIds);
    std::iota(names.begin(), names.end(), 0u);
    for (uint32_t i = kIds; i > 1; --i) {
      std::swap(names[i - 1], names[dice.Below(i)]);
    }
    const Outcome plain = Ask(c), renamed = Ask(Renamed(c, names));
    TokenIds expected = KeptIds(plain);
    Rename(names, &expected);
    ASSERT_EQ(KeptIds(renamed), expected) << seed;
    EXPECT_EQ(renamed.forced, plain.forced);
    EXPECT_EQ(renamed.soft_bans_lifted, plain.soft_bans_lifted);
    if (plain.is_forced()) {
      EXPECT_EQ(renamed.token, names[plain.token]);
    }
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(renamed.top_final[i].logprob, plain.top_final[i].logprob,
                  1e-5);
    }
  }
}

TEST_P(AnyPast, IsAFunctionOfTheHistoryHoweverItCameToBe) {
  const Sampler sampler(kernels());
  Workspace workspace;
  for (int seed = 0; seed < Effort(300, 30); ++seed) {
    Dice dice(static_cast<uint64_t>(seed));
    const Case c = AnyCase(&dice);
    const Plan plan = *Plan::Compile(c.params, kIds);
    const std::vector<Plan> plans = {plan,
                                     *Plan::Compile(AllKnobs(&dice), kIds),
                                     *Plan::Compile(Params(), kIds)};
    const Row row = {c.logits.data(), kIds, Dtype::kFloat32, nullptr, 0};
    const auto ask = [&](const History& history) {
      Outcome outcome;
      const NoisePoint at = {{7}, history.position(), 0};
      EXPECT_TRUE(sampler
                      .Sample(plan, history, {}, at, row, c.report, {},
                              &workspace, &outcome)
                      .ok());
      return outcome;
    };
    History history(c.prompt);
    ASSERT_TRUE(history.Follow(plans, 0, 0).ok());
    for (size_t i = 0; i < c.output.size(); ++i) {
      history.Append(c.output[i]);
      // Something else, taken back; other phases before and behind.
      if (dice.Chance(.3)) {
        const uint32_t position = history.position();
        history.Switch(plans[dice.Below(3)]);
        for (uint32_t n = dice.Below(12); n > 0; --n) {
          history.Append(dice.Below(kIds));
        }
        history.Switch(plans[dice.Below(3)]);
        ASSERT_TRUE(history.Rewind(position).ok());
        history.Switch(plan);
      }
      if (!dice.Chance(.2)) continue;
      // Opened with its prompt and with the tokens generated so far.
      History opened(c.prompt);
      ASSERT_TRUE(opened.Follow(plan).ok());
      for (size_t j = 0; j <= i; ++j) opened.Append(c.output[j]);
      ASSERT_EQ(Difference(ask(opened), ask(history)), "") << seed;
    }
  }
}

LOGITD_ON_EACH_TARGET(AnyPast);

}  // namespace
}  // namespace logitd::tests
