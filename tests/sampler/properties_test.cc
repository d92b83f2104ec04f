// What holds of any combination of knobs, whatever the numbers are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sampler/fingerprint.h"
#include "tests/sampler/of_any_case.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

bool IsSubset(const TokenIds& part, const TokenIds& whole) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

class Properties : public OfAnyCase {};

void AsItIs(Case*) {}

TEST_P(Properties, AShiftOfAllLogitsChangesNothing) {
  ForEach(DropWhatSeesZero, [&](const Case& c, const Outcome& plain) {
    for (const float by : {0.25f, -3.0f, 16.0f, -64.0f}) {
      const Outcome shifted = Ask(Shifted(c, by));
      EXPECT_EQ(Difference(WithoutRaw(plain), WithoutRaw(shifted)), "") << by;
      EXPECT_NEAR(plain.raw_logprob, shifted.raw_logprob, 1e-12);
      EXPECT_NEAR(plain.raw_entropy, shifted.raw_entropy, 1e-12);
    }
  });
}

TEST_P(Properties, ScaledLogitsAtAScaledTemperatureChangeNothing) {
  const auto prepare = [](Case* c) {
    DropGuidance(c);  // normalises its rows
    Params& p = c->params;
    p.dynamic_temperature_range.reset();  // is a temperature of its own
    for (double& value : p.logit_bias_values) value /= 4;
    for (auto* value :
         {&p.frequency_penalty, &p.presence_penalty, &p.dry_multiplier}) {
      if (*value) **value /= 4;
    }
    if (p.temperature) p.temperature = std::clamp(*p.temperature, 0.1, 20.0);
    // A logit at FLT_MAX does not scale.
    for (auto* value : {&p.length_penalty_factor, &p.dry_base}) {
      if (*value) *value = std::min(**value, 1.2);
    }
  };
  ForEach(prepare, [&](const Case& c, const Outcome& plain) {
    for (const float by : {0.25f, 0.5f, 2.0f, 4.0f}) {
      const Outcome scaled = Ask(Scaled(c, by));
      EXPECT_EQ(Difference(WithoutRaw(plain), WithoutRaw(scaled)), "") << by;
    }
  });
}

TEST_P(Properties, TheOrderOfListsAndRepetitionsChangeNothing) {
  ForEach(AsItIs, [&](const Case& c, const Outcome& plain) {
    Dice dice(c.at.key.bits);
    const Case other = Reordered(c, &dice);
    EXPECT_EQ(Difference(plain, Ask(other)), "");
    EXPECT_EQ(FingerprintLines(*Plan::Compile(c.params, c.vocab_size)),
              FingerprintLines(*Plan::Compile(other.params, c.vocab_size)));
  });
}

TEST_P(Properties, ABannedTokenMoreChangesNothing) {
  const auto prepare = [](Case* c) {
    if (c->params.mirostat == 1u) c->params.mirostat = 2;  // sees vocab_size
    c->logits.resize(c->vocab_size);
    c->mask.resize(std::min<size_t>(c->mask.size(), (c->vocab_size + 7) / 8));
  };
  ForEach(prepare, [&](const Case& c, const Outcome& plain) {
    EXPECT_EQ(Difference(plain, Ask(Extended(c, kBannedLogit))), "");
    if (!c.guidance.empty()) return;  // whose sums see what a list bans
    Case banned = Extended(c, 3);
    banned.params.banned_ids.push_back(c.vocab_size);
    EXPECT_EQ(Difference(WithoutRaw(plain), WithoutRaw(Ask(banned))), "");
  });
}

TEST_P(Properties, ATokenOfNoWeightMoreChangesNoOther) {
  const auto prepare = [](Case* c) {
    DropWhatCounts(c);
    c->logits.resize(c->vocab_size);
    c->mask.resize(std::min<size_t>(c->mask.size(), (c->vocab_size + 7) / 8));
  };
  ForEach(prepare, [&](const Case& c, const Outcome& plain) {
    Outcome more = Ask(Extended(c, -1e7f));
    std::erase(more.kept_ids, c.vocab_size);
    std::erase_if(more.top_final,
                  [&](const TopToken& t) { return t.id == c.vocab_size; });
    more.kept = static_cast<uint32_t>(more.kept_ids.size());
    EXPECT_EQ(Difference(WithoutRaw(plain), WithoutRaw(more)), "");
  });
}

// Prefix truncations, once more on what they kept.
TEST_P(Properties, TruncatingWhatWasKeptKeepsNoMore) {
  const auto prepare = [](Case* c) {
    c->params.forced_tokens.clear();
    c->params.thinking_budget.reset();
  };
  ForEach(prepare, [&](const Case& c, const Outcome& plain) {
    Case again = c;
    again.params.allowed_ids = plain.kept_ids;
    const Ran& ran = runner_.Run(again);
    ASSERT_TRUE(ran.status.ok()) << ran.status;
    EXPECT_TRUE(IsSubset(ran.outcome.kept_ids, plain.kept_ids));
    Case only = c;
    only.params.top_p.reset();
    DropWhatCounts(&only);
    Params& p = only.params;
    p.typical_p.reset();
    p.eta_cutoff.reset();
    p.top_a.reset();
    p.top_h.reset();
    p.p_less.reset();
    p.epsilon_cutoff.reset();
    const Outcome once = Ask(only);
    only.params.allowed_ids = once.kept_ids;
    EXPECT_EQ(Ask(only).kept_ids, once.kept_ids) << "top_k and min_p";
  });
}

