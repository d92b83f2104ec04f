// AuditLog: who changed which profile, when, from what to what.
//
// One JSON object a line, appended to a file or, without one, to the process's
// log. A line is one write(2). Written after the store has acknowledged and
// before the caller hears of it. A line that cannot be written (a full disk)
// goes whole to the process's log, as an error; it does not undo the change,
// for that could fail as well, and it does not stop the next one: who may write
// can then still mend a profile that harms. No tokens, only their names.
// Thread-safe.
#ifndef LOGITD_SERVICE_AUDIT_LOG_H_
#define LOGITD_SERVICE_AUDIT_LOG_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace logitd {

struct AuditEntry {
  std::string who;     // "uid:0 admin socket", "token:deploy"
  std::string method;  // "UpdateProfile"
  std::string name;    // "profiles/chat"
  std::string before;  // the profile as JSON, with revision and etag; or empty:
                       // there was none
  std::string after;   // empty: there is none any more
  std::string refused = {};  // why nothing changed; empty: it did
};

class AuditLog {
 public:
  // Empty path: the process's log. UNAVAILABLE: cannot append to the file.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(
      const std::string& path);
  // Whether Open would; makes no file.
  static absl::Status Check(const std::string& path);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  void Write(const AuditEntry& entry);

 private:
  explicit AuditLog(int fd) : fd_(fd) {}
  const int fd_;  // -1: the process's log
  // The last line may have been cut short.
  std::atomic<bool> torn_{false};
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_AUDIT_LOG_H_
