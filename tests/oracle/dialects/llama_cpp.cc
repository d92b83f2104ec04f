// llama.cpp, b10256: the default chain of common/sampling.cpp, which ends in
// what is drawn from.
#include <algorithm>
#include <cmath>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/lacking.h"
#include "tests/oracle/dialects/llama_dry.h"
#include "tests/oracle/dialects/llama_list.h"
#include "tests/oracle/dialects/ranked.h"

namespace logitd::dialects {
namespace {

// It has none of these bans but through logit_bias (-inf) and its grammar,
// which it asks after the draw.
constexpr BanRules kRules = {.min_tokens_bans_ignored_eos = false,
                             .bad_words_see_prompt = false};

template <class N>
N Power(N base, uint32_t exponent) {
  return static_cast<N>(std::pow(static_cast<double>(base), exponent));
}
template <>
Real Power(Real base, uint32_t exponent) {
  return std::pow(base, static_cast<Real>(exponent));
}

// penalties: for each token that occurs in the last n of prompt and output,
// repetition (the test is l <= 0), then frequency and presence in one
// subtraction. All three count prompt and output.
template <class N>
void Penalize(const Params& params, const Past& past, std::vector<N>* logits) {
  for (const auto& [id, count] :
       Count(params, past, params.repetition_window, false)) {
    const N r = static_cast<N>(params.repetition);
    N& l = (*logits)[id];
    l = l <= 0 ? l * r : l / r;
  }
  std::vector<N> less(logits->size(), 0);
  for (const auto& [id, count] :
       Count(params, past, params.frequency_window, false)) {
    less[id] += static_cast<N>(count) * static_cast<N>(params.frequency);
  }
  for (const auto& [id, count] :
       Count(params, past, params.presence_window, false)) {
    less[id] += static_cast<N>(params.presence);
  }
  for (size_t i = 0; i < less.size(); ++i) (*logits)[i] -= less[i];
}

template <class N>
void Dry(const Params& params, const Past& past, std::vector<N>* logits) {
  for (const auto& [id, exponent] : LlamaDryExponents(params, past)) {
    const N base = static_cast<N>(params.dry_base);
    (*logits)[id] -=
        static_cast<N>(params.dry_multiplier) * Power(base, exponent);
  }
}

// A knob that is not its own.
template <class N>
void ChangeAsLogitd(void (*change)(const Params&, const Past&,
                                   std::vector<Real>*),
                    const Params& params, const Past& past,
                    std::vector<N>* logits) {
  std::vector<Real> real(logits->begin(), logits->end());
  change(params, past, &real);
  std::transform(real.begin(), real.end(), logits->begin(),
                 [](Real l) { return static_cast<N>(l); });
}

// logit_bias, penalties, DRY: they do not shrink the list.
template <class N>
LlamaList<N> Changed(const Params& params, const Past& past,
                     const std::vector<Real>& row) {
  std::vector<N> logits(row.begin(), row.end());
  for (const auto& [id, bias] : params.bias) {
    logits[id] += static_cast<N>(bias);
  }
  ChangeAsLogitd(RepeatPrompt, params, past, &logits);
  Penalize(params, past, &logits);
  Dry(params, past, &logits);
  ChangeAsLogitd(FavourEos, params, past, &logits);
  std::vector<typename LlamaList<N>::Entry> entries;
  for (uint32_t i = 0; i < logits.size(); ++i) {
    entries.push_back({i, logits[i], 0});
  }
  return LlamaList<N>(entries);
}

// epsilon, eta, top_a, tail_free, top_h and p_less are not its own.
template <class N>
void CutAsLogitd(const Params& params, LlamaList<N>* list) {
  if (params.epsilon_cutoff == 0 && params.eta_cutoff == 0 &&
      params.top_a == 0 && params.tail_free == 1 && params.top_h == 1 &&
      !params.p_less) {
    return;
  }
  std::vector<Real> logits;
  for (const auto& e : list->entries()) {
    if (e.id >= logits.size()) logits.resize(e.id + 1, kBanned);
    logits[e.id] = e.logit;
  }
  Ranked left(logits);
  CutEpsilonAndEta(params, &left);
  CutTopA(params, &left);
  CutTailFree(params, &left);
  CutTopH(params, &left);
  CutPLess(params, &left);
  list->KeepOnly(left.ToAnswer());
}

// The order: top_n_sigma, top_k, typical, top_p, min_p, xtc, temperature. With
// mirostat only the temperature comes before it.
template <class N>
void Truncate(const Params& params, LlamaList<N>* list) {
  const auto number = [](double x) { return static_cast<N>(x); };
  if (params.mirostat == 0) {
    if (params.top_n_sigma > 0) list->TopNSigma(number(params.top_n_sigma));
    if (params.top_k > 0) list->TopK(params.top_k);
    if (params.typical_p < 1) list->Typical(number(params.typical_p));
    if (params.top_p < 1) list->TopP(number(params.top_p));
    if (params.min_p > 0) list->MinP(number(params.min_p));
    CutAsLogitd(params, list);
    if (params.xtc_applies && params.xtc_threshold <= 0.5) {
      list->Xtc(number(params.xtc_threshold), params.xtc_protected_ids);
    }
  }
  list->Temperature(number(params.temperature),
                    number(params.dynamic_temperature_range),
                    number(params.dynamic_temperature_exponent));
  if (params.smoothing_factor > 0) {  // not its own
    const double f = params.smoothing_factor, c = params.smoothing_curve;
    list->Bend(number((3 - c) / 2 * f), number((c - 1) / 2 * f));
  }
  if (params.mirostat == 1) {
    list->Mirostat1(list->size(), number(params.mirostat_mu));
  } else if (params.mirostat == 2) {
    list->Mirostat2(number(params.mirostat_mu));
  } else if (params.adaptive_p) {
    list->AdaptiveP(number(params.adaptive_p_target),
                    number(params.adaptive_p_weighted_sum),
                    number(params.adaptive_p_total_weight));
  }
}

template <class N>
Answer Run(const Params& params, const Row& row, const Past& past) {
  std::vector<Real> logits = BannedRow(params, row, past, kRules);
  if (logits.empty()) return NothingLeft();
  LlamaList<N> list = Changed<N>(params, past, logits);
  Truncate(params, &list);
  if (params.mirostat != 0 || params.adaptive_p) {
    list.Softmax(false);
  } else {
    list.Dist();
  }
  Answer answer;
  for (const auto& entry : list.entries()) {
    if (std::isinf(entry.logit)) continue;
    answer.ids.push_back(entry.id);
    answer.p.push_back(entry.p);
  }
  answer.greedy =
      params.temperature <= 0 && params.dynamic_temperature_range <= 0;
  answer.closest = list.closest();
  answer.tied = list.tied();
  return answer;
}

}  // namespace

Answer LlamaCpp(const Params& params, const Row& row, const Past& past) {
  return Run<Real>(params, row, past);
}

Answer LlamaCppFloat32(const Params& params, const Row& row, const Past& past) {
  return Run<float>(params, row, past);
}

}  // namespace logitd::dialects
