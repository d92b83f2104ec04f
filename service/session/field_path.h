// Puts a longer field path before an error: "top_p: 2 is outside (0, 1]" inside
// "params." is "params.top_p: 2 is outside (0, 1]". Pure; thread-safe.
#ifndef LOGITD_SERVICE_SESSION_FIELD_PATH_H_
#define LOGITD_SERVICE_SESSION_FIELD_PATH_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace logitd {

inline absl::Status InField(absl::string_view path,
                            const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, status.message()));
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_FIELD_PATH_H_
