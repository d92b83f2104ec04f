// How logitctl ends: an exit code for every kind of failure, carried inside the
// status that explains it.
// Threads: free functions without state. Cost: errors only.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_EXIT_CODE_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_EXIT_CODE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace logitd::logitctl {

// The shell's view; `logitctl --help` prints it.
enum ExitCode {
  kOk = 0,
  kRefused = 1,      // The server answered, and the answer is an error.
  kUsage = 2,        // Wrong flags or a file that cannot be used.
  kUnreachable = 3,  // No server, or no demo model.
  kUnwritten = 4,    // Done, but stdout did not take all of the answer.
  kDiffers = 5,      // replay: a row or a token is another.
};

// A failure on this side of the wire.
absl::Status UsageError(absl::string_view message);

// Nobody answers; `advice` is the command that helps.
absl::Status UnreachableError(const absl::Status& why,
                              absl::string_view advice);

// stdout did not take what was printed.
absl::Status UnwrittenError(absl::string_view why);

// What was replayed is not what was recorded.
absl::Status DiffersError(absl::string_view what);

// The same failure in other words.
absl::Status Reworded(const absl::Status& status, absl::string_view message);

// Names who answered with this error and about what; OK stays OK.
absl::Status RefusedBy(absl::string_view who, const absl::Status& status);

// What a status means to the shell; kRefused when it does not say.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_EXIT_CODE_H_
