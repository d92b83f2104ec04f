// What `logitctl replay` prints. Threads: free functions. Cost: a few lines.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_REPLAYED_TEXT_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_REPLAYED_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "service/client/replay.h"

namespace logitd::logitctl {

// Lines of at most 80 columns. With other rules than those recorded: what would
// have been.
std::string ReplayedText(const client::Replayed& replayed,
                         bool has_other_rules = false);
// One object.
std::string ReplayedJson(const client::Replayed& replayed);
// OK when all that could be checked is the same, and some could; else what has
// changed, receipt, rows or sampler: a DiffersError. With other rules than
// those recorded tokens may be others.
absl::Status Verdict(const client::Replayed& replayed, bool has_other_rules);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_REPLAYED_TEXT_H_
