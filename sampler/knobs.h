// The knobs as data: name, number, range and off value of each, in one place.
//
// Validation, the fingerprint and the translation from the contract all walk
// these tables, so a knob cannot be checked in one and forgotten in another.
// `field` is the number in proto/logitd/v1/params.proto; a test compares them.
// Immutable; thread-safe.
#ifndef LOGITD_SAMPLER_KNOBS_H_
#define LOGITD_SAMPLER_KNOBS_H_

#include <cstddef>
#include <iterator>
#include <limits>
#include <optional>

#include "sampler/params.h"

namespace logitd {

struct RealKnob {
  const char* name;
  int field;
  std::optional<double> Params::*value;
  double min;
  double max;
  bool min_open;  // true: min itself is outside
  double off;     // what absence means
  bool max_open = false;
};

inline constexpr RealKnob kRealKnobs[] = {
    {"temperature", 1, &Params::temperature, 0, 100, false, 1},
    {"dynamic_temperature_range", 2, &Params::dynamic_temperature_range, 0, 100,
     false, 0},
    {"dynamic_temperature_exponent", 3, &Params::dynamic_temperature_exponent,
     0, 100, true, 1},
    {"smoothing_factor", 4, &Params::smoothing_factor, 0, 10, false, 0},
    {"smoothing_curve", 5, &Params::smoothing_curve, 1, 3, false, 1},
    {"top_p", 11, &Params::top_p, 0, 1, true, 1},
    {"min_p", 12, &Params::min_p, 0, 1, false, 0},
    {"top_n_sigma", 13, &Params::top_n_sigma, 0, 100, false, 0},
    {"typical_p", 14, &Params::typical_p, 0, 1, true, 1},
    {"epsilon_cutoff", 15, &Params::epsilon_cutoff, 0, 1, false, 0, true},
    {"eta_cutoff", 16, &Params::eta_cutoff, 0, 1, false, 0, true},
    {"top_a", 17, &Params::top_a, 0, 1, false, 0},
    {"tail_free", 18, &Params::tail_free, 0, 1, true, 1},
    {"top_h", 19, &Params::top_h, 0, 1, true, 1},
    {"xtc_probability", 21, &Params::xtc_probability, 0, 1, false, 0},
    {"xtc_threshold", 22, &Params::xtc_threshold, 0, 0.5, false, kXtcThreshold},
    {"top_p_decay", 24, &Params::top_p_decay, 0, 1, true, 1},
    {"top_p_min", 25, &Params::top_p_min, 0, 1, true, kTopPMin},
    {"mirostat_tau", 31, &Params::mirostat_tau, 0, 100, true, kMirostatTau},
    {"mirostat_eta", 32, &Params::mirostat_eta, 0, 1, true, kMirostatEta},
    {"adaptive_p_target", 33, &Params::adaptive_p_target, 0, 1, false, 0},
    {"adaptive_p_decay", 34, &Params::adaptive_p_decay, 0, 1, false,
     kAdaptivePDecay, true},
    {"repetition_penalty", 40, &Params::repetition_penalty, 0.1, 10, false, 1},
    {"frequency_penalty", 42, &Params::frequency_penalty, -2, 2, false, 0},
    {"presence_penalty", 44, &Params::presence_penalty, -2, 2, false, 0},
    {"prompt_repetition_penalty", 47, &Params::prompt_repetition_penalty, 0.1,
     10, false, 1},
    {"dry_multiplier", 48, &Params::dry_multiplier, 0, 100, false, 0},
    {"dry_base", 49, &Params::dry_base, 1, 10, false, 1.75},
    {"length_penalty_factor", 55, &Params::length_penalty_factor, 1, 10, false,
     1},
    {"guidance_scale", 67, &Params::guidance_scale, 0, 100, false, 1},
};

struct CountKnob {
  const char* name;
  int field;
  std::optional<uint32_t> Params::*value;
  uint32_t min;
  uint32_t max;
  uint32_t off;  // kNoOff: only absence is off
};

inline constexpr uint32_t kCountMax = 1u << 20;
inline constexpr uint32_t kNoOff = std::numeric_limits<uint32_t>::max();

inline constexpr CountKnob kCountKnobs[] = {
    {"top_k", 10, &Params::top_k, 1, kCountMax, kNoOff},
    {"mirostat", 30, &Params::mirostat, 0, 2, 0},
    {"repetition_window", 41, &Params::repetition_window, 1, kCountMax, kNoOff},
    {"frequency_window", 43, &Params::frequency_window, 1, kCountMax, kNoOff},
    {"presence_window", 45, &Params::presence_window, 1, kCountMax, kNoOff},
    {"dry_allowed_length", 50, &Params::dry_allowed_length, 1, kCountMax, 2},
    {"dry_window", 51, &Params::dry_window, 1, kCountMax, kNoOff},
    {"no_repeat_ngram", 53, &Params::no_repeat_ngram, 0, kCountMax, 0},
    {"length_penalty_start", 54, &Params::length_penalty_start, 0, kCountMax,
     0},
    {"min_tokens", 83, &Params::min_tokens, 0, kCountMax, 0},
    {"max_tokens", 84, &Params::max_tokens, 1, kCountMax, kNoOff},
};

// Sets of ids: order and repetition mean nothing.
struct IdsKnob {
  const char* name;
  int field;
  TokenIds Params::*value;
  size_t count_max;
};

// What the arithmetic bears; a service allows less.
inline constexpr size_t kIdsMax = 1u << 20;
inline constexpr size_t kBiasMax = 1u << 16;
inline constexpr size_t kStopSequencesMax = 1024;
inline constexpr size_t kStopSequenceTokensMax = 256;

inline constexpr IdsKnob kIdsKnobs[] = {
    {"xtc_protected_ids", 23, &Params::xtc_protected_ids, kIdsMax},
    {"top_p_reset_ids", 26, &Params::top_p_reset_ids, kIdsMax},
    {"penalty_exclude_ids", 46, &Params::penalty_exclude_ids, kIdsMax},
    {"dry_breaker_ids", 52, &Params::dry_breaker_ids, kIdsMax},
    {"allowed_ids", 62, &Params::allowed_ids, kIdsMax},
    {"banned_ids", 63, &Params::banned_ids, kIdsMax},
    {"suppressed_ids", 65, &Params::suppressed_ids, kIdsMax},
    {"begin_suppressed_ids", 66, &Params::begin_suppressed_ids, kIdsMax},
    {"eos_ids", 80, &Params::eos_ids, kIdsMax},
    {"stop_ids", 81, &Params::stop_ids, kIdsMax},
};

struct SwitchKnob {
  const char* name;
  int field;
  std::optional<bool> Params::*value;
};

inline constexpr SwitchKnob kSwitchKnobs[] = {
    {"p_less", 20, &Params::p_less},
    {"ignore_eos", 85, &Params::ignore_eos},
    {"ban_eos", 86, &Params::ban_eos},
};

// Sets of token sequences: their order and repetition mean nothing.
struct SequencesKnob {
  const char* name;
  int field;
  std::vector<TokenIds> Params::*value;
};

inline constexpr int kStopSequencesField = 82;
inline constexpr SequencesKnob kSequencesKnobs[] = {
    {"dry_breaker_sequences", 56, &Params::dry_breaker_sequences},
    {"bad_words", 64, &Params::bad_words},
    {"stop_sequences", kStopSequencesField, &Params::stop_sequences},
};

// Knobs of a shape of their own.
inline constexpr int kBiasIdsField = 60;
inline constexpr int kBiasValuesField = 61;
inline constexpr int kForcedTokensField = 68;
inline constexpr int kThinkingBudgetField = 69;
inline constexpr int kOnEmptyField = 90;
inline constexpr int kOnNonFiniteField = 91;
inline constexpr int kOnConflictField = 92;
inline constexpr int kDialectField = 93;
inline constexpr int kStepsField = 94;
inline constexpr int kSchedulesField = 95;

// The knob of a table that has this field number; nullptr: none.
template <class Table>
constexpr auto FindKnob(const Table& table, int field)
    -> decltype(std::data(table)) {
  for (const auto& knob : table) {
    if (knob.field == field) return &knob;
  }
  return nullptr;
}

}  // namespace logitd

#endif  // LOGITD_SAMPLER_KNOBS_H_
