// The knobs from temperature on: the worked vectors of sampler/README.md, and
// that turning each moves the distribution the way it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "sampler/noise.h"
#include "tests/sampler/ask.h"

namespace logitd::tests {
namespace {

using testing::ElementsAre;

// Logits whose softmax is .6337 .2331 .0858 .0315 .0116 .0043.
const std::vector<float> kLadder = {4, 3, 2, 1, 0, -1};

class Shaping : public Sampling {
 protected:
  template <class Value>
  TokenIds KeptOfLadder(std::optional<Value> Params::*knob, Value value) {
    Params params;
    params.*knob = value;
    return KeptIds(Ask(kLadder, params));
  }

  // Calls check(before, after, name) for rows of several shapes under two
  // values of a knob.
  void Turn(std::optional<double> Params::*knob, double from, double to,
            const std::function<void(const Outcome&, const Outcome&,
                                     const std::string&)>& check,
            const Params& others = {}) {
    for (const Shape shape : {Shape::kNormal, Shape::kPeaked, Shape::kFalling,
                              Shape::kFlat, Shape::kBfloat16}) {
      for (const uint32_t size : {6u, 300u, 3000u}) {
        const std::vector<float> row = MakeRow(shape, size, size + 7);
        Params before = others, after = others;
        before.*knob = from;
        after.*knob = to;
        check(Ask(row, before), Ask(row, after),
              std::string(Name(shape)) + " " + std::to_string(size));
      }
    }
  }

