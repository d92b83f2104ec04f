#include <vector>

#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests::named_dialects {
namespace {

// What engines do by mistake, and do not here.
void Mistakes(Collector* all) {
  // Of the three that top_n_sigma leaves token 0 is the most typical.
  all->Add("Lacking_TypicalSeesNoZero", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.top_n_sigma = 1.2;
             c->params.typical_p = 0.2;
           },
           {0}, {1});
  all->Add("Lacking_NothingLeftFails", kAll, {1, 0},
           [](DialectCase* c) {
             c->params.banned_ids = {0, 1};
           },
           {});
}

// Bias and penalties.
void Edits(Collector* all) {
  // 1 / 2 - .5 is 0; SGLang's presence comes first: (1 - .5) / 2.
  const auto prompt_and_presence = [](DialectCase* c) {
    c->params.prompt_repetition = 2;
    c->params.presence = 0.5;
    c->past.prompt = {0};
    c->past.output = {0};
  };
  all->Add("Lacking_PromptRepetition", {kV, kH, kL, kO}, {1, 0},
           prompt_and_presence, {0, 1}, {.5, .5});
  all->Add("Lacking_PromptRepetition", {kG}, {1, 0}, prompt_and_presence,
           {0, 1}, {.56218, .43782});
  all->Add("Lacking_PromptRepetitionSeesThePromptAlone", kAll, {2, 2, 0},
           [](DialectCase* c) {
             c->params.prompt_repetition = 2;
             c->past.prompt = {0};
             c->past.output = {1};
           },
           {0, 1, 2}, {.24473, .66524, .09003});
  all->Add("Lacking_ExcludedIds", kAll, {2, 2, 0},
           [](DialectCase* c) {
             c->params.repetition = 2;
             c->params.penalty_exclude_ids = {0};
             c->past.output = {0, 1};
           },
           {0, 1, 2}, {.66524, .24473, .09003});
  // 3 / 2 - .25 = 1.25 with frequency and presence after repetition.
  all->Add("Lacking_FrequencyAfterRepetition", {kH}, {3, 0},
           [](DialectCase* c) {
             c->params.repetition = 2;
             c->params.frequency = 0.25;
             c->past.output = {0};
           },
           {0, 1}, {.77730, .22270});
  // (1 + 1 * (2.25 - 1)) + 1 where the bias is last, 2 * 2.25 where it is not.
  const auto end_and_bias = [](DialectCase* c) {
    c->params.eos_ids = {1};
    c->params.length_penalty_factor = 1.5;
    c->params.bias = {{1, 1}};
    c->past.output = {0, 0};
  };
  all->Add("Lacking_LengthPenaltyAndBias", {kG}, {3.25f, 1}, end_and_bias,
           {0, 1}, {.5, .5});
  all->Add("Lacking_LengthPenaltyAndBias", {kV, kL, kO}, {3.25f, 1},
           end_and_bias, {0, 1}, {.22270, .77730});
}

// DRY as logitd/1 has it, on the cases of llama.cpp's.
void DryOfOthers(Collector* all) {
  const Dialects others = {kV, kH, kG, kO};
  const std::vector<float> flat = {0, 0, 0, 0, 0};
  const auto vector = DryOver({1, 2, 3, 3, 2, 3, 4, 1, 2, 3}, {});
  all->Add("Lacking_Dry", others, flat, vector, {0, 1, 2, 3, 4},
           {.27057, .27057, .27057, .06672, .12157});
  // It begins before the window and ends in it: two 2 are left behind it.
  all->Add("Lacking_DryBreakerThatEndsInTheWindow", others, flat,
           [](DialectCase* c) {
             DryOver({1, 2, 2, 2, 2}, {{1, 2, 2}})(c);
             c->params.dry_window = 4;
           },
           {0, 1, 2, 3, 4}, {.22475, .22475, .10099, .22475, .22475});
  all->Add("Lacking_DryBreakerThatEndsLast", others, flat,
           DryOver({2, 3, 0, 4, 1, 2, 3}, {{4, 1, 2}, {1}}), {0, 1, 2, 3, 4},
           {.2, .2, .2, .2, .2});
  all->Add("Lacking_DryAfterRepetition", others, {0, 0, 0, 0, 2},
           [=](DialectCase* c) {
             vector(c);
             c->params.repetition = 2;
           },
           {0, 1, 2, 3, 4}, {.22381, .22381, .22381, .05519, .27337});
  // (2 - .8) * 2, not 2 * 2 - .8.
  all->Add("Lacking_DryBeforeLengthPenalty", kAll, {0, 0, 0, 0, 2},
           [=](DialectCase* c) {
             vector(c);
             c->params.eos_ids = {4};
             c->params.length_penalty_start = 9;
             c->params.length_penalty_factor = 2;
           },
           {0, 1, 2, 3, 4}, {.07008, .07008, .07008, .01728, .77248});
}

// Shapes of the temperature.
void Shapes(Collector* all) {
  // Bent, the third is .449 of the first; llama.cpp cuts before, at .135.
  const auto bent_min_p = [](DialectCase* c) {
    c->params.smoothing_factor = 0.2;
    c->params.min_p = 0.3;
  };
  all->Add("Lacking_Smoothing", {kV, kH, kG, kO}, kSteps, bent_min_p, {0, 1, 2},
           {.44091, .36098, .19811});
  all->Add("Lacking_Smoothing", {kL}, kSteps, bent_min_p, {0, 1},
           {.54983, .45017});
  // T is .8711 for six, 1.0577 for three.
  const auto dynamic_top_k = [](DialectCase* c) {
    c->params.top_k = 3;
    c->params.temperature = 0.8;
    c->params.dynamic_temperature_range = 0.5;
  };
  all->Add("Lacking_DynamicTemperature", {kV, kH, kG}, kSteps, dynamic_top_k,
           {0, 1, 2}, {.70525, .22376, .07099});
  all->Add("Lacking_DynamicTemperature", {kO}, kSteps, dynamic_top_k, {0, 1, 2},
           {.64959, .25237, .09804});
}

}  // namespace

void AddLacking(Collector* all) {
  Mistakes(all);
  Edits(all);
  DryOfOthers(all);
  Shapes(all);
}

}  // namespace logitd::tests::named_dialects
