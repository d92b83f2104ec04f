#include <vector>

#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests::named_dialects {
namespace {

// Where knobs stand that an engine lacks.
void Lacking(Collector* all) {
  const auto typical = [](DialectCase* c) {
    c->params.typical_p = 0.2;
    c->params.top_p = 0.5;
  };
  all->Add("Lacking_TypicalAfterTopP", {kV, kG, kO}, kSteps, typical, {0}, {1});
  // Sigma of six, or of the three that OpenVINO's top_k has left by then.
  const auto sigma = [](DialectCase* c) {
    c->params.top_n_sigma = 1.2;
    c->params.top_k = 3;
    c->params.temperature = 2;
  };
  all->Add("Lacking_TopNSigmaBeforeTopK", {kV, kH, kG}, kSteps, sigma,
           {0, 1, 2});
  all->Add("Lacking_TopNSigmaAfterTopK", {kO}, kSteps, sigma, {0}, {1});
  // At T = 2: .4141 .2512 .1523 .0924 .0560 .0340.
  all->Add("Lacking_XtcAfterTemperature", {kV, kH, kG, kO}, kSteps,
           [](DialectCase* c) {
             c->params.temperature = 2;
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.1;
           },
           {2, 3, 4, 5});
  const auto epsilon = [](DialectCase* c) {
    c->params.temperature = 2;
    c->params.epsilon_cutoff = 0.05;
  };
  all->Add("Lacking_EpsilonBeforeTemperature", {kL}, kSteps, epsilon,
           {0, 1, 2});
  all->Add("Lacking_EpsilonAfterTemperature", {kV, kH, kG, kO}, kSteps, epsilon,
           {0, 1, 2, 3, 4});
  // Of what top_a leaves three reach .09, of all two.
  all->Add("Lacking_TopABeforeXtc", kAll, kSteps,
           [](DialectCase* c) {
             c->params.top_a = 0.2;
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.09;
           },
           {2}, {1});
}

// Cuts from eta on: at T of what is left, in llama.cpp at 1.
void Cuts(Collector* all) {
  const auto at = [](double t, double dialects::Params::*knob, double value) {
    return [=](DialectCase* c) {
      c->params.temperature = t;
      c->params.*knob = value;
    };
  };
  using P = dialects::Params;
  const Dialects others = {kV, kH, kG, kO};
  // .1228 at T = 2, .1969 at 1.
  const auto eta = at(2, &P::eta_cutoff, 0.3);
  all->Add("Lacking_EtaAfterTemperature", others, kSteps, eta, {0, 1, 2});
  all->Add("Lacking_EtaBeforeTemperature", {kL}, kSteps, eta, {0, 1},
           {.62246, .37754});
  // .3 of the two that min_p leaves, where .2689 goes.
  all->Add("Lacking_EtaAfterMinP", kAll, kSteps,
           [](DialectCase* c) {
             c->params.min_p = 0.3;
             c->params.eta_cutoff = 0.3;
           },
           {0}, {1});
  // .0343 at T = 2, .0803 at 1.
  const auto top_a = at(2, &P::top_a, 0.2);
  all->Add("Lacking_TopA", others, kSteps, top_a, {0, 1, 2, 3, 4});
  all->Add("Lacking_TopA", {kL}, kSteps, top_a, {0, 1, 2});
  // Bends add up to .4551 .7311 .8985 of all at T = 2, .6439 .8808 .9679 at 1.
  const auto tail_free = at(2, &P::tail_free, 0.9);
  all->Add("Lacking_TailFree", others, kSteps, tail_free, {0, 1, 2});
  all->Add("Lacking_TailFree", {kL}, kSteps, tail_free, {0, 1});
  // Sums .3651 .7121 .9988 of 1.4952 at T = 2, .2891 .6286 of 1.0233 at 1.
  const auto top_h = at(2, &P::top_h, 0.7);
  all->Add("Lacking_TopH", {kV, kG, kO}, kSteps, top_h, {0, 1, 2});
  all->Add("Lacking_TopH", {kL}, kSteps, top_h, {0, 1});
  all->Add("Lacking_TopHAfterTopK", {kV, kL, kG, kO}, kSteps,
           [](DialectCase* c) {
             c->params.top_h = 0.7;
             c->params.top_k = 2;
           },
           {0}, {1});
  // .2168 at T = 3, where the first have .3278 .2349 .1683; .4644 at 1.
  const auto p_less = [](DialectCase* c) {
    c->params.temperature = 3;
    c->params.p_less = true;
  };
  all->Add("Lacking_PLess", others, kSteps, p_less, {0, 1});
  all->Add("Lacking_PLess", {kL}, kSteps, p_less, {0}, {1});
}

// All of 200 equals count, not the first hundred: .5025 is 100 and a half.
void TopHOfAll(Collector* all) {
  Ids hundred;
  for (uint32_t id = 0; id < 100; ++id) hundred.push_back(id);
  all->Add(
      "Lacking_TopHLooksAtAll", {kV, kL, kG, kO}, std::vector<float>(200, 1),
      [](DialectCase* c) { c->params.top_h = 0.5025; }, hundred);
}

// Feedback, after all cuts and at T.
void FeedbackOfOthers(Collector* all) {
  const Dialects others = {kV, kH, kG, kO};
  const auto mirostat = [](uint32_t version, double mu) {
    return [=](DialectCase* c) {
      c->params.mirostat = version;
      c->params.mirostat_mu = mu;
    };
  };
  all->Add("Lacking_Mirostat1", others, kSteps, mirostat(1, 2), {0, 1});
  all->Add("Lacking_Mirostat2AfterTemperature", others, kSteps,
           [=](DialectCase* c) {
             mirostat(2, 2.05)(c);
             c->params.temperature = 2;
           },
           {0, 1}, {.62246, .37754});
  // Token 1 surprises by 1.895 bits of the two that top_k leaves.
  all->Add("Lacking_Mirostat2AfterTheCuts", others, kSteps,
           [=](DialectCase* c) {
             mirostat(2, 2)(c);
             c->params.top_k = 2;
           },
           {0, 1}, {.7311, .2689});
  all->Add("Lacking_AdaptivePAfterTheCuts", others, kSteps,
           [](DialectCase* c) {
             c->params.top_k = 2;
             c->params.adaptive_p = true;
             c->params.adaptive_p_target = 0.3;
             c->params.adaptive_p_total_weight = 10;
             c->params.adaptive_p_weighted_sum = 3;
           },
           {0, 1}, {.00023, .99977});
  // 4 / 4 makes token 1 the first: .5860, which surprises by .771 bits.
  all->Add("Lacking_PenaltiesWithMirostat", {kL}, kSteps,
           [=](DialectCase* c) {
             mirostat(2, 0.8)(c);
             c->params.repetition = 4;
             c->past.output = {0};
           },
           {1}, {1});
}

}  // namespace

void AddLackingCuts(Collector* all) {
  Lacking(all);
  Cuts(all);
  TopHOfAll(all);
  FeedbackOfOthers(all);
}

}  // namespace logitd::tests::named_dialects