  // The larger value keeps no fewer, and somewhere more.
  void KeepsMore(std::optional<double> Params::*knob, double from, double to) {
    int more = 0;
    Turn(knob, from, to,
         [&](const Outcome& before, const Outcome& after,
             const std::string& name) {
           EXPECT_LE(before.kept, after.kept) << name;
           more += before.kept < after.kept ? 1 : 0;
         });
    EXPECT_GT(more, 2);
  }
  void KeepsFewer(std::optional<double> Params::*knob, double from, double to) {
    KeepsMore(knob, to, from);
  }
};

TEST_P(Shaping, DynamicTemperatureOfTheLadderIsThatOfTheVector) {
  Params dynamic;
  dynamic.temperature = .8;
  dynamic.dynamic_temperature_range = .5;
  const Outcome outcome = Ask(kLadder, dynamic);
  const double ratio =
      std::log(ProbabilityOf(outcome, 0) / ProbabilityOf(outcome, 1));
  EXPECT_NEAR(1 / ratio, .871093, 1e-5);
}

TEST_P(Shaping, DynamicTemperatureIsColdWhereTheRowIsSureAndHotWhereItIsNot) {
  Params dynamic;
  dynamic.temperature = 1;
  dynamic.dynamic_temperature_range = .9;
  const std::vector<float> sure = {9, 0, 0, 0}, unsure = {.4f, .3f, .2f, .1f};
  EXPECT_LT(Ask(sure, dynamic).final_entropy, Ask(sure).final_entropy);
  EXPECT_GT(Ask(unsure, dynamic).final_entropy, Ask(unsure).final_entropy);
  Turn(
      &Params::dynamic_temperature_exponent, .5, 2,
      [](const Outcome& before, const Outcome& after, const std::string& name) {
        EXPECT_LE(after.final_entropy, before.final_entropy + 1e-6) << name;
      },
      dynamic);
}

TEST_P(Shaping, ATemperatureOfZeroIsGreedyWhateverItsRange) {
  Params params;
  params.temperature = 0;
  params.dynamic_temperature_range = 1;
  EXPECT_TRUE(Ask(kLadder, params).greedy);
}

TEST_P(Shaping, SmoothingBendsTheLadderAsTheVectorsSay) {
  Params params;
  params.smoothing_factor = .2;
  for (const auto& [curve, logits] :
       std::vector<std::pair<double, std::vector<double>>>{
           {1, {4, 3.8, 3.2, 2.2, .8, -1}}, {2, {4, 3.8, 2.8, .4, -4, -11}}}) {
    params.smoothing_curve = curve;
    const Outcome outcome = Ask(kLadder, params);
    ASSERT_EQ(outcome.kept, 6u);
    for (uint32_t id = 0; id < 6; ++id) {
      const double fall =
          outcome.top_final[id].logprob - outcome.top_final[0].logprob;
      EXPECT_NEAR(fall, logits[id] - 4, 1e-5);
    }
  }
}

TEST_P(Shaping, SmoothingLiftsWhatIsNearTheBestAndDropsWhatIsFar) {
  Params params;
  params.smoothing_factor = .2;
  const std::vector<float> row = {4, 3, -6};
  const Outcome plain = Ask(row), bent = Ask(row, params);
  EXPECT_GT(ProbabilityOf(bent, 1), ProbabilityOf(plain, 1));
  EXPECT_LT(ProbabilityOf(bent, 2), ProbabilityOf(plain, 2));
  // A larger factor falls off faster, and so does a higher curve.
  Turn(
      &Params::smoothing_factor, .1, .4,
      [](const Outcome& before, const Outcome& after, const std::string& name) {
        EXPECT_LE(after.final_entropy, before.final_entropy + 1e-6) << name;
      });
}

TEST_P(Shaping, TopNSigmaTakesTheDeviationOfThePopulation) {
  EXPECT_THAT(KeptOfLadder(&Params::top_n_sigma, 1.0), ElementsAre(0, 1));
  EXPECT_THAT(KeptOfLadder(&Params::top_n_sigma, 1.1), ElementsAre(0, 1));
  EXPECT_THAT(KeptOfLadder(&Params::top_n_sigma, 1.2), ElementsAre(0, 1, 2));
  KeepsMore(&Params::top_n_sigma, .5, 2.5);
}

TEST_P(Shaping, TopNSigmaDoesNotDependOnTheTemperature) {
  Params params;
  params.top_n_sigma = 1.3;
  Turn(
      &Params::temperature, .5, 2,
      [](const Outcome& before, const Outcome& after, const std::string& name) {
        EXPECT_EQ(before.kept, after.kept) << name;
      },
      params);
}

TEST_P(Shaping, TopNSigmaDoesNotSeeBannedTokens) {
  Params params;
  params.top_n_sigma = 1;
  const std::vector<float> row = {4, 3, kBannedLogit, 2, 1, 0, -1};
  EXPECT_THAT(KeptIds(Ask(row, params)), ElementsAre(0, 1));
}

// Squares from 2^-100 on say something.
TEST_P(Shaping, TopNSigmaCutsFromTheLeastSquaresOn) {
  Params params;
  params.top_n_sigma = .5;
  EXPECT_EQ(Ask({0, 0, -0x1p-50f, -0x1p-50f}, params).kept, 2u);  // Q = 2^-100
  EXPECT_EQ(Ask({0, 0, -0x1p-51f, -0x1p-51f}, params).kept, 4u);
}

// Where a prefix must have more than p, and only all mass is more, it ends
// where nothing is missing: what is too little to be added is not kept.
TEST_P(Shaping, TopPNextToOneEndsWhereAllMassIs) {
  Params params;
  params.top_p = 1 - 0x1p-53;
  const std::vector<float> row = {0, -1, -60};
  for (const Dialect dialect : {Dialect::kSglang, Dialect::kOpenvino}) {
    params.dialect = dialect;
    EXPECT_THAT(KeptIds(Ask(row, params)), ElementsAre(0, 1));
  }
}

TEST_P(Shaping, TypicalMayDropTheMostProbableToken) {
  EXPECT_THAT(KeptOfLadder(&Params::typical_p, .2), ElementsAre(1));
  EXPECT_THAT(KeptOfLadder(&Params::typical_p, .5), ElementsAre(0, 1));
  EXPECT_THAT(KeptOfLadder(&Params::typical_p, .9), ElementsAre(0, 1, 2));
  KeepsMore(&Params::typical_p, .3, .9);
}

TEST_P(Shaping, TypicalReachesItsMass) {
  Turn(
      &Params::typical_p, .4, .8,
      [](const Outcome& before, const Outcome& after, const std::string& name) {
        EXPECT_GE(before.kept_mass, .4 - 1e-6) << name;
        EXPECT_GE(after.kept_mass, .8 - 1e-6) << name;
      });
}

TEST_P(Shaping, OfTwoEquallyTypicalTokensTheLowerIdStays) {
  Params params;
  params.typical_p = .2;
  EXPECT_THAT(KeptIds(Ask({0, 1, 1, 1}, params)), ElementsAre(1));
}

TEST_P(Shaping, EpsilonKeepsWhatIsProbableEnough) {
  EXPECT_THAT(KeptOfLadder(&Params::epsilon_cutoff, .05), ElementsAre(0, 1, 2));
  EXPECT_THAT(KeptOfLadder(&Params::epsilon_cutoff, .9), ElementsAre(0));
  KeepsFewer(&Params::epsilon_cutoff, 1e-4, 1e-2);
}

TEST_P(Shaping, EtaLowersItsCutWhereTheRowIsUnsure) {
  EXPECT_THAT(KeptOfLadder(&Params::eta_cutoff, .05), ElementsAre(0, 1, 2));
  EXPECT_THAT(KeptOfLadder(&Params::eta_cutoff, .3), ElementsAre(0, 1));
  KeepsFewer(&Params::eta_cutoff, 1e-4, 5e-2);
}

TEST_P(Shaping, TopAGoesByTheSquareOfTheBest) {
  EXPECT_THAT(KeptOfLadder(&Params::top_a, .2), ElementsAre(0, 1, 2));
  KeepsFewer(&Params::top_a, .01, .9);
}

TEST_P(Shaping, PLessKeepsWhatTwoDrawsWouldShare) {
  EXPECT_THAT(KeptOfLadder(&Params::p_less, true), ElementsAre(0));
  // The squares of .4 .3 .2 .1 sum up to .3, which is kept.
  Params params;
  params.p_less = true;
  EXPECT_THAT(KeptIds(Ask(LogitsOf({.41, .31, .19, .09}), params)),
              ElementsAre(0, 1));
  EXPECT_EQ(Ask({1, 1, 1, 1}, params).kept, 4u);
}

TEST_P(Shaping, TailFreeCutsWhereTheCurveHasFlattened) {
  KeepsMore(&Params::tail_free, .3, .97);
  // Weights 1 .5 .45 .4 .35 ...: all the bend lies at the first step.
  Params params;
  params.tail_free = .5;
  EXPECT_THAT(KeptIds(Ask(LogitsOf({.4, .2, .18, .16, .14}), params)),
              ElementsAre(0));
}

TEST_P(Shaping, TopHKeepsAShareOfTheEntropy) {
  Turn(&Params::top_h, .3, .8,
       [&](const Outcome& before, const Outcome& after,
           const std::string& name) {
         EXPECT_LE(before.kept, after.kept) << name;
         const double h = .3 * before.raw_entropy;
         double sum = 0;  // of the share before renormalising
         for (const TopToken& top : before.top_final) {
           const double logprob = top.logprob + std::log(before.kept_mass);
           sum -= std::exp(logprob) * logprob;
         }
         if (before.kept > 1 && before.kept < kTopMax) {
           EXPECT_LE(sum, h + 1e-5) << name;
         }
       });
  EXPECT_THAT(KeptOfLadder(&Params::top_h, 1e-3), ElementsAre(0));
}

TEST_P(Shaping, XtcRemovesAllButTheLeastOfTheTopChoices) {
  Params params;
  params.xtc_probability = 1;
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(1, 2, 3, 4, 5));
  params.xtc_threshold = .05;
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(2, 3, 4, 5));
  params.xtc_threshold = .3;  // only one reaches it
  EXPECT_EQ(Ask(kLadder, params).kept, 6u);
  params.xtc_threshold = 0;
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(5));
  params.xtc_protected_ids = {1, 0};
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(0, 1, 5));
}

