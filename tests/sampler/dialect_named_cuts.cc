#include <limits>

#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests::named_dialects {
namespace {

// Ties at the cut and masses that are exactly p.
void Boundaries(Collector* all) {
  const std::vector<float> tied = {2, 1, 1, 1, 0};
  const auto two = [](DialectCase* c) { c->params.top_k = 2; };
  all->Add("Ties_TopK", {kV, kH}, tied, two, {0, 1, 2, 3});
  all->Add("Ties_TopK", {kL, kG, kO}, tied, two, {0, 1});
  const std::vector<float> flat = {1, 1, 1, 1};
  const auto half = [](DialectCase* c) { c->params.top_p = 0.5; };
  all->Add("Equality_TopP", {kV, kH, kL}, flat, half, {0, 1}, {.5, .5});
  all->Add("Equality_TopP", {kG, kO}, flat, half, {0, 1, 2});
  all->Add("Crossing_TopP", kAll, kSteps,
           [](DialectCase* c) { c->params.top_p = 0.64; }, {0, 1});
  all->Add("Tiny_TopP", kAll, kSteps,
           [](DialectCase* c) { c->params.top_p = 1e-8; }, {0}, {1});
  const std::vector<float> two_best = {3, 3, 1};
  all->Add("Equality_MinP1", kAll, two_best,
           [](DialectCase* c) { c->params.min_p = 1; }, {0, 1}, {.5, .5});
  all->Add("Equality_Typical", {kL}, flat,
           [](DialectCase* c) { c->params.typical_p = 0.5; }, {0, 1, 2});
  // All score alike: transformers keeps every tie.
  all->Add("Ties_Typical", {kH}, flat,
           [](DialectCase* c) { c->params.typical_p = 0.5; }, {0, 1, 2, 3});
  // Sigma is 1, the floor 2 - 2 = 0, where the others lie; what is banned is in
  // neither mean nor sigma.
  const float banned = -std::numeric_limits<float>::infinity();
  all->Add("Equality_TopNSigma", {kL}, {2, 0, 2, 0, banned},
           [](DialectCase* c) { c->params.top_n_sigma = 2; }, {0, 1, 2, 3});
  // What equals the largest stays though it is below epsilon.
  all->Add("Ties_Epsilon", {kH}, flat,
           [](DialectCase* c) { c->params.epsilon_cutoff = 0.3; },
           {0, 1, 2, 3});
  all->Add("Ties_GreedyLowestId", kAll, {1, 5, 5},
           [](DialectCase* c) { c->params.temperature = 0; }, {1}, {1});
}

// XTC's threshold counts equality, and one alone above it stays.
void Xtc(Collector* all) {
  const auto at = [](double threshold) {
    return [threshold](DialectCase* c) {
      c->params.xtc_applies = true;
      c->params.xtc_threshold = threshold;
    };
  };
  all->Add("Xtc_EqualityCounts", {kL}, {1, 1}, at(0.5), {1}, {1});
  all->Add("Xtc_OneAboveStays", {kL}, kSteps, at(0.3), {0, 1, 2, 3, 4, 5});
  all->Add("Xtc_LeastLikelyOfThreeStays", {kL}, kSteps, at(0.05), {2, 3, 4, 5});
}

// One knob at a time.
void SingleKnobs(Collector* all) {
  const auto knob = [&](const std::string& what, const Dialects& dialects,
                        double dialects::Params::*field, double value,
                        const Ids& kept, const Decimals& p = {}) {
    all->Add(
        what, dialects, kSteps,
        [=](DialectCase* c) { c->params.*field = value; }, kept, p);
  };
  using P = dialects::Params;
  knob("Vector_TopNSigma1", {kL}, &P::top_n_sigma, 1, {0, 1});
  knob("Vector_TopNSigma1_1Population", {kL}, &P::top_n_sigma, 1.1, {0, 1});
  knob("Vector_Typical0_2", {kL, kH}, &P::typical_p, 0.2, {1}, {1});
  knob("Vector_Typical0_5", {kL, kH}, &P::typical_p, 0.5, {0, 1});
  knob("Vector_Typical0_9", {kL, kH}, &P::typical_p, 0.9, {0, 1, 2});
  knob("Vector_Epsilon0_05", {kH}, &P::epsilon_cutoff, 0.05, {0, 1, 2});
  knob("Vector_Eta0_05", {kH}, &P::eta_cutoff, 0.05, {0, 1, 2});
  knob("Vector_Eta0_3", {kH}, &P::eta_cutoff, 0.3, {0, 1});
  // H = 1.023261; partial sums .28909 .62856 .83920 .94824 .99996 1.02326.
  knob("Vector_TopH0_5", {kH}, &P::top_h, 0.5, {0}, {1});
  knob("Vector_TopH0_7", {kH}, &P::top_h, 0.7, {0, 1});
  knob("Vector_TopH0_95", {kH}, &P::top_h, 0.95, {0, 1, 2, 3});
  all->Add("Vector_Xtc0_1", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.1;
           },
           {1, 2, 3, 4, 5});
  // T = 0.871093.
  all->Add("Vector_DynamicTemperature", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.temperature = 0.8;
             c->params.dynamic_temperature_range = 0.5;
           },
           {0, 1, 2, 3, 4, 5}, {.6835, .2168, .0688, .0218, .0069, .0022});
  // Logits -.8572 4.5936 2.0248 .7741 .2883 .1065.
  all->Add("Vector_AdaptiveP", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.adaptive_p = true;
             c->params.adaptive_p_target = 0.3;
             c->params.adaptive_p_total_weight = 10;
             c->params.adaptive_p_weighted_sum = 3;
           },
           {0, 1, 2, 3, 4, 5},
           {.00381, .88683, .06796, .01946, .01197, .00998});
  const auto mirostat = [&](const std::string& what, double mu,
                            const Ids& kept) {
    all->Add(
        what, {kL}, kSteps,
        [=](DialectCase* c) {
          c->params.mirostat = 2;
          c->params.mirostat_mu = mu;
        },
        kept);
  };
  mirostat("Vector_Mirostat2Tau1", 2, {0});
  mirostat("Vector_Mirostat2Tau2", 4, {0, 1, 2});
}

