// Plan: parameters compiled for one vocabulary, made once at open or update.
//
// Holds only what is active, with constants hoisted, so that a step branches on
// nothing that is already decided. Immutable after Compile; thread-safe. Knows
// neither rows nor histories.
#ifndef LOGITD_SAMPLER_PLAN_H_
#define LOGITD_SAMPLER_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sampler/params.h"
#include "sampler/stage.h"
#include "sampler/step_values.h"

namespace logitd {

struct Plan {
  // INVALID_ARGUMENT or RESOURCE_EXHAUSTED as Validate says.
  static absl::StatusOr<Plan> Compile(Params params, uint32_t vocab_size);

  Params params;  // as given
  uint32_t vocab_size = 0;

  // From temperature on.
  StepValues values;
  std::vector<Stage> stages;  // in their order
  TokenIds xtc_protected_ids;

  // Bans and bias. Id lists are sorted and without repetition.
  std::vector<uint8_t> allowed_mask;  // bit per id; empty: all allowed
  TokenIds banned_ids;                // banned_ids, and EOS when ban_eos
  TokenIds delayed_ids;               // what min_tokens bans softly
  uint32_t min_tokens = 0;
  bool relax_soft_bans = true;
  bool ban_non_finite = false;
  TokenIds bias_ids;  // without values of 0
  std::vector<double> bias_values;

  // Penalties.
  std::optional<double> repetition;  // only when not 1
  std::optional<double> frequency;   // only when not 0
  std::optional<double> presence;    // only when not 0
  TokenIds penalty_exclude_ids;

  // Ends.
  TokenIds eos_ids;  // empty when ignore_eos
  TokenIds stop_ids;
  std::optional<uint32_t> max_tokens;

  bool top_k_is_off() const {
    return params.top_k.value_or(vocab_size) >= vocab_size;
  }
  // True when a knob looks at prompt tokens.
  bool needs_prompt() const { return repetition.has_value(); }
  // How many of the last tokens the plan looks at; 2^32 - 1: all.
  uint32_t lookback() const;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_PLAN_H_
