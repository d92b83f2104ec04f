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

namespace logitd {

using TokenIds = std::vector<uint32_t>;

// What happens when soft bans leave nothing.
enum class OnEmpty { kRelax, kError };
// What happens to NaN and +inf in a row.
enum class OnNonFinite { kReject, kBan };

struct Params {
  std::optional<double> temperature;
  std::optional<uint32_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;

  std::optional<double> repetition_penalty;
  std::optional<uint32_t> repetition_window;
  std::optional<double> frequency_penalty;
  std::optional<uint32_t> frequency_window;
  std::optional<double> presence_penalty;
  std::optional<uint32_t> presence_window;
  TokenIds penalty_exclude_ids;

  TokenIds logit_bias_ids;
  std::vector<double> logit_bias_values;  // one for each id
  TokenIds allowed_ids;                   // empty: all
  TokenIds banned_ids;

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
};

// OK, or INVALID_ARGUMENT (a value) or RESOURCE_EXHAUSTED (a length) with
// "<field>: <value> is outside <range>". Ids must be below vocab_size.
absl::Status Validate(const Params& params, uint32_t vocab_size);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_PARAMS_H_
