// Params: what a caller wants of the sampler, one field for each knob built.
//
// A plain value: copyable, thread-compatible. Absent fields mean their off
// value. Meaning, unit and range of each knob: proto/logitd/v1/params.proto and
// sampler/README.md; name, field number and range in code: knobs.h.
#ifndef LOGITD_SAMPLER_PARAMS_H_
#define LOGITD_SAMPLER_PARAMS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "sampler/dialect.h"
#include "sampler/schedule.h"
#include "sampler/stage.h"

namespace logitd {

using TokenIds = std::vector<uint32_t>;

// What happens when soft bans leave nothing.
enum class OnEmpty { kRelax, kError };
// What happens to NaN and +inf in a row.
enum class OnNonFinite { kReject, kBan };
// What happens when a forced token is hard-banned.
enum class OnConflict { kMaskWins, kError };

// The end of a thinking section by force.
struct ThinkingBudget {
  TokenIds start;
  TokenIds end;
  uint32_t max_tokens = 0;
  TokenIds message;  // before `end`; may be empty
};

// What a knob is when it is absent and another knob asks for it.
inline constexpr double kXtcThreshold = 0.1;
inline constexpr double kTopPMin = 1e-6;
inline constexpr double kMirostatTau = 5;
inline constexpr double kMirostatEta = 0.1;
inline constexpr double kAdaptivePDecay = 0.9;

struct Params {
  std::optional<double> temperature;
  std::optional<double> dynamic_temperature_range;
  std::optional<double> dynamic_temperature_exponent;
  std::optional<double> smoothing_factor;
  std::optional<double> smoothing_curve;

  std::optional<uint32_t> top_k;
  std::optional<double> top_p;
  std::optional<double> top_p_decay;
  std::optional<double> top_p_min;
  TokenIds top_p_reset_ids;
  std::optional<double> min_p;
  std::optional<double> top_n_sigma;
  std::optional<double> typical_p;
  std::optional<double> epsilon_cutoff;
  std::optional<double> eta_cutoff;
  std::optional<double> top_a;
  std::optional<double> tail_free;
  std::optional<double> top_h;
  std::optional<bool> p_less;
  std::optional<double> xtc_probability;
  std::optional<double> xtc_threshold;
  TokenIds xtc_protected_ids;

  std::optional<uint32_t> mirostat;  // version
  std::optional<double> mirostat_tau;
  std::optional<double> mirostat_eta;
  std::optional<double> adaptive_p_target;
  std::optional<double> adaptive_p_decay;

  std::optional<double> repetition_penalty;
  std::optional<uint32_t> repetition_window;
  std::optional<double> frequency_penalty;
  std::optional<uint32_t> frequency_window;
  std::optional<double> presence_penalty;
  std::optional<uint32_t> presence_window;
  TokenIds penalty_exclude_ids;
  std::optional<double> prompt_repetition_penalty;
  std::optional<double> dry_multiplier;
  std::optional<double> dry_base;
  std::optional<uint32_t> dry_allowed_length;
  std::optional<uint32_t> dry_window;
  TokenIds dry_breaker_ids;
  std::vector<TokenIds> dry_breaker_sequences;
  std::optional<uint32_t> no_repeat_ngram;
  std::optional<uint32_t> length_penalty_start;
  std::optional<double> length_penalty_factor;

  TokenIds logit_bias_ids;
  std::vector<double> logit_bias_values;  // one for each id
  TokenIds allowed_ids;                   // empty: all
  TokenIds banned_ids;
  std::vector<TokenIds> bad_words;
  TokenIds suppressed_ids;
  TokenIds begin_suppressed_ids;
  TokenIds forced_tokens;
  std::optional<ThinkingBudget> thinking_budget;

  std::optional<double> guidance_scale;

  TokenIds eos_ids;
  TokenIds stop_ids;
  std::vector<TokenIds> stop_sequences;
  std::optional<uint32_t> min_tokens;
  std::optional<uint32_t> max_tokens;
  std::optional<bool> ignore_eos;
  std::optional<bool> ban_eos;

  std::optional<OnEmpty> on_empty;
  std::optional<OnNonFinite> on_non_finite;
  std::optional<OnConflict> on_conflict;

  std::optional<Dialect> dialect;
  std::vector<Stage> steps;  // empty: the order of the dialect

  // One for each knob that has no constant.
  std::vector<Schedule> schedules;
};

// OK, or INVALID_ARGUMENT (a value) or RESOURCE_EXHAUSTED (a length) with
// "<field>: <value> is outside <range>". Ids must be below vocab_size.
absl::Status Validate(const Params& params, uint32_t vocab_size);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_PARAMS_H_
