// Certificates for tests of TLS: authorities and what they sign, as PEM texts.
#ifndef LOGITD_TESTS_SUPPORT_SERVICE_CERTIFICATES_H_
#define LOGITD_TESTS_SUPPORT_SERVICE_CERTIFICATES_H_

#include <string>

#include "absl/time/time.h"

namespace logitd::testing {

struct Identity {
  std::string cert;
  std::string key;
};

// A new authority that signs itself.
Identity MakeAuthority(const std::string& name);
// A certificate for 127.0.0.1 and localhost, for servers and clients.
Identity MakeIdentity(const std::string& name, const Identity& authority,
                      absl::Duration valid_for = absl::Hours(24));
// The key of `identity` behind a passphrase.
std::string WithPassphrase(const Identity& identity);

// Writes the text as a whole, by rename.
void WriteFile(const std::string& path, const std::string& text);

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_SUPPORT_SERVICE_CERTIFICATES_H_
