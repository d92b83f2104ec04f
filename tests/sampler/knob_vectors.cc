#include "tests/sampler/knob_vectors.h"

namespace logitd::tests {
namespace {

using List = KnobVectors;
using P = Params;

void Fade(P* p) {
  p->top_p = p->top_p_decay = 0.9;
  p->top_p_min = 0.5;
}

void Xtc(P* p) { p->xtc_probability = 1; }

List Temperatures() {
  return {
      {"temperature 0.5", [](P* p) { p->temperature = 0.5; }},
      {"dynamic temperature 0.8, 0.5, 1",
       [](P* p) {
         p->temperature = 0.8;
         p->dynamic_temperature_range = 0.5;
       }},
      {"smoothing 0.2, 1", [](P* p) { p->smoothing_factor = 0.2; }},
      {"smoothing 0.2, 2",
       [](P* p) {
         p->smoothing_factor = 0.2;
         p->smoothing_curve = 2;
       }},
  };
}

List Cuts() {
  return {
      {"top_n_sigma 1", [](P* p) { p->top_n_sigma = 1; }},
      {"top_k 3", [](P* p) { p->top_k = 3; }},
      {"top_p 0.9", [](P* p) { p->top_p = 0.9; }},
      {"top_p 0.9, decay 0.9, least 0.5, after 0", Fade},
      {"top_p 0.9, decay 0.9, least 0.5, after 2", Fade, {}, {5, 5}},
      {"top_p 0.9, decay 0.9, least 0.5, after 6", Fade, {}, TokenIds(6, 5)},
      {"min_p 0.1", [](P* p) { p->min_p = 0.1; }},
      {"typical_p 0.2", [](P* p) { p->typical_p = 0.2; }},
      {"typical_p 0.5", [](P* p) { p->typical_p = 0.5; }},
      {"typical_p 0.9", [](P* p) { p->typical_p = 0.9; }},
      {"epsilon_cutoff 0.05", [](P* p) { p->epsilon_cutoff = 0.05; }},
      {"eta_cutoff 0.05", [](P* p) { p->eta_cutoff = 0.05; }},
      {"eta_cutoff 0.3", [](P* p) { p->eta_cutoff = 0.3; }},
      {"top_a 0.2", [](P* p) { p->top_a = 0.2; }},
      {"tail_free 0.9", [](P* p) { p->tail_free = 0.9; }},
      {"top_h 0.7", [](P* p) { p->top_h = 0.7; }},
      {"p_less", [](P* p) { p->p_less = true; }},
      {"xtc 1, 0.1", Xtc},
  };
}

template <int kVersion, int kHalfTau>
void Mirostat(P* p) {
  p->mirostat = kVersion;
  p->mirostat_tau = kHalfTau / 2.0;
}

List FirstOfFeedback() {
  return {
      {"mirostat 1, tau 0.5", Mirostat<1, 1>},
      {"mirostat 1, tau 1", Mirostat<1, 2>},
      {"mirostat 2, tau 1", Mirostat<2, 2>},
      {"mirostat 2, tau 2", Mirostat<2, 4>},
      {"adaptive_p 0.3", [](P* p) { p->adaptive_p_target = 0.3; }},
  };
}

List Penalties() {
  const TokenIds alphabet = {1, 2, 3, 3, 2, 3, 25, 1, 2, 3};
  return {
      {"repetition 1.2", [](P* p) { p->repetition_penalty = 1.2; }, {}, {0, 5}},
      {"frequency 0.5",
       [](P* p) { p->frequency_penalty = 0.5; },
       {},
       {0, 0, 5}},
      {"presence 0.5", [](P* p) { p->presence_penalty = 0.5; }, {}, {0, 0, 5}},
      {"dry 0.8",
       [](P* p) { p->dry_multiplier = 0.8; },
       {},
       alphabet,
       std::vector<float>(26)},
  };
}

void Hot(P* p) {
  p->temperature = 2;
  p->min_p = 0.1;
}

List Orders() {
  return {
      {"temperature 2, min_p 0.1", Hot},
      {"the same, LLAMA_CPP_V1",
       [](P* p) {
         Hot(p);
         p->dialect = Dialect::kLlamaCpp;
       }},
      {"the same, steps min_p, temperature",
       [](P* p) {
         Hot(p);
         p->steps = {Stage::kMinP, Stage::kTemperature};
       }},
      {"temperature 2, top_k 3, repetition 1.2, steps in this order",
       [](P* p) {
         p->temperature = 2;
         p->top_k = 3;
         p->repetition_penalty = 1.2;
         p->steps = {Stage::kTemperature, Stage::kTopK, Stage::kRepetition};
       },
       {},
       {0, 5}},
      {"top_k 3, top_p 0.9, SGLANG_V1",
       [](P* p) {
         p->top_k = 3;
         p->top_p = 0.9;
         p->dialect = Dialect::kSglang;
       }},
      {"min_p 0.3, top_p 0.7, VLLM_V1",
       [](P* p) {
         p->min_p = 0.3;
         p->top_p = 0.7;
         p->dialect = Dialect::kVllm;
       }},
  };
}

}  // namespace

List RowVectors() {
  List all;
  for (const List& some :
       {Temperatures(), Cuts(), FirstOfFeedback(), Penalties(), Orders()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace logitd::tests
