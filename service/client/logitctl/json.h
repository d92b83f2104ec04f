// Writes JSON text, just enough for logitctl --json: strings, numbers, objects,
// arrays. Does not read JSON. Threads: free functions. Cost: O(length).

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_JSON_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_JSON_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace logitd::logitctl {

// Control characters, which act on a terminal, as in JSON: \u001b.
std::string EscapeControls(absl::string_view text);

// "text" with everything escaped that JSON wants escaped, and all controls.
std::string JsonString(absl::string_view text);

// Reads back to the same double, in six digits if they do; NaN is null,
// infinities are the strings "Infinity" and "-Infinity", as in Protobuf's JSON.
std::string JsonNumber(double number);

// {"key": value, ...}; the values are JSON already.
std::string JsonObject(
    const std::vector<std::pair<std::string, std::string>>& members);

// [value, ...]; the values are JSON already.
std::string JsonArray(const std::vector<std::string>& values);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_JSON_H_
