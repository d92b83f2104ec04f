// vLLM, engine V1. Read: vllm/v1/sample/sampler.py, ops/topk_topp_sampler.py,
// ops/bad_words.py, logits_processor/builtin.py, model_executor/layers/utils.py
// and sampling_params.py.
#include <algorithm>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/lacking.h"
#include "tests/oracle/dialects/ranked.h"

namespace logitd::dialects {
namespace {

// allowed_token_ids, bad_words, min_tokens; bad words see the output alone
// (apply_bad_words takes past output tokens), and min_tokens bans EOS and all
// stop ids whether or not EOS would finish (_all_stop_token_ids has it anyhow).
constexpr BanRules kRules = {.min_tokens_bans_ignored_eos = true,
                             .bad_words_see_prompt = false};

// apply_penalties: repetition over prompt and output, once for each distinct
// token; then frequency and presence over the output alone, subtracted.
void Penalize(const Params& params, const Past& past,
              std::vector<Real>* logits) {
  for (const auto& [id, count] :
       Count(params, past, params.repetition_window, false)) {
    Real& l = (*logits)[id];
    l = l > 0 ? l / params.repetition : l * params.repetition;
  }
  for (const auto& [id, count] :
       Count(params, past, params.frequency_window, true)) {
    (*logits)[id] -= static_cast<Real>(params.frequency) * count;
  }
  for (const auto& [id, count] :
       Count(params, past, params.presence_window, true)) {
    (*logits)[id] -= params.presence;
  }
}

// SamplingParams.__post_init__: what lies between 0 and 0.01 is raised to 0.01,
// before the test for greedy (< 1e-5): only 0 itself is greedy.
Real Temperature(const Params& params) {
  if (params.temperature == 0) return 0;
  return std::max<Real>(params.temperature, 0.01);
}

}  // namespace

Answer Vllm(const Params& params, const Row& row, const Past& past) {
  std::vector<Real> logits = BannedRow(params, row, past, kRules);
  if (logits.empty()) return NothingLeft();
  // LogitBiasLogitsProcessor, before the penalties.
  for (const auto& [id, bias] : params.bias) logits[id] += bias;
  RepeatPrompt(params, past, &logits);  // not vLLM's
  Penalize(params, past, &logits);
  DryAsLogitd(params, past, &logits);  // nor these
  FavourEos(params, past, &logits);
  const Real temperature = Temperature(params);
  // Greedy: argmax here. top_p, top_k and min_p are reset to off.
  if (temperature == 0) return Greedy(logits);
  Ranked left(logits);
  TemperAsLogitd(params, temperature, &left);
  CutTopNSigma(params, &left);  // not vLLM's
  // MinPLogitsProcessor: drops p < min_p * max p, equality stays.
  if (params.min_p > 0) left.Keep(left.MinP(params.min_p));
  // apply_top_k: drops what is below the k-th largest, so ties stay.
  if (params.top_k > 0) left.Keep(left.TopKKeepingTies(params.top_k));
  // apply_top_p, on the softmax of what is left: ascending, drops while the
  // running sum <= 1 - p, never the last. In real numbers: keeps a token while
  // the mass before it is below p. Equal tokens at the cut: the sort decides
  // there, the lower id here.
  if (params.top_p < 1) left.Keep(left.TopPReaching(params.top_p));
  CutFromTypicalOn(params, row.logits.size(), &left);  // not vLLM's
  return left.ToAnswer();
}

}  // namespace logitd::dialects
