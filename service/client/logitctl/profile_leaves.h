// A profile taken apart into values that can be compared: path and text of
// each. Output-only fields and the name are left out. Threads: free functions.
// Cost: O(profile).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_LEAVES_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_LEAVES_H_

#include <map>
#include <string>
#include <vector>

#include "logitd/v1/profiles.pb.h"

namespace logitd::logitctl {

struct Leaf {
  std::string text;   // JSON.
  std::string phase;  // "phases[think]"; empty: in none.
  std::string knob;   // The one it sets or limits, whatever the level.
};

struct Leaves {
  // By path: "default_params.top_p". A clamp goes by its knob and a phase by
  // its name, so that they are the same wherever they stand in their list:
  // "phases[think].clamps[top_p].max". The second of one name is "top_p#2".
  std::map<std::string, Leaf> values;
  // The names of such a list in its order, by its path: "phases".
  std::map<std::string, std::vector<std::string>> orders;
};

Leaves LeavesOf(const v1::Profile& profile);

// The values of parameters, by field.
std::map<std::string, std::string> ValuesOf(const v1::SamplingParams& params);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_PROFILE_LEAVES_H_
