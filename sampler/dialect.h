// Dialects: the order of stages and the rules of other engines.
//
// A dialect sets no value. Immutable; thread-safe. What each rule is:
// sampler/README.md, "Dialects".
#ifndef LOGITD_SAMPLER_DIALECT_H_
#define LOGITD_SAMPLER_DIALECT_H_

#include <cstdint>

#include "absl/types/span.h"
#include "sampler/stage.h"

namespace logitd {

// Numbered as in the contract.
enum class Dialect : uint8_t {
  kLogitd,
  kVllm,
  kHuggingFace,
  kLlamaCpp,
  kSglang,
  kOpenvino,
};
inline constexpr int kDialectCount = 6;

// Defaults are those of logitd/1.
struct DialectRules {
  const char* name;
  absl::Span<const Stage> order;

  // Greedy below this temperature; 0: at 0 alone.
  double greedy_below = 1e-5;
  // With a range of dynamic temperature a temperature of 0 is not greedy, the
  // range reaches down to 0, and n counts what is banned too.
  bool dynamic_reaches_zero = false;
  // Temperatures below it, but those that are greedy, are raised to it.
  double least_temperature = 0;

  bool top_k_keeps_equals = false;
  // A prefix is long enough when its mass is above p, not at it.
  bool top_p_goes_beyond = false;
  bool typical_goes_beyond = false;
  bool typical_keeps_equals = false;
  // The first so many of the rank, whose entropy counts; 0: all.
  uint32_t top_h_candidates = 0;

  bool repetition_counts_prompt = true;
  bool frequency_counts_prompt = false;  // and presence
  bool bad_words_match_prompt = false;
  bool min_tokens_ban_ignored_eos = false;
  // Of DRY's breakers the one that begins last counts, not the one that ends
  // last, and only those that lie in the window.
  bool dry_breaker_by_start = false;
  // DRY's base to the exponent is a float at most, whatever the multiplier.
  bool dry_exponent_has_limit = false;
};

const DialectRules& RulesOf(Dialect dialect);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_DIALECT_H_
