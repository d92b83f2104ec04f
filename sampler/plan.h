// Plan: parameters compiled for one vocabulary, made once at open or update.
//
// Holds only what is active, with constants hoisted, so that a step branches on
// nothing that is already decided. Immutable after Compile; thread-safe. Knows
// neither rows nor histories.
#ifndef LOGITD_SAMPLER_PLAN_H_
#define LOGITD_SAMPLER_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sampler/dialect.h"
#include "sampler/params.h"
#include "sampler/sequence_set.h"
#include "sampler/stage.h"
#include "sampler/step_values.h"

namespace logitd {

// DRY, where it is on.
struct DryPlan {
  uint32_t allowed_length;
  std::optional<uint32_t> window;               // absent: all
  std::shared_ptr<const SequenceSet> breakers;  // nullptr: none
  // The same, where the one that begins last counts; else empty.
  std::vector<TokenIds> breakers_by_start;
  TokenIds untouched;  // penalty_exclude_ids and breakers of one token
};

// A thinking budget: the sequences that bound its section, and what is forced
// when it is spent.
struct ThinkingPlan {
  std::shared_ptr<const SequenceSet> start;
  std::shared_ptr<const SequenceSet> end;
  uint32_t max_tokens;
  TokenIds forced;  // message and end
};

// The length penalty, where it can change a logit.
struct LengthPlan {
  uint32_t start;
  TokenIds eos_ids;
};

struct Plan {
  // INVALID_ARGUMENT or RESOURCE_EXHAUSTED as Validate says.
  static absl::StatusOr<Plan> Compile(Params params, uint32_t vocab_size);

  Params params;  // as given
  uint32_t vocab_size = 0;

  // The stages that may do something, in their order.
  std::vector<Stage> stages;
  const DialectRules* rules = nullptr;  // never, once compiled
  // What is on at any step; those of each step unless there are schedules.
  StepValues values;
  bool is_ever_greedy = false;
  TokenIds xtc_protected_ids;

  // What gives top_p its first value back; nullptr: nothing.
  std::shared_ptr<const SequenceSet> top_p_resets;

  // Forcing.
  std::optional<ThinkingPlan> thinking;
  TokenIds forced_tokens;
  bool mask_wins = true;

  // Bans and bias. Id lists are sorted and without repetition.
  std::vector<uint8_t> allowed_mask;  // bit per id; empty: all allowed
  TokenIds banned_ids;                // banned_ids, and EOS when ban_eos
  TokenIds delayed_ids;               // what min_tokens bans softly
  uint32_t min_tokens = 0;
  std::vector<TokenIds> bad_words;
  TokenIds suppressed_ids;
  TokenIds begin_suppressed_ids;
  uint32_t no_repeat_ngram = 0;  // 0: off
  bool relax_soft_bans = true;
  bool ban_non_finite = false;
  TokenIds bias_ids;  // without values of 0
  std::vector<double> bias_values;

  // Penalties.
  TokenIds penalty_exclude_ids;
  std::optional<DryPlan> dry;
  std::optional<LengthPlan> length;

  // Ends.
  TokenIds eos_ids;  // empty when ignore_eos
  TokenIds stop_ids;
  std::optional<uint32_t> max_tokens;

  bool top_k_is_off() const {
    return params.top_k.value_or(vocab_size) >= vocab_size;
  }
  // The values of the step after so many generated tokens.
  StepValues ValuesAt(uint32_t generated) const;
  // True when a knob looks at prompt tokens.
  bool needs_prompt() const { return *knob_of_prompt() != '\0'; }
  // The name of the first such knob; "": none.
  const char* knob_of_prompt() const;
  // The shortest match that no_repeat_ngram or DRY looks for; 0: none does.
  uint32_t least_repeat() const;
  // How many of the last tokens the plan looks at; 2^32 - 1: all.
  uint32_t lookback() const;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_PLAN_H_
