// WritePolicy: who may change profiles, and as whom.
//
// A call may write when it came through the admin socket, whose accept loop has
// asked the kernel for the peer's uid, or through TLS with a client certificate
// that was verified and a bearer token of --admin_token_file. All others are
// PERMISSION_DENIED. Thread-safe.
#ifndef LOGITD_SERVICE_WRITE_POLICY_H_
#define LOGITD_SERVICE_WRITE_POLICY_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace logitd {

// Bearer tokens by the SHA-256 of each.
class AdminTokens {
 public:
  // A file of lines `name:token`, `#` comments; a token has at least 16
  // characters. Empty path: none. INVALID_ARGUMENT naming file and line.
  static absl::StatusOr<AdminTokens> Read(const std::string& path);

  // The name of a token, or empty. Takes as long for a wrong one.
  std::string NameOf(absl::string_view token) const;

 private:
  std::map<std::string, std::string> names_;  // by digest
};

// What is known of a call's peer.
struct Caller {
  std::string admin_peer;  // "uid:0 admin socket"; empty: another listener
  bool has_certificate = false;  // verified by TLS
  std::string authorization;     // the metadata of that name
};

// Who writes. PERMISSION_DENIED: nobody who may.
absl::StatusOr<std::string> CheckWriter(const Caller& caller,
                                        const AdminTokens& tokens);

}  // namespace logitd

#endif  // LOGITD_SERVICE_WRITE_POLICY_H_