// Steps of 1: s = ln 6 / .8106 = 2.2103, share 1.2103 / (1 - 6^-1.2103) =
// 1.3666; k = (1.3666 * 2^mu)^(1 / s) = 1.576, 2.157, 4.038.
void Mirostat1(Collector* all) {
  const auto at = [](double mu) {
    return [mu](DialectCase* c) {
      c->params.mirostat = 1;
      c->params.mirostat_mu = mu;
    };
  };
  all->Add("Vector_Mirostat1Tau0_5", {kL}, kSteps, at(1), {0}, {1});
  all->Add("Vector_Mirostat1Tau1", {kL}, kSteps, at(2), {0, 1}, {.7311, .2689});
  all->Add("Vector_Mirostat1Tau2", {kL}, kSteps, at(4), {0, 1, 2, 3});
}

// Next to 0 the target is what llama.cpp has at 0.
void AdaptiveP(Collector* all) {
  all->Add("Vector_AdaptivePNextToZero", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.adaptive_p = true;
             c->params.adaptive_p_target = 1e-9;
             c->params.adaptive_p_total_weight = 10;
             c->params.adaptive_p_weighted_sum = 1e-8;
           },
           {0, 1, 2, 3, 4, 5},
           {.00000, .00969, .15345, .26213, .28558, .28915});
}

// The entropy of the first hundred counts, ln 100, and .505 of it is that of 50
// and a half.
void TopH(Collector* all) {
  Ids fifty;
  for (uint32_t id = 0; id < 50; ++id) fifty.push_back(id);
  all->Add(
      "TopH_LooksAtAHundred", {kH}, std::vector<float>(200, 1),
      [](DialectCase* c) { c->params.top_h = 0.505; }, fifty);
}

}  // namespace

void AddCuts(Collector* all) {
  Boundaries(all);
  Xtc(all);
  SingleKnobs(all);
  Mirostat1(all);
  AdaptiveP(all);
  TopH(all);
}

}  // namespace logitd::tests::named_dialects
