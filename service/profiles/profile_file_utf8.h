// Text of a profile file that may be anything. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_PROFILE_FILE_UTF8_H_
#define LOGITD_SERVICE_PROFILES_PROFILE_FILE_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace logitd {

inline constexpr size_t kPrintableMax = 40;  // bytes

// What of it fits into an error: escaped, and not all if it is long.
std::string Printable(absl::string_view text);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_PROFILE_FILE_UTF8_H_
