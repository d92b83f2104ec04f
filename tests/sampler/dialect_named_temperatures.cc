#include <limits>

#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests::named_dialects {
namespace {

// What becomes of a temperature of 0, or near it.
void Greedy(Collector* all) {
  const auto cold = [](double t) {
    return [t](DialectCase* c) { c->params.temperature = t; };
  };
  const std::vector<float> close = {1, 1.000001f};
  all->Add("Greedy_At0", kAll, close, cold(0), {1}, {1});
  // vLLM makes it 0.01 before it asks.
  all->Add("Greedy_Near0", {kV}, {0, 0.01f}, cold(5e-6), {0, 1},
           {.26894, .73106});
  all->Add("Greedy_RaisedTo001", {kV}, {0, 0.01f}, cold(0.004), {0, 1},
           {.26894, .73106});
  all->Add("Greedy_Near0", {kG}, close, cold(5e-7), {1}, {1});
  // Cuts do not matter to a greedy choice, but to llama.cpp's: it comes last.
  const auto typical = [](DialectCase* c) {
    c->params.temperature = 0;
    c->params.typical_p = 0.2;
  };
  all->Add("Greedy_AfterTypical", {kL}, kSteps, typical, {1}, {1});
  all->Add("Greedy_BeforeTypical", {kH}, kSteps, typical, {0}, {1});
  // It is not greedy at 0 with a range: T = 0.5 * H / Hmax of two equals.
  all->Add("Greedy_NotWithARange", {kL}, {1, 1},
           [](DialectCase* c) {
             c->params.temperature = 0;
             c->params.dynamic_temperature_range = 0.5;
           },
           {0, 1}, {.5, .5});
}

// Below 1e-5, and not greedy.
void Tiny(Collector* all) {
  const auto cold = [](double t) {
    return [t](DialectCase* c) { c->params.temperature = t; };
  };
  const Decimals apart = {.26894, .73106};  // by one T
  all->Add("Greedy_NotAt1e7", {kH, kL, kO}, {0, 1e-7f}, cold(1e-7), {0, 1},
           apart);
  all->Add("Greedy_NotAt1e7ButForEquals", {kH, kL, kO}, {1, 1}, cold(1e-7),
           {0, 1}, {.5, .5});
  all->Add("Greedy_NotBelowTheSmallestFloat", {kH, kO}, {1, 1}, cold(1e-300),
           {0, 1}, {.5, .5});
  // SGLang's threshold itself, and what lies above it.
  all->Add("Greedy_NotAt1e6", {kG}, {0, 1e-6f}, cold(1e-6), {0, 1}, apart);
  all->Add("Greedy_NotAbove1e6", {kG}, {0, 2e-6f}, cold(2e-6), {0, 1}, apart);
  all->Add("Greedy_AfterPenalties", kAll, {4, 3},
           [](DialectCase* c) {
             c->params.temperature = 0;
             c->params.repetition = 2;
             c->past.output = {0};
           },
           {1}, {1});
}

// The share of the entropy is 1.0233 / ln 6 = .5711 for all six.
void Dynamic(Collector* all) {
  const auto dynamic = [](double t, double range) {
    return [=](DialectCase* c) {
      c->params.temperature = t;
      c->params.dynamic_temperature_range = range;
    };
  };
  // Hmax is ln 3 of the three that top_k left.
  all->Add("Dynamic_CountsWhatTopKLeft", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.top_k = 3;
             c->params.temperature = 0.8;
             c->params.dynamic_temperature_range = 0.5;
           },
           {0, 1, 2}, {.64959, .25237, .09804});
  // T = .3 + 1 * .5711^2 = .6261.
  all->Add("Dynamic_Exponent", {kL}, kSteps,
           [=](DialectCase* c) {
             dynamic(0.8, 0.5)(c);
             c->params.dynamic_temperature_exponent = 2;
           },
           {0, 1, 2, 3, 4, 5},
           {.79757, .16150, .03270, .00662, .00134, .00027});
  // From 0, not from -0.2, to 0.8: T = .4569.
  all->Add("Dynamic_FromZero", {kL}, kSteps, dynamic(0.3, 0.5),
           {0, 1, 2, 3, 4, 5},
           {.88795, .09950, .01115, .00125, .00014, .00002});
  // Hmax is ln 4, of the banned two too: T = .5 + .5822 / 1.3863 = .9200.
  constexpr float kBanned = -std::numeric_limits<float>::infinity();
  all->Add("Dynamic_CountsWhatIsBanned", {kL}, {4, 3, kBanned, kBanned},
           dynamic(1, 0.5), {0, 1}, {.74781, .25219});
  // Hmax is ln 5 without the one that xtc took: T = 1.1213.
  all->Add("Dynamic_DoesNotCountWhatXtcTook", {kL}, kSteps,
           [=](DialectCase* c) {
             dynamic(1, 0.5)(c);
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.1;
           },
           {1, 2, 3, 4, 5}, {.59700, .24472, .10031, .04112, .01686});
}

}  // namespace

void AddTemperatures(Collector* all) {
  Greedy(all);
  Tiny(all);
  Dynamic(all);
}

}  // namespace logitd::tests::named_dialects
