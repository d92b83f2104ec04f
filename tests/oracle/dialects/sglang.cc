// SGLang, its PyTorch sampling backend. Read: python/sglang/srt/layers/
// sampler.py, sampling/sampling_params.py, sampling/sampling_batch_info.py and
// sampling/penaltylib/. The FlashInfer backend cuts alike but where numbers are
// equal: it keeps all ties and stops at a mass of exactly p; with min_p it cuts
// by top_k, then top_p on what that left.
#include <algorithm>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/lacking.h"
#include "tests/oracle/dialects/ranked.h"

namespace logitd::dialects {
namespace {

// BatchedMinNewTokensPenalizer bans stop ids and EOS, whatever ignore_eos says.
constexpr BanRules kRules = {.min_tokens_bans_ignored_eos = true,
                             .bad_words_see_prompt = false};

// Additive penalties first, then the scaling one, which tests the sign after
// them. All three count the output alone.
void Penalize(const Params& params, const Past& past,
              std::vector<Real>* logits) {
  for (const auto& [id, count] :
       Count(params, past, params.frequency_window, true)) {
    (*logits)[id] -= static_cast<Real>(params.frequency) * count;
  }
  for (const auto& [id, count] :
       Count(params, past, params.presence_window, true)) {
    (*logits)[id] -= params.presence;
  }
  RepeatPrompt(params, past, logits);  // not its own
  for (const auto& [id, count] :
       Count(params, past, params.repetition_window, true)) {
    Real& l = (*logits)[id];
    l = l < 0 ? l * params.repetition : l / params.repetition;
  }
}

}  // namespace

Answer Sglang(const Params& params, const Row& row, const Past& past) {
  std::vector<Real> logits = BannedRow(params, row, past, kRules);
  if (logits.empty()) return NothingLeft();
  Penalize(params, past, &logits);
  DryAsLogitd(params, past, &logits);  // not its own
  FavourEos(params, past, &logits);    // nor this
  // apply_logits_bias: penalties, grammar mask, then logit_bias.
  for (const auto& [id, bias] : params.bias) logits[id] += bias;
  // SamplingParams.__post_init__: temperature < 1e-6 is top_k = 1 at T = 1.
  if (params.temperature < 1e-6) return Greedy(logits);
  Ranked left(logits);
  TemperAsLogitd(params, params.temperature, &left);
  CutTopNSigma(params, &left);  // not its own
  // top_k_top_p_min_p_sampling_from_probs_torch: all three on the same
  // probabilities, nothing is renormalised between them. Exactly k in sort
  // order (here: the lower id first); drops where the mass before a token > p;
  // drops p < min_p * the largest p.
  size_t count = left.size();
  if (params.top_k > 0) count = std::min(count, left.TopKExactly(params.top_k));
  if (params.top_p < 1)
    count = std::min(count, left.TopPExceeding(params.top_p));
  if (params.min_p > 0) count = std::min(count, left.MinP(params.min_p));
  left.Keep(count);
  CutFromTypicalOn(params, row.logits.size(), &left);  // not its own
  return left.ToAnswer();
}

}  // namespace logitd::dialects
