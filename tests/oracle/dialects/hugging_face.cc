// Hugging Face transformers. Read: src/transformers/generation/
// logits_process.py and, for the order, generation/utils.py
// (_get_logits_processor).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/oracle/dialects/bans.h"
#include "tests/oracle/dialects/dialects.h"
#include "tests/oracle/dialects/lacking.h"
#include "tests/oracle/dialects/ranked.h"

namespace logitd::dialects {
namespace {

// NoBadWordsLogitsProcessor sees input_ids: prompt and output. min_new_tokens
// bans EOS; there is no ignore_eos.
constexpr BanRules kRules = {.min_tokens_bans_ignored_eos = false,
                             .bad_words_see_prompt = true};

// RepetitionPenaltyLogitsProcessor: prompt and output, once for each distinct
// token. Frequency and presence are not its own: as logitd/1 has them.
void Penalize(const Params& params, const Past& past,
              std::vector<Real>* logits) {
  for (const auto& [id, count] :
       Count(params, past, params.repetition_window, false)) {
    Real& l = (*logits)[id];
    l = l < 0 ? l * params.repetition : l / params.repetition;
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

// TopHLogitsWarper: the first 100 of the rank, made a distribution of their
// own; keeps while the partial sums of its entropy <= top_h times all of it.
// The first always stays.
size_t TopH(const Params& params, Ranked* left) {
  constexpr size_t kLookedAt = 100;
  Ranked head = *left;
  head.Keep(std::min(kLookedAt, head.size()));
  const Real limit = params.top_h * head.Entropy();
  Real sum = 0;
  size_t count = 0;
  for (Real p : head.Probabilities()) {
    if (p > 0) sum -= p * std::log(p);
    left->NoteDistance(std::fabs(sum - limit));
    if (count > 0 && sum > limit) break;
    ++count;
  }
  left->TopKExactly(count);  // notes ties at this cut
  return count;
}

// TypicalLogitsWarper: by |-ln p - H| rising, the shortest prefix whose mass
// reaches p, and whatever scores as its last one does.
std::vector<bool> Typical(const Params& params, Ranked* left) {
  const std::vector<Real> p = left->Probabilities();
  const Real entropy = left->Entropy();
  std::vector<Real> score;
  score.reserve(p.size());
  for (Real x : p) score.push_back(std::fabs(-std::log(x) - entropy));
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return score[a] < score[b]; });
  Real mass = 0;
  size_t last = 0;
  for (; last + 1 < order.size(); ++last) {
    mass += p[order[last]];
    left->NoteDistance(std::fabs(mass - params.typical_p));
    if (mass >= params.typical_p) break;
  }
  const Real worst = score[order[last]];
  std::vector<bool> kept;
  for (Real x : score) {
    kept.push_back(x <= worst);
    if (x != worst) left->NoteDistance(std::fabs(x - worst));
  }
  return kept;
}

}  // namespace

Answer HuggingFace(const Params& params, const Row& row, const Past& past) {
  // Guidance first; all bans before anything that looks at probabilities.
  std::vector<Real> logits = BannedRow(params, row, past, kRules);
  if (logits.empty()) return NothingLeft();
  // sequence_bias comes before the repetition penalty.
  for (const auto& [id, bias] : params.bias) logits[id] += bias;
  RepeatPrompt(params, past, &logits);  // not its own
  Penalize(params, past, &logits);
  DryAsLogitd(params, past, &logits);  // nor this
  FavourEos(params, past, &logits);    // exponential_decay_length_penalty
  // do_sample = false: argmax after the processors, without any warper. (To
  // TemperatureLogitsWarper itself 0 is an error.)
  if (params.temperature == 0) return Greedy(logits);
  Ranked left(logits);
  TemperAsLogitd(params, params.temperature, &left);
  CutTopNSigma(params, &left);  // not its own
  if (params.top_h < 1) left.Keep(TopH(params, &left));
  // TopKLogitsWarper: drops what is below the k-th largest, so ties stay.
  if (params.top_k > 0) left.Keep(left.TopKKeepingTies(params.top_k));
  // TopPLogitsWarper: as vLLM's, on what is left.
  if (params.top_p < 1) left.Keep(left.TopPReaching(params.top_p));
  // MinPLogitsWarper: drops p < min_p * max p.
  if (params.min_p > 0) left.Keep(left.MinP(params.min_p));
  if (params.typical_p < 1) left.Keep(Typical(params, &left));
  // EpsilonLogitsWarper: drops p < epsilon unless it equals the largest.
  if (params.epsilon_cutoff > 0) {
    left.Keep(left.AtLeast(params.epsilon_cutoff));
  }
  // EtaLogitsWarper: the same at min(epsilon, sqrt(epsilon) * exp(-H)).
  if (params.eta_cutoff > 0) {
    const Real eta = params.eta_cutoff;
    left.Keep(left.AtLeast(
        std::min(eta, std::sqrt(eta) * std::exp(-left.Entropy()))));
  }
  CutTopA(params, &left);  // from here on not its own
  CutTailFree(params, &left);
  CutPLess(params, &left);
  CutXtc(params, &left);
  Steer(params, row.logits.size(), &left);
  return left.ToAnswer();
}

}  // namespace logitd::dialects
