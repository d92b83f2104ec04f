// Five textbooks: what another engine does with a row, one file per engine.
//
// Each is written from that engine's behaviour, with the source of each rule
// beside it, and knows nothing of the sampler it judges nor of oracle.cc. It
// says which tokens are left and how probable each is, never which one is
// drawn. Real numbers throughout (long double): what the engine's float32 sums
// make of a cut is not imitated, but told by `closest`. What counts as a bug of
// the engine and is left out is listed in sampler/README.md, "Dialects".
//
// Pure and thread-safe; everything is a value; O(V log V).
#ifndef LOGITD_TESTS_ORACLE_DIALECTS_DIALECTS_H_
#define LOGITD_TESTS_ORACLE_DIALECTS_DIALECTS_H_

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace logitd::dialects {

using Real = long double;
using Ids = std::vector<uint32_t>;

// Every default is the off value. Which dialect has which knob: README.md.
struct Params {
  double temperature = 1;
  double dynamic_temperature_range = 0;
  double dynamic_temperature_exponent = 1;
  double smoothing_factor = 0;
  double smoothing_curve = 1;

  uint32_t top_k = 0;  // 0: off
  double top_p = 1;
  double min_p = 0;
  double top_n_sigma = 0;
  double typical_p = 1;
  double epsilon_cutoff = 0;
  double eta_cutoff = 0;
  double top_h = 1;
  double top_a = 0;
  double tail_free = 1;
  bool p_less = false;
  bool xtc_applies = false;  // what the coin said
  double xtc_threshold = 0.5;
  Ids xtc_protected_ids;

  uint32_t mirostat = 0;  // version
  double mirostat_mu = 0;
  bool adaptive_p = false;
  double adaptive_p_target = 0;
  double adaptive_p_weighted_sum = 0;
  double adaptive_p_total_weight = 0;

  double prompt_repetition = 1;
  double repetition = 1;
  uint32_t repetition_window = 0;  // 0: all tokens
  double frequency = 0;
  uint32_t frequency_window = 0;
  double presence = 0;
  uint32_t presence_window = 0;
  Ids penalty_exclude_ids;
  double dry_multiplier = 0;
  double dry_base = 1.75;
  uint32_t dry_allowed_length = 2;
  uint32_t dry_window = 0;  // 0: all tokens
  std::vector<Ids> dry_breakers;
  uint32_t no_repeat_ngram = 0;
  uint32_t length_penalty_start = 0;
  double length_penalty_factor = 1;

  std::vector<std::pair<uint32_t, double>> bias;
  Ids allowed_ids;  // empty: all
  Ids banned_ids;
  std::vector<Ids> bad_words;
  Ids suppressed_ids;
  Ids begin_suppressed_ids;
  double guidance_scale = 1;

  Ids eos_ids;
  Ids stop_ids;
  uint32_t min_tokens = 0;
  bool ignore_eos = false;
  bool ban_eos = false;
};

// The tokens before this one.
struct Past {
  Ids prompt;
  Ids output;
};

struct Row {
  std::vector<float> logits;         // -inf is banned; no NaN, no +inf
  std::vector<float> unconditional;  // of guidance; empty: there is none
  bool has_mask = false;
  std::vector<uint8_t> mask;  // bit per id, 1 = allowed; missing bits are 0
};

// What is left, in no order that means anything.
struct Answer {
  bool nothing_left = false;  // hard bans took all
  bool greedy = false;        // then one id, with probability 1
  Ids ids;
  std::vector<Real> p;  // of each id; their sum is 1
  // The least distance of any token from any cut, in units of the largest
  // probability or logit there: float32 may cut elsewhere when it is tiny.
  Real closest = std::numeric_limits<Real>::infinity();
  // A cut went through equals, or a choice was between equals: the engine may
  // have kept others of them than those of the lowest ids.
  bool tied = false;
};

Answer Vllm(const Params& params, const Row& row, const Past& past);
Answer HuggingFace(const Params& params, const Row& row, const Past& past);
Answer LlamaCpp(const Params& params, const Row& row, const Past& past);
Answer Sglang(const Params& params, const Row& row, const Past& past);
Answer Openvino(const Params& params, const Row& row, const Past& past);

// LlamaCpp() again with that engine's float32 sums in its order: only to show
// that a difference from the engine is one of its rounding.
Answer LlamaCppFloat32(const Params& params, const Row& row, const Past& past);

}  // namespace logitd::dialects

#endif  // LOGITD_TESTS_ORACLE_DIALECTS_DIALECTS_H_
