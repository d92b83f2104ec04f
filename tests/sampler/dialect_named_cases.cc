// Cases whose answers are known: worked by hand or, where they have decimals,
// in double with a calculator's exp. Names begin with what they are about.
#include <limits>
#include <utility>

#include "tests/sampler/dialect_cases.h"

namespace logitd::tests {
namespace {

using dialects::Ids;
using Decimals = std::vector<double>;
using Dialects = std::vector<DialectName>;

constexpr DialectName kV = DialectName::kVllm;
constexpr DialectName kH = DialectName::kHuggingFace;
constexpr DialectName kL = DialectName::kLlamaCpp;
constexpr DialectName kG = DialectName::kSglang;
constexpr DialectName kO = DialectName::kOpenvino;
const Dialects kAll = {kV, kH, kL, kG, kO};

// The vectors' row: softmax .6337 .2331 .0858 .0315 .0116 .0043.
const std::vector<float> kSteps = {4, 3, 2, 1, 0, -1};

class Collector {
 public:
  // A case on `row` for each of the dialects; `make` sets what it is about.
  template <class Make>
  void Add(const std::string& what, const Dialects& dialects,
           const std::vector<float>& row, Make make, const Ids& kept,
           const Decimals& p = {}) {
    for (DialectName dialect : dialects) {
      NamedDialectCase named;
      named.c.name = what + "_" + Name(dialect);
      named.c.dialect = dialect;
      named.c.row.logits = row;
      make(&named.c);
      named.kept = kept;
      named.p = p;
      cases_.push_back(std::move(named));
    }
  }
  std::vector<NamedDialectCase> Take() { return std::move(cases_); }

 private:
  std::vector<NamedDialectCase> cases_;
};

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
  // Threshold on the probabilities before the temperature, which makes four of
  // them reach .1 at T = 2.
  all->Add("Order_XtcBeforeTemperature", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.1;
             c->params.temperature = 2;
           },
           {1, 2, 3, 4, 5});
  // Typical takes the largest away, then top_p has only token 1 to cut.
  const auto typical_and_p = [](DialectCase* c) {
    c->params.typical_p = 0.2;
    c->params.top_p = 0.5;
  };
  all->Add("Order_TypicalBeforeTopP", {kL}, kSteps, typical_and_p, {1}, {1});
  all->Add("Order_TypicalAfterTopP", {kH}, kSteps, typical_and_p, {0}, {1});
  // Hmax is ln 3 of the three that top_k left.
  all->Add("Order_DynamicTemperatureAfterTopK", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.top_k = 3;
             c->params.temperature = 0.8;
             c->params.dynamic_temperature_range = 0.5;
           },
           {0, 1, 2}, {.64959, .25237, .09804});
}

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
  all->Add("Equality_MinP1", {kV, kH, kL, kG}, two_best,
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

// What is banned, and that it is banned before anything else.
void Bans(Collector* all) {
  all->Add("Bans_MaskComesFirst", kAll, kSteps,
           [](DialectCase* c) {
             c->row.has_mask = true;
             c->row.mask = {0b111110};
             c->params.top_k = 1;
           },
           {1}, {1});
  const auto ends = [](DialectCase* c) {
    c->params.eos_ids = {0};
    c->params.stop_ids = {1};
    c->params.min_tokens = 2;
    c->past.prompt = {5, 5, 5};  // does not count
    c->past.output = {5};
  };
  all->Add("Bans_MinTokens", kAll, kSteps, ends, {2, 3, 4, 5});
  const auto ignored = [&](DialectCase* c) {
    ends(c);
    c->params.ignore_eos = true;
  };
  all->Add("Bans_MinTokensIgnoredEos", {kV, kG, kO}, kSteps, ignored,
           {2, 3, 4, 5});
  all->Add("Bans_MinTokensIgnoredEos", {kH, kL}, kSteps, ignored,
           {0, 2, 3, 4, 5});
  // The word begins in the prompt.
  const auto word = [](DialectCase* c) {
    c->params.bad_words = {{4, 5, 0}};
    c->past.prompt = {4};
    c->past.output = {5};
  };
  all->Add("Bans_BadWordFromThePrompt", {kH}, kSteps, word, {1, 2, 3, 4, 5});
  all->Add("Bans_BadWordFromThePrompt", {kV, kL, kG, kO}, kSteps, word,
           {0, 1, 2, 3, 4, 5});
  all->Add("Bans_BadWordsOfOneToken", kAll, kSteps,
           [](DialectCase* c) {
             c->params.bad_words = {{0}};  // id 0 too, and though it is EOS
             c->params.eos_ids = {0};
           },
           {1, 2, 3, 4, 5});
  all->Add("Bans_NoRepeatNgram2", {kH}, kSteps,
           [](DialectCase* c) {
             c->params.no_repeat_ngram = 2;
             c->past.prompt = {3, 0, 3};
           },
           {1, 2, 3, 4, 5});
  // SGLang adds the bias after the penalties: 4 / 2 + 2; others (4 + 2) / 2.
  const auto bias = [](DialectCase* c) {
    c->params.bias = {{0, 2}};
    c->params.repetition = 2;
    c->past.output = {0};
  };
  all->Add("Bias_BeforePenalties", {kV, kH, kL, kO}, {4, 3}, bias, {0, 1},
           {.5, .5});
  all->Add("Bias_AfterPenalties", {kG}, {4, 3}, bias, {0, 1}, {.73106, .26894});
}

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
  // At T = 2: .4019 .2437 .1478 .0897 .0544 .0330.
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
  // In llama.cpp xtc comes after it, and then has one token above .3 only.
  all->Add("Lacking_TopABeforeXtc", {kL}, kSteps,
           [](DialectCase* c) {
             c->params.top_a = 0.2;  // .0803: 0 1 2
             c->params.xtc_applies = true;
             c->params.xtc_threshold = 0.09;  // of what is left: .0900 is above
           },
           {2}, {1});
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
  // H = 1.023261; partial sums .28904 .62844 .83910 .94809 .99979 1.02326.
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

}  // namespace

std::vector<NamedDialectCase> NamedDialectCases() {
  Collector all;
  Orders(&all);
  PenaltyOrders(&all);
  Counts(&all);
  Boundaries(&all);
  Xtc(&all);
  Bans(&all);
  Lacking(&all);
  SingleKnobs(&all);
  Dry(&all);
  Greedy(&all);
  return all.Take();
}

}  // namespace logitd::tests
