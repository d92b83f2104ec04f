#include "service/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "service/log.h"

namespace logitd {
namespace {

// False if not all of it was written.
bool Tell(int fd, LogLevel level, absl::string_view message,
          const AuditEntry& entry) {
  if (!entry.refused.empty()) {
    return LogTo(fd, level, message,
                 {{"who", entry.who},
                  {"method", entry.method},
                  {"name", entry.name},
                  {"refused", entry.refused}});
  }
  return LogTo(fd, level, message,
               {{"who", entry.who},
                {"method", entry.method},
                {"name", entry.name},
                {"before", entry.before},
                {"after", entry.after}});
}

absl::Status CannotAppend(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("--audit_log: cannot append to ",
                                             path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(
    const std::string& path) {
  int fd = -1;
  if (!path.empty()) {
    fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return CannotAppend(path);
  }
  return std::unique_ptr<AuditLog>(new AuditLog(fd));
}

absl::Status AuditLog::Check(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  const bool is_there = faccessat(AT_FDCWD, path.c_str(), F_OK, 0) == 0;
  const std::filesystem::path parent =
      std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const int writable =
      is_there ? faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS)
               : faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS);
  return writable == 0 ? absl::OkStatus() : CannotAppend(path);
}

AuditLog::~AuditLog() {
  if (fd_ >= 0) close(fd_);
}

void AuditLog::Write(const AuditEntry& entry) {
  if (fd_ < 0) {
    Tell(STDERR_FILENO, LogLevel::kInfo, "audit", entry);
    return;
  }
  // Else this line would be the end of the one that was cut.
  const bool begun = !torn_.exchange(false) || write(fd_, "\n", 1) == 1;
  if (begun && Tell(fd_, LogLevel::kInfo, "audit", entry)) {
    // Before the caller is told; what is no file need not be synced.
    if (entry.refused.empty()) (void)fdatasync(fd_);
    return;
  }
  torn_ = true;
  Tell(STDERR_FILENO, LogLevel::kError, "the audit log cannot be written",
       entry);
}

}  // namespace logitd
