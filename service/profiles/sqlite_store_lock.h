// FolderLock: one process at a time uses a folder. For sqlite_store.
#ifndef LOGITD_SERVICE_PROFILES_SQLITE_STORE_LOCK_H_
#define LOGITD_SERVICE_PROFILES_SQLITE_STORE_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace logitd {

// FAILED_PRECONDITION, "<path>: <why>".
absl::Status Refused(absl::string_view path, absl::string_view why);
// The same of errno.
absl::Status RefusedBySystem(absl::string_view path);

// Held by the open file: the kernel lets go of it however the process ends.
class FolderLock {
 public:
  // Makes the file if need be. FAILED_PRECONDITION: another process has it, by
  // number if that told; no permission.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(
      const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_SQLITE_STORE_LOCK_H_
