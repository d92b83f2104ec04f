// Derives the tokens of a receipt again, beside their rows, and tells whether
// rows or sampler have changed. Source of a receipt: SessionClosed.receipt.
// Threads: confined to one thread. Ownership: everything is borrowed for the
// call; the result is a value. Cost: blocks; sends each row once.

#ifndef LOGITD_SERVICE_CLIENT_REPLAY_H_
#define LOGITD_SERVICE_CLIENT_REPLAY_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "logitd/v1/sampling.pb.h"
#include "service/client/receipt_rows.h"
#include "service/client/stream.h"

namespace logitd::client {

// The first of those that differ.
struct ReplayDifference {
  std::uint32_t index = 0;     // Of the token, behind the prompt.
  std::uint32_t row = 0;       // Of the rows given.
  std::uint64_t recorded = 0;  // Digest or token.
  // The same; kNone where no token follows, because the session has ended.
  std::uint64_t found = 0;
  // Of a token: its row is another too, or one that its feedback state is of.
  bool has_other_row = false;
  bool is_guided = false;  // By rows whose digests are not on record.
};

struct Replayed {
  std::uint32_t same = 0;      // Drawn tokens that follow from their rows.
  std::uint32_t other = 0;     // That do not.
  std::uint32_t given = 0;     // Chosen by the client, with a row.
  std::uint32_t appended = 0;  // Without a row.
  // Drawn from more than rows and receipt hold, or behind the session's end.
  std::uint32_t unchecked = 0;
  std::uint32_t other_rows = 0;  // Whose digest is not the one recorded.
  // If any are other.
  std::optional<ReplayDifference> token;
  std::optional<ReplayDifference> row;
  // SessionClosed has the row_chain_digest, the count, the last seed, salt and
  // fingerprint of its receipt's tokens.
  bool is_whole = true;

  // Receipt, rows and tokens, as far as they can be checked.
  bool is_same() const { return is_whole && other == 0 && other_rows == 0; }
};

// Every token is judged behind those recorded, also behind one that differs.
// The stream is free to be used, with no session of id 1.
// Not checked: a token drawn with a mask or with guidance where there are no
// such rows, or from a draft; where feedback knobs are on (mirostat,
// adaptive_p) those behind it; and those behind the session's end, if other
// rules than those recorded end it sooner. INVALID_ARGUMENT: what is no
// receipt, naming the field; fewer rows than it has. Refused: the server's own
// status; FAILED_PRECONDITION on expected_fingerprint names the first rule of
// the sampler that has changed.
absl::StatusOr<Replayed> Replay(const v1::SessionClosed& closed,
                                const ReplayRows& rows, Stream* stream);

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_REPLAY_H_
