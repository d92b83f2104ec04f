#include "service/profiles/sqlite_store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace logitd {

absl::Status Refused(absl::string_view path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

absl::Status RefusedBySystem(absl::string_view path) {
  return Refused(path, std::strerror(errno));
}

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(
    const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return RefusedBySystem(path);
  auto lock = std::unique_ptr<FolderLock>(new FolderLock(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    const std::string pid = absl::StrCat(getpid(), "\n");
    const bool told =
        ftruncate(fd, 0) == 0 && pwrite(fd, pid.data(), pid.size(), 0) > 0;
    if (!told) return RefusedBySystem(path);
    return lock;
  }
  if (errno != EWOULDBLOCK) return RefusedBySystem(path);
  char pid[16] = {};
  const ssize_t size = pread(fd, pid, sizeof(pid) - 1, 0);
  const std::string holder(pid, std::strcspn(pid, "\n"));
  return Refused(
      path, size > 0 ? absl::StrCat("the process ", holder, " uses this folder")
                     : "another process uses this folder");
}

FolderLock::~FolderLock() { close(fd_); }

}  // namespace logitd
