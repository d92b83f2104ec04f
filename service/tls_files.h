// TlsFiles: the PEM files of --tls_cert, --tls_key and --tls_client_ca, read
// and checked as a set. Pure but for the reading; thread-safe. Knows no gRPC.
#ifndef LOGITD_SERVICE_TLS_FILES_H_
#define LOGITD_SERVICE_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace logitd {

// Paths of PEM files.
struct TlsFiles {
  std::string cert;       // the chain, the server's own certificate first
  std::string key;        // of that certificate, without a passphrase
  std::string client_ca;  // clients must have one of these; empty: no mTLS
};

// What the files hold.
struct TlsPems {
  // Certificates and key in one text, so that nobody can read the key of one
  // set with the certificate of another.
  std::string identity;
  std::string client_ca;
  absl::Time expires;  // the server's certificate
  bool operator==(const TlsPems&) const = default;
};

// INVALID_ARGUMENT naming flag and file: cannot be read, is no PEM of its kind,
// the key is another certificate's, the certificate has expired.
absl::StatusOr<TlsPems> ReadTls(const TlsFiles& files);

}  // namespace logitd

#endif  // LOGITD_SERVICE_TLS_FILES_H_
