// OpenVINO GenAI. Read: src/cpp/src/sampling/logit_processor.hpp,
// logit_transformers.hpp, sampler.cpp and generation_config.cpp.
#include <algorithm>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/lacking.h"
#include "tests/oracle/dialects/ranked.h"

namespace logitd::dialects {
namespace {

// EOSPenaltyTransform bans all stop_token_ids, EOS among them, whatever
// ignore_eos says. No bad words there.
constexpr BanRules kRules = {.min_tokens_bans_ignored_eos = true,
                             .bad_words_see_prompt = false};

// LogitProcessor: repetition, presence, frequency, in this order. Repetition
// over the distinct tokens of prompt and generated ones, once each; the others
// over generated ones. The engine adds presence and frequency to a negative
// logit: that bug is left out, they are always subtracted.
void Penalize(const Params& params, const Past& past,
              std::vector<Real>* logits) {
  for (const auto& [id, count] :
       Count(params, past, params.repetition_window, false)) {
    Real& l = (*logits)[id];
    l = l >= 0 ? l / params.repetition : l * params.repetition;
  }
  for (const auto& [id, count] :
       Count(params, past, params.presence_window, true)) {
    (*logits)[id] -= params.presence;
  }
  for (const auto& [id, count] :
       Count(params, past, params.frequency_window, true)) {
    (*logits)[id] -= static_cast<Real>(params.frequency) * count;
  }
}

}  // namespace

Answer Openvino(const Params& params, const Row& row, const Past& past) {
  std::vector<Real> logits = BannedRow(params, row, past, kRules);
  if (logits.empty()) return NothingLeft();
  for (const auto& [id, bias] : params.bias) logits[id] += bias;  // not its own
  RepeatPrompt(params, past, &logits);                            // nor this
  Penalize(params, past, &logits);
  DryAsLogitd(params, past, &logits);  // nor these
  FavourEos(params, past, &logits);
  // do_sample = false: argmax, the first of equals (_greedy_sample).
  if (params.temperature == 0) return Greedy(logits);
  Ranked left(logits);
  // TopKFilter, before the temperature: exactly k. Which of equals stay is a
  // matter of its heap; here those of the lowest ids.
  if (params.top_k > 0) left.Keep(left.TopKExactly(params.top_k));
  // TemperatureLogitTransform: softmax over what top_k left.
  TemperAsLogitd(params, params.temperature, &left);
  CutTopNSigma(params, &left);  // not its own
  // MinPFilter: keeps p >= min_p * max p and does not renormalise, so
  // TopPFilter measures against the mass that top_k left: its sum must exceed p
  // (> p), and where that never happens all stay.
  size_t count = left.size();
  if (params.min_p > 0) count = std::min(count, left.MinP(params.min_p));
  if (params.top_p < 1)
    count = std::min(count, left.TopPExceeding(params.top_p));
  left.Keep(count);
  CutFromTypicalOn(params, row.logits.size(), &left);  // not its own
  return left.ToAnswer();
}

}  // namespace logitd::dialects
