// WritePolicy: who may change profiles, and as whom.
//
// A call may write when it came through the admin socket, whose accept loop has
// asked the kernel for the peer's uid, or through TLS with a client certificate
// that was verified and a bearer token of --admin_token_file. All others are
// PERMISSION_DENIED. Thread-safe.
#ifndef LOGITD_SERVICE_WRITE_POLICY_H_
#define LOGITD_SERVICE_WRITE_POLICY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace logitd {

// Bearer tokens by the SHA-256 of each; the tokens themselves are forgotten.
class AdminTokens {
 public:
  // A file of lines `name:token`, `#` comments. A token has 16 to 512 visible
  // ASCII characters, a name 1 to 64; lines may share a name. Others than owner
  // and group must have no right to the file.
  // Empty path: none. INVALID_ARGUMENT, one line that names the file, and never
  // says what stands in it.
  static absl::StatusOr<AdminTokens> Read(const std::string& path);

  // The name of a token, or empty. Takes as long for any other of its length.
  std::string NameOf(absl::string_view token) const;

 private:
  struct Entry {
    std::string digest;
    std::string name;
  };
  absl::Status Add(absl::string_view line);
  // The entry of that digest, or null, in a time that depends on none of them.
  const Entry* Find(const std::string& digest) const;

  std::vector<Entry> entries_;
};

// What is known of a call's peer.
struct Caller {
  std::string peer = {};   // gRPC's word for the connection
  std::string admin_peer;  // "uid:0 admin socket"; empty: another listener
  bool has_certificate = false;  // verified by TLS
  std::string authorization;     // the metadata of that name
};

// Who writes. PERMISSION_DENIED: nobody who may.
absl::StatusOr<std::string> CheckWriter(const Caller& caller,
                                        const AdminTokens& tokens);

}  // namespace logitd

#endif  // LOGITD_SERVICE_WRITE_POLICY_H_