TEST_P(Shaping, XtcAppliesAsOftenAsItsProbabilitySays) {
  Params params;
  params.xtc_probability = .3;
  Case c = Question(kLadder, params);
  int applied = 0;
  for (uint32_t position = 0; position < 4000; ++position) {
    c.at.position = position;
    applied += Ask(c).kept == 5 ? 1 : 0;
  }
  EXPECT_NEAR(applied, 1200, 150);  // five deviations
}

// A coin that is the probability itself is not below it.
TEST_P(Shaping, XtcAppliesWhereItsCoinIsBelowItsProbability) {
  Params params;
  Case c = Question(kLadder, params);
  for (c.at.position = 0; c.at.position < 50; ++c.at.position) {
    const double coin = Uniform(Noise(c.at, Purpose::kXtcCoin, 0));
    c.params.xtc_probability = coin;
    EXPECT_EQ(Ask(c).kept, 6u) << coin;
    c.params.xtc_probability = std::nextafter(coin, 1.0);
    EXPECT_EQ(Ask(c).kept, 5u) << coin;
  }
}

TEST_P(Shaping, XtcsCoinIsNotTheNoiseOfTheDraw) {
  // Where the coin falls, the token is drawn as if there were no coin.
  Params certain, maybe;
  certain.xtc_probability = 1;
  maybe.xtc_probability = .5;
  Case with = Question(kLadder, certain), by_chance = Question(kLadder, maybe);
  Case without = Question(kLadder);
  int fell = 0;
  for (uint32_t position = 0; position < 200; ++position) {
    with.at.position = by_chance.at.position = without.at.position = position;
    const Outcome outcome = Ask(by_chance);
    const bool applied = outcome.kept == 5;
    fell += applied ? 1 : 0;
    EXPECT_EQ(outcome.token, Ask(applied ? with : without).token);
  }
  EXPECT_GT(fell, 60);
}

