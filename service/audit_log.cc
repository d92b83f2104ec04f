#include "service/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "service/log.h"

namespace logitd {

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(
    const std::string& path) {
  int fd = -1;
  if (!path.empty()) {
    fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
      return absl::UnavailableError(absl::StrCat(
          "--audit_log: cannot append to ", path, ": ", std::strerror(errno)));
    }
  }
  return std::unique_ptr<AuditLog>(new AuditLog(fd));
}

AuditLog::~AuditLog() {
  if (fd_ >= 0) close(fd_);
}

void AuditLog::Write(const AuditEntry& entry) {
  const int fd = fd_ >= 0 ? fd_ : STDERR_FILENO;
  const bool written = LogTo(fd, LogLevel::kInfo, "audit",
                             {{"who", entry.who},
                              {"method", entry.method},
                              {"name", entry.name},
                              {"before", entry.before},
                              {"after", entry.after}});
  if (!written && fd_ >= 0) {
    Log(LogLevel::kError, "the audit log cannot be written",
        {{"who", entry.who}, {"method", entry.method}, {"name", entry.name}});
  }
}

}  // namespace logitd
