#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests::named_dialects {
namespace {

// Where the order of stages changes the answer.
void Orders(Collector* all) {
  const auto hot_min_p = [](DialectCase* c) {
    c->params.temperature = 2;
    c->params.min_p = 0.1;
  };
  all->Add("Order_Temperature2MinP", {kL}, kSteps, hot_min_p, {0, 1, 2},
           {.5065, .3072, .1863});
  all->Add("Order_Temperature2MinP", {kV, kH, kG, kO}, kSteps, hot_min_p,
           {0, 1, 2, 3, 4}, {.4287, .2600, .1577, .0956, .0580});
  const auto hot_top_p = [](DialectCase* c) {
    c->params.temperature = 2;
    c->params.top_p = 0.9;
  };
  all->Add("Order_Temperature2TopP", {kL}, kSteps, hot_top_p, {0, 1, 2},
           {.5065, .3072, .1863});
  all->Add("Order_Temperature2TopP", {kV, kH, kG, kO}, kSteps, hot_top_p,
           {0, 1, 2, 3}, {.4551, .2760, .1674, .1015});
  const auto k_and_p = [](DialectCase* c) {
    c->params.top_k = 3;
    c->params.top_p = 0.9;
  };
  all->Add("Order_TopK3TopP", {kV, kH, kL, kO}, kSteps, k_and_p, {0, 1},
           {.7311, .2689});
  all->Add("Order_TopK3TopP", {kG}, kSteps, k_and_p, {0, 1, 2},
           {.6652, .2447, .0900});
  // Token 0 has .6337 of all, but .7311 of the two that min_p leaves: only in
  // vLLM does top_p measure against what min_p left. OpenVINO, where min_p is
  // first too, does not renormalise.
  const auto min_p_and_p = [](DialectCase* c) {
    c->params.min_p = 0.3;
    c->params.top_p = 0.7;
  };
  all->Add("Order_MinPThenTopP", {kO, kG, kL, kH}, kSteps, min_p_and_p, {0, 1});
  all->Add("Order_MinPThenTopP", {kV}, kSteps, min_p_and_p, {0}, {1});
  // Sigma of all six, not of the three that top_k leaves.
  all->Add("Order_TopNSigmaBeforeTopK", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.top_n_sigma = 1.2;
             c->params.top_k = 3;
           },
           {0, 1, 2});
  // Threshold on the probabilities before the temperature, which makes three of
  // them reach .1 at T = 2.
  all->Add("Order_XtcBeforeTemperature", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.1;
             c->params.temperature = 2;
           },
           {1, 2, 3, 4, 5});
}

// All that comes before the cuts.
void ChangesBeforeCuts(Collector* all) {
  all->Add("Order_PenaltiesBeforeCuts", kAll, kSteps,
           [](DialectCase* c) {
             c->params.repetition = 2;
             c->params.top_k = 1;
             c->past.output = {0};
           },
           {1}, {1});
}

// Cuts that one engine makes and another lacks, or has elsewhere.
void OrdersOfCuts(Collector* all) {
  // Typical takes the largest away, then top_p has only token 1 to cut.
  const auto typical_and_p = [](DialectCase* c) {
    c->params.typical_p = 0.2;
    c->params.top_p = 0.5;
  };
  all->Add("Order_TypicalBeforeTopP", {kL}, kSteps, typical_and_p, {1}, {1});
  all->Add("Order_TypicalAfterTopP", {kH}, kSteps, typical_and_p, {0}, {1});
  // Of what two cuts leave token 0 is the more typical; of all, token 1.
  const auto k_and_typical = [](DialectCase* c) {
    c->params.top_k = 2;
    c->params.typical_p = 0.2;
  };
  all->Add("Order_TopKBeforeTypical", {kL, kH}, kSteps, k_and_typical, {0},
           {1});
  const auto min_p_and_typical = [](DialectCase* c) {
    c->params.min_p = 0.3;
    c->params.typical_p = 0.2;
  };
  all->Add("Order_MinPBeforeTypical", {kH}, kSteps, min_p_and_typical, {0},
           {1});
  all->Add("Order_TypicalBeforeMinP", {kL}, kSteps, min_p_and_typical, {1},
           {1});
  // .2689 of the two that min_p leaves reaches .25, .2331 of all does not.
  all->Add("Order_MinPBeforeXtc", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.min_p = 0.3;
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.25;
           },
           {1}, {1});
  // Epsilon first would leave token 0 alone.
  all->Add("Order_TypicalBeforeEpsilon", {kH}, kSteps,
           [](DialectCase* c) {
             c->params.typical_p = 0.2;
             c->params.epsilon_cutoff = 0.25;
           },
           {1}, {1});
  // Eta of the two that epsilon leaves: min(.3, .5477 * exp(-.5822)) = .3, and
  // .2689 goes; of all it would be .1969.
  all->Add("Order_EpsilonBeforeEta", {kH}, kSteps,
           [](DialectCase* c) {
             c->params.epsilon_cutoff = 0.2;
             c->params.eta_cutoff = 0.3;
           },
           {0}, {1});
  // Of two the sums are .2290 .5822, and .7 of that keeps the first alone.
  all->Add("Order_TopHBeforeTopK", {kH}, kSteps,
           [](DialectCase* c) {
             c->params.top_h = 0.7;
             c->params.top_k = 2;
           },
           {0, 1}, {.7311, .2689});
  // At T = 2 the sums are .3651 .7121 .9988 1.2188, the limit 1.0467.
  all->Add("Order_TemperatureBeforeTopH", {kH}, kSteps,
           [](DialectCase* c) {
             c->params.temperature = 2;
             c->params.top_h = 0.7;
           },
           {0, 1, 2}, {.50648, .30720, .18632});
}

// Feedback comes last, on what the temperature made.
void OrdersOfFeedback(Collector* all) {
  // Token 1 surprises by 1.9933 bits at T = 2, by 2.1008 at T = 1.
  all->Add("Order_TemperatureBeforeMirostat", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.temperature = 2;
             c->params.mirostat = 2;
             c->params.mirostat_mu = 2.05;
           },
           {0, 1}, {.62246, .37754});
  // Logits of .4141 .2512 .1523 .0924 .0560 .0340 at T = 2.
  all->Add("Order_TemperatureBeforeAdaptiveP", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.temperature = 2;
             c->params.adaptive_p = true;
             c->params.adaptive_p_target = 0.3;
             c->params.adaptive_p_total_weight = 10;
             c->params.adaptive_p_weighted_sum = 3;
           },
           {0, 1, 2, 3, 4, 5},
           {.24279, .55111, .13649, .04084, .01804, .01073});
}

}  // namespace

void AddOrders(Collector* all) {
  Orders(all);
  ChangesBeforeCuts(all);
  OrdersOfCuts(all);
  OrdersOfFeedback(all);
}

}  // namespace logitd::tests::named_dialects