TEST_P(Shaping, MirostatTwoDropsWhatSurprisesMoreThanMu) {
  Params params;
  params.mirostat = 2;
  params.mirostat_tau = 1;
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(0));
  params.mirostat_tau = 2;
  EXPECT_THAT(KeptIds(Ask(kLadder, params)), ElementsAre(0, 1, 2));
  Case c = Question(kLadder, params);
  c.feedback.mu = 5.0;
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(0, 1, 2, 3));
  // Both surprise by one bit.
  c = Question({1, 2, 2}, params);
  c.feedback.mu = 1.5;
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1, 2));
  c.feedback.mu = 0.5;
  EXPECT_THAT(KeptIds(Ask(c)), ElementsAre(1));
}

TEST_P(Shaping, MirostatOneCutsTheSmallestVocabularyThatHasACurve) {
  Params params;
  params.mirostat = 1;
  params.mirostat_tau = 0.01;
  EXPECT_THAT(KeptIds(Ask({3, 0}, params)), ElementsAre(0));
  EXPECT_THAT(KeptIds(Ask({3}, params)), ElementsAre(0));
}

TEST_P(Shaping, MirostatSteersTheSurpriseToItsTarget) {
  for (const uint32_t version : {1u, 2u}) {
    for (const double tau : {2.0, 4.0}) {
      Params params;
      params.mirostat = version;
      params.mirostat_tau = tau;
      double surprise = 0;
      constexpr uint32_t kSteps = 1500;
      std::vector<double> zipf;  // 7.5 bits
      for (int i = 1; i <= 1000; ++i) zipf.push_back(1.0 / i);
      Case c = Question(LogitsOf(zipf), params);
      for (uint32_t position = 0; position < kSteps; ++position) {
        c.at.position = position;
        const Outcome outcome = Ask(c);
        c.feedback = outcome.feedback;
        surprise -= outcome.final_logprob / std::log(2.0) / kSteps;
      }
      EXPECT_NEAR(surprise, tau, .25) << version;
    }
  }
}

TEST_P(Shaping, AdaptivePOfTheLadderIsThatOfTheVector) {
  Params params;
  params.adaptive_p_target = .3;
  const Outcome outcome = Ask(kLadder, params);
  const std::vector<double> logits = {-.8572, 4.5936, 2.0248,
                                      .7741,  .2883,  .1065};
  for (const TopToken& top : outcome.top_final) {
    EXPECT_NEAR(top.logprob - outcome.top_final[0].logprob,
                logits[top.id] - logits[1], 1e-4);
  }
}

TEST_P(Shaping, AdaptivePSteersTheProbabilityToItsTarget) {
  for (const double target : {.1, .4}) {
    Params params;
    params.adaptive_p_target = target;
    const std::vector<float> row =
        LogitsOf({.4, .25, .1, .08, .06, .05, .03, .02, .01});
    Case c = Question(row, params);
    double p = 0;
    constexpr uint32_t kSteps = 1500;
    for (uint32_t position = 0; position < kSteps; ++position) {
      c.at.position = position;
      const Outcome outcome = Ask(c);
      c.feedback = outcome.feedback;
      p += std::exp(outcome.tempered_logprob) / kSteps;
    }
    EXPECT_NEAR(p, target, .08);
  }
}

TEST_P(Shaping, FeedbackStaysWhereATokenWasCutAway) {
  Params params;
  params.mirostat = 2;
  params.mirostat_tau = 1;
  Case c = Question(kLadder, params);
  c.feedback.mu = 1.5;
  c.given = 5;
  EXPECT_EQ(Ask(c).feedback, c.feedback);
  c.given = 0;
  EXPECT_NE(Ask(c).feedback, c.feedback);
}

TEST_P(Shaping, NumbersBeforeTruncationOutliveARewrittenRow) {
  const Outcome plain = Ask(kLadder);
  for (const bool adaptive : {false, true}) {
    Params params;
    params.xtc_probability = 1;
    if (adaptive) params.adaptive_p_target = .3;
    Case c = Question(kLadder, params);
    c.given = 0;  // which xtc removed
    const Outcome outcome = Ask(c);
    EXPECT_EQ(outcome.rank, 1u);
    EXPECT_EQ(outcome.tempered_logprob, plain.top_final[0].logprob);
    EXPECT_EQ(outcome.final_logprob, -INFINITY);
    EXPECT_NEAR(outcome.kept_mass, 1 - .633691, 1e-6);
  }
}

LOGITD_ON_EACH_TARGET(Shaping);

}  // namespace
}  // namespace logitd::tests
