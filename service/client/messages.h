// Builds and reads the messages of logitd.v1: ids as bytes, opens, batched
// steps, results. Knows the contract's shapes, not the meaning of any knob.
// Threads: free functions without state. Ownership: everything is copied in and
// out. Cost: O(bytes), allocates.

#ifndef LOGITD_SERVICE_CLIENT_MESSAGES_H_
#define LOGITD_SERVICE_CLIENT_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "logitd/v1/sampling.pb.h"

namespace logitd::client {

// What arrays hold where there is nothing: no token, no mask, no error.
inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

// ---- ids: little-endian uint32 ----------------------------------------------

std::string PackIds(absl::Span<const std::uint32_t> ids);
// A length that is no multiple of 4: INVALID_ARGUMENT.
absl::StatusOr<std::vector<std::uint32_t>> UnpackIds(absl::string_view bytes);

// ---- sessions
// -----------------------------------------------------------------

// An open with the fields that nearly every session has; set others on it.
// Without a seed the server makes one and returns it.
v1::OpenSession MakeOpen(std::uint64_t session_id, std::uint32_t vocab_size,
                         const v1::SamplingParams& params,
                         std::optional<std::uint64_t> seed);

// ---- steps
// --------------------------------------------------------------------

// Makes `rows` the step's tensor: row_width logits each, row after row. The
// length must be a multiple of row_width, else INVALID_ARGUMENT and an
// unchanged step. Entries are left alone.
absl::Status SetRows(absl::Span<const float> rows, std::uint32_t row_width,
                     v1::Step* step);
// The same from bytes that are packed already; they are moved in.
absl::Status SetPackedRows(std::string rows, v1::Dtype dtype,
                           std::uint32_t row_width, v1::Step* step);
// Narrows to bfloat16, to nearest, ties to even; NaN stays NaN.
std::string PackBfloat16(absl::Span<const float> values);
// Narrows to float16 (IEEE binary16), to nearest, ties to even, subnormals too;
// NaN stays NaN. What is too large becomes infinite, as NumPy has it: the
// server refuses +inf.
std::string PackFloat16(absl::Span<const float> values);
// Bytes of one logit; 0 for none.
std::size_t BytesOf(v1::Dtype dtype);

// How many rows of so many bytes make a step well below the limits that a
// server has if its operator sets none: at least one.
std::size_t RowsOfAStep(std::size_t row_bytes);

// Adds an entry: this session, at this position, takes this row.
void AddEntry(std::uint64_t session_id, std::uint32_t position,
              std::uint32_t row, v1::Step* step);
// The same with a second, unconditional row, for guidance_scale. Entries
// without one may stand before and behind it.
void AddGuidedEntry(std::uint64_t session_id, std::uint32_t position,
                    std::uint32_t row, std::uint32_t guidance_row,
                    v1::Step* step);

// ---- results
// ------------------------------------------------------------------

inline constexpr double kNotAsked = std::numeric_limits<double>::quiet_NaN();

// One entry of a StepResult. Numbers that were not asked for are kNotAsked.
struct Entry {
  std::optional<std::uint32_t> token;
  v1::EntryStatus status = v1::ENTRY_STATUS_UNSPECIFIED;
  v1::FinishReason finish_reason = v1::FINISH_REASON_UNSPECIFIED;
  std::uint32_t kept = 0;
  std::uint32_t rank = 0;
  std::uint32_t flags = 0;  // A sum of EntryFlag values.
  std::uint32_t phase = 0;  // That the token was drawn in; 0: the base.
  std::optional<std::uint32_t> drawn_token;
  double final_logprob = kNotAsked;
  double raw_logprob = kNotAsked;
  double tempered_logprob = kNotAsked;
  double kept_mass = kNotAsked;
  double raw_entropy = kNotAsked;
  double final_entropy = kNotAsked;
  std::optional<std::uint64_t> row_digest;  // When some entry asked for it.
  // Rising. Empty when not asked for, or when `kept` is over --max_kept_ids.
  std::vector<std::uint32_t> kept_ids;
  // Feedback state after the token (mirostat, adaptive_p), for an open
  // elsewhere: OpenSession.state. Empty: the session has none.
  std::string state;
  absl::Status error;  // OK unless status is ENTRY_STATUS_ERROR.
};

// Entry `index` of the result. No such entry: OUT_OF_RANGE. An array too short
// for the entry counts as absent, as do kept ids of which a part is missing.
absl::StatusOr<Entry> ReadEntry(const v1::StepResult& result, int index);

// "EOS", "MAX_TOKENS"...: the name without its prefix; "" when not finished.
std::string FinishName(v1::FinishReason reason);

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_MESSAGES_H_
