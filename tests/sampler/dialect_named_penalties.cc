#include <vector>

#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests::named_dialects {
namespace {

// Repetition 1.2 and presence 0.5 on token 0 against a logit of 0.
void PenaltyOrders(Collector* all) {
  const auto seen = [](DialectCase* c) {
    c->params.repetition = 1.2;
    c->params.presence = 0.5;
    c->past.output = {0};
  };
  const Dialects first = {kV, kH, kL, kO};
  all->Add("Penalties_Logit1", first, {1, 0}, seen, {0, 1}, {.58257, .41743});
  all->Add("Penalties_Logit1", {kG}, {1, 0}, seen, {0, 1}, {.60268, .39732});
  all->Add("Penalties_SignCrossing", first, {0.4f, 0}, seen, {0, 1},
           {.45843, .54157});
  all->Add("Penalties_SignCrossing", {kG}, {0.4f, 0}, seen, {0, 1},
           {.47004, .52996});
  all->Add("Penalties_LogitMinus1", first, {-1, 0}, seen, {0, 1},
           {.15447, .84553});
  all->Add("Penalties_LogitMinus1", {kG}, {-1, 0}, seen, {0, 1},
           {.14185, .85815});
}

// A logit of 0 is neither divided nor multiplied to anything else.
void SignAtZero(Collector* all) {
  all->Add("Penalties_SignAtZero", kAll, {0, 1},
           [](DialectCase* c) {
             c->params.repetition = 2;
             c->past.output = {0};
           },
           {0, 1}, {.26894, .73106});
}

// Token 0 in the prompt, token 1 in the output; both logits 2 against 0.
void Counts(Collector* all) {
  const std::vector<float> row = {2, 2, 0};
  const auto past = [](DialectCase* c) {
    c->past.prompt = {0};
    c->past.output = {1, 1};
  };
  const auto repetition = [&](DialectCase* c) {
    past(c);
    c->params.repetition = 2;
  };
  all->Add("Counts_Repetition", {kV, kH, kL, kO}, row, repetition, {0, 1, 2},
           {.42232, .42232, .15536});
  all->Add("Counts_Repetition", {kG}, row, repetition, {0, 1, 2},
           {.66524, .24473, .09003});
  const auto frequency = [&](DialectCase* c) {
    past(c);
    c->params.frequency = 1;
  };
  all->Add("Counts_Frequency", {kV, kH, kG, kO}, row, frequency, {0, 1, 2},
           {.78699, .10651, .10651});
  all->Add("Counts_Frequency", {kL}, row, frequency, {0, 1, 2},
           {.57612, .21194, .21194});
  const auto presence = [&](DialectCase* c) {
    past(c);
    c->params.presence = 1;
  };
  all->Add("Counts_Presence", {kV, kH, kG, kO}, row, presence, {0, 1, 2},
           {.66524, .24473, .09003});
  all->Add("Counts_Presence", {kL}, row, presence, {0, 1, 2},
           {.42232, .42232, .15536});
  // A window of two no longer sees the prompt.
  all->Add("Counts_Window", {kV, kH, kL, kO, kG}, row,
           [&](DialectCase* c) {
             past(c);
             c->params.repetition = 2;
             c->params.repetition_window = 2;
           },
           {0, 1, 2}, {.66524, .24473, .09003});
}

// DRY on the history a b c c b c y a b c, where a b c y are 1 2 3 4: 3 loses
// 1.4, 4 loses 0.8 and 2 nothing.
void Dry(Collector* all) {
  const auto history = [](DialectCase* c) {
    c->params.dry_multiplier = 0.8;
    c->past.prompt = {1, 2, 3, 3, 2};
    c->past.output = {3, 4, 1, 2, 3};
  };
  const std::vector<float> flat = {0, 0, 0, 0, 0};
  all->Add("Dry_Vector", {kL}, flat, history, {0, 1, 2, 3, 4},
           {.27057, .27057, .27057, .06672, .12157});
  // A breaker before the last token leaves a match of one, which is allowed.
  all->Add("Dry_BreakerCutsTheMatch", {kL}, flat,
           [&](DialectCase* c) {
             history(c);
             c->params.dry_breakers = {{2}};
           },
           {0, 1, 2, 3, 4}, {.2, .2, .2, .2, .2});
  // 4 is a breaker alone: it stands before the match of three and is itself
  // never penalised.
  all->Add("Dry_BreakerIsNotPenalised", {kL}, flat,
           [&](DialectCase* c) {
             history(c);
             c->params.dry_breakers = {{4}};
           },
           {0, 1, 2, 3, 4}, {.23548, .23548, .23548, .05807, .23548});
}

// What llama.cpp takes for the breaker and for the match.
void DryMatches(Collector* all) {
  const std::vector<float> flat = {0, 0, 0, 0, 0};
  const Decimals even = {.2, .2, .2, .2, .2};
  // Of the vector's history the last seven, c b c y a b c: y after b c.
  const auto window = [](DialectCase* c) {
    DryOver({1, 2, 3, 3, 2, 3, 4, 1, 2, 3}, {})(c);
    c->params.dry_window = 7;
  };
  all->Add("Dry_Window", {kL}, flat, window, {0, 1, 2, 3, 4},
           {.22475, .22475, .22475, .22475, .10099});
  // Of four times 2 a match has three, for the breaker is not wholly there.
  const auto begun = [](DialectCase* c) {
    DryOver({1, 2, 2, 2, 2}, {{1, 2, 2}})(c);
    c->params.dry_window = 4;
  };
  all->Add("Dry_ABreakerCountsIfAllOfItIsInTheWindow", {kL}, flat, begun,
           {0, 1, 2, 3, 4}, {.23548, .23548, .05807, .23548, .23548});
  // 1 begins last and has 2 3 behind it, of which 0 came; the other ends last.
  const auto nested = DryOver({2, 3, 0, 4, 1, 2, 3}, {{4, 1, 2}, {1}});
  all->Add("Dry_TheBreakerThatBeginsLastCounts", {kL}, flat, nested,
           {0, 1, 2, 3, 4}, {.10099, .22475, .22475, .22475, .22475});
  all->Add("Dry_OfThoseThatBeginTogetherTheLongest", {kL}, flat,
           DryOver({2, 3, 0, 4, 1, 2, 3}, {{1}, {1, 2}}), {0, 1, 2, 3, 4},
           even);
  // A match of 99 is 97 beyond 2, but 3^80 = 1.478e38 is the most.
  all->Add("Dry_TheExponentHasALimit", {kL}, flat,
           [](DialectCase* c) {
             c->params.dry_multiplier = 2e-38;
             c->params.dry_base = 3;
             c->past.output = Ids(100, 4);
           },
           {0, 1, 2, 3, 4}, {.24679, .24679, .24679, .24679, .01284});
  // 2 / 2 - .8, not (2 - .8) / 2.
  const auto repeated = [](DialectCase* c) {
    DryOver({1, 2, 3, 3, 2, 3, 4, 1, 2, 3}, {})(c);
    c->params.repetition = 2;
  };
  all->Add("Dry_AfterRepetition", {kL}, {0, 0, 0, 0, 2}, repeated,
           {0, 1, 2, 3, 4}, {.22381, .22381, .22381, .05519, .27337});
}

// After n = 2 tokens behind its start EOS has -2 + 2 * (1.5^2 - 1) = .5.
void LengthPenalty(Collector* all) {
  const auto ends = [](uint32_t start) {
    return [=](DialectCase* c) {
      c->params.eos_ids = {1};
      c->params.length_penalty_start = start;
      c->params.length_penalty_factor = 1.5;
      c->past.prompt = {0, 0, 0, 0};  // does not count
      c->past.output = {0, 0, 0};
    };
  };
  all->Add("LengthPenalty_FavoursEos", {kH}, {1, -2}, ends(1), {0, 1},
           {.62246, .37754});
  all->Add("LengthPenalty_NotBeforeItsStart", {kH}, {1, 0}, ends(3), {0, 1},
           {.73106, .26894});
  all->Add("LengthPenalty_LeavesABannedEosBanned", {kH}, {1, -2, 0},
           [=](DialectCase* c) {
             ends(1)(c);
             c->params.banned_ids = {1};
           },
           {0, 2}, {.73106, .26894});
  all->Add("Lacking_LengthPenalty", {kV, kL, kG, kO}, {1, -2}, ends(1), {0, 1},
           {.62246, .37754});
}

}  // namespace

void AddPenalties(Collector* all) {
  PenaltyOrders(all);
  SignAtZero(all);
  Counts(all);
  Dry(all);
  DryMatches(all);
  LengthPenalty(all);
}

}  // namespace logitd::tests::named_dialects