TEST_P(Properties, ATighterTopKTopPOrMinPKeepsAPartOfWhatALooserOneDid) {
  const auto prepare = [](Case* c) {
    DropWhatCounts(c);
    Params& p = c->params;
    p.typical_p.reset();
    p.epsilon_cutoff.reset();  // relative to what is left: may keep others
    p.eta_cutoff.reset();
    p.top_a.reset();
    p.top_h.reset();
    p.p_less.reset();
  };
  ForEach(prepare, [&](const Case& c, const Outcome& plain) {
    Dice dice(c.at.key.bits);
    Case k = c, p = c, floor = c;
    k.params.top_k = 1 + dice.Below(c.params.top_k.value_or(60));
    p.params.top_p = c.params.top_p.value_or(1) * (1 - dice.Unit());
    if (p.params.top_p == 0) p.params.top_p = 5e-324;
    const double least = c.params.min_p.value_or(0);
    floor.params.min_p = least + (1 - least) * dice.Unit();
    for (const Case& tighter : {k, p, floor}) {
      EXPECT_TRUE(IsSubset(Ask(tighter).kept_ids, plain.kept_ids));
    }
  });
}

TEST_P(Properties, AGivenTokenChangesNoNumberButItsOwn) {
  ForEach(AsItIs, [&](const Case& c, const Outcome& plain) {
    Case given = c;
    Dice dice(c.at.key.bits);
    given.given = dice.Below(c.vocab_size);
    const Outcome outcome = Ask(given);
    EXPECT_EQ(outcome.token, *given.given);
    EXPECT_EQ(Difference(WithoutToken(plain), WithoutToken(outcome)), "");
    given.given = plain.token;
    Outcome same = Ask(given);
    EXPECT_GT(same.rank, 0u);
    same.rank = plain.rank;
    EXPECT_EQ(Difference(plain, same), "");
  });
}

TEST_P(Properties, WhatIsReportedChangesNoToken) {
  ForEach(AsItIs, [&](const Case& c, const Outcome& plain) {
    Dice dice(c.at.key.bits);
    for (int i = 0; i < 4; ++i) {
      Case other = c;
      Report& r = other.report;
      r.final_logprob = dice.Chance(.5);
      r.raw_logprob = dice.Chance(.5);
      r.tempered_logprob = dice.Chance(.5);
      r.kept_mass = dice.Chance(.5);
      r.entropy = dice.Chance(.5);
      r.row_digest = dice.Chance(.5);
      r.kept_ids = dice.Chance(.5);
      r.top_n_final = dice.Below(9);
      r.top_n_raw = dice.Below(9);
      if (i == 0) r = Report();
      const Outcome outcome = Ask(other);
      EXPECT_EQ(outcome.token, plain.token);
      EXPECT_EQ(outcome.kept, plain.kept);
      EXPECT_EQ(outcome.feedback, plain.feedback);
      if (r.final_logprob) {
        EXPECT_EQ(outcome.final_logprob, plain.final_logprob);
      }
      if (r.raw_logprob) {
        EXPECT_EQ(outcome.raw_logprob, plain.raw_logprob);
      }
    }
  });
}

TEST_P(Properties, ReportedNumbersFitTogether) {
  ForEach(AsItIs, [&](const Case& c, const Outcome& plain) {
    ASSERT_EQ(plain.kept_ids.size(), plain.kept);
    ASSERT_EQ(plain.top_final.size(), plain.kept);
    double sum = 0, entropy = 0, kept_mass = 0;
    for (const TopToken& top : plain.top_final) {
      const double p = std::exp(top.logprob);
      sum += p;
      if (p > 0) entropy -= p * top.logprob;
      Case given = c;
      given.given = top.id;
      const Outcome outcome = Ask(given);
      kept_mass += std::exp(outcome.tempered_logprob);
      EXPECT_EQ(outcome.final_logprob, top.logprob);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
    EXPECT_NEAR(entropy, plain.final_entropy, 1e-5);
    EXPECT_NEAR(kept_mass, plain.kept_mass, 1e-5);
    double raw = 0;
    for (const TopToken& top : plain.top_raw) raw += std::exp(top.logprob);
    EXPECT_NEAR(raw, 1, 1e-6);
    EXPECT_TRUE(std::binary_search(plain.kept_ids.begin(), plain.kept_ids.end(),
                                   plain.drawn_token));
  });
}

LOGITD_ON_EACH_TARGET(Properties);

}  // namespace
}  // namespace logitd::tests
