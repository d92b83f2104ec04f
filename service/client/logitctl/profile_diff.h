// What differs between two profiles, field by field. Output-only fields and the
// name are no differences. Threads: free functions. Cost: O(profile).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_DIFF_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_DIFF_H_

#include <string>
#include <vector>

#include "logitd/v1/profiles.pb.h"

namespace logitd::logitctl {

inline constexpr char kAbsent[] = "absent";

struct Change {
  std::string path;    // As in profile_leaves.h: "default_params.top_p".
  std::string before;  // JSON; kAbsent where there is nothing.
  std::string after;
  // What was turned: a knob of the base or of a phase, or a phase that came or
  // went; empty: neither.
  std::string knob;
};

// By path.
std::vector<Change> Diff(const v1::Profile& before, const v1::Profile& after);

// "default_params.top_p: 0.9 -> 0.95".
std::string ChangeText(const Change& change);

// {"before": "profiles/chat@1", "after": ..., "changes": [{"field", "before",
// "after"}]}; null where there is nothing, also for the revision of a file.
std::string DiffJson(const v1::Profile& before, const v1::Profile& after);

// A warning when more than one knob changed, whatever its levels; else empty.
std::string ManyKnobsWarning(const std::vector<Change>& changes);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_DIFF_H_
