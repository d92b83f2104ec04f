// Rows of .npy files as steps of one session, each at its own position.
// Threads: free functions. Ownership: rows are borrowed, bytes copied. Cost:
// O(bytes).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_FILE_ROWS_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_FILE_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "service/client/logitctl/npy.h"
#include "service/client/stream.h"

namespace logitd::logitctl {

// How many of the rows go into one step.
std::uint32_t StepRows(const NpyRows& rows);

// Rows [first, first + count), an entry for each; what guides them lies behind
// them.
absl::Status AddRows(const GuidedNpyRows& rows, std::uint64_t session_id,
                     std::uint32_t first, std::uint32_t count, v1::Step* step);

// What the rows before one of them left in a session.
struct Drawn {
  std::vector<std::uint32_t> tokens;
  std::string state;  // Of the feedback knobs.
};

// Opens `open`, draws a token for each of the first `count` rows, and closes
// it. A row that the session does not reach: a usage error.
absl::StatusOr<Drawn> DrawRows(const GuidedNpyRows& rows, std::uint32_t count,
                               v1::OpenSession open, client::Stream* stream);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_FILE_ROWS_H_
