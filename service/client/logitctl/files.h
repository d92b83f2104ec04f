// Whole files of a command line. Threads: free functions. Ownership: values.
// Cost: the file.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_FILES_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_FILES_H_

#include <cstddef>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace logitd::logitctl {

// The bytes of a file, "-" is stdin; at most `bytes_max` of them. Usage error:
// it cannot be read.
absl::StatusOr<std::string> ReadFile(
    const std::string& path,
    std::size_t bytes_max = std::numeric_limits<std::size_t>::max());
// Replaces the file. Usage error: it cannot be written.
absl::Status WriteFile(const std::string& path, absl::string_view content);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_FILES_H_
