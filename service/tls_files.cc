#include "service/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 20;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

absl::Status Wrong(absl::string_view flag, const std::string& path,
                   absl::string_view why) {
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, ": ", path, ": ", why));
}

absl::StatusOr<std::string> ReadPem(absl::string_view flag,
                                    const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Wrong(flag, path, std::strerror(errno));
  std::string text;
  text.resize(kFileBytesMax + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (!file && !file.eof())) {
    return Wrong(flag, path, "cannot be read");
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kFileBytesMax) {
    return Wrong(flag, path, "is larger than 1 MiB");
  }
  return text;
}

Bio Reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Certificate FirstCertificate(const std::string& text) {
  return Certificate(
      PEM_read_bio_X509(Reader(text).get(), nullptr, nullptr, nullptr));
}

Key PrivateKey(const std::string& text) {
  // A key with a passphrase is refused: nobody is there to type it.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  return Key(PEM_read_bio_PrivateKey(Reader(text).get(), nullptr, no_passphrase,
                                     nullptr));
}

absl::StatusOr<absl::Time> ExpiryOf(const TlsFiles& files,
                                    const X509* certificate) {
  std::tm end = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
    return Wrong("tls_cert", files.cert, "has no date of expiry");
  }
  const absl::Time expires = absl::FromTM(end, absl::UTCTimeZone());
  if (expires <= absl::Now()) {
    return Wrong("tls_cert", files.cert,
                 absl::StrCat("has expired on ",
                              absl::FormatTime(expires, absl::UTCTimeZone())));
  }
  return expires;
}

}  // namespace

absl::StatusOr<TlsPems> ReadTls(const TlsFiles& files) {
  LOGITD_ASSIGN_OR_RETURN(const std::string cert,
                          ReadPem("tls_cert", files.cert));
  LOGITD_ASSIGN_OR_RETURN(const std::string key_text,
                          ReadPem("tls_key", files.key));
  TlsPems pems;
  const Certificate own = FirstCertificate(cert);
  if (own == nullptr) {
    return Wrong("tls_cert", files.cert, "has no PEM certificate");
  }
  const Key key = PrivateKey(key_text);
  if (key == nullptr) {
    return Wrong("tls_key", files.key,
                 "has no PEM private key without a passphrase");
  }
  if (X509_check_private_key(own.get(), key.get()) != 1) {
    return Wrong("tls_key", files.key,
                 absl::StrCat("is not the key of ", files.cert));
  }
  LOGITD_ASSIGN_OR_RETURN(pems.expires, ExpiryOf(files, own.get()));
  pems.identity = absl::StrCat(cert, "\n", key_text);
  if (!files.client_ca.empty()) {
    LOGITD_ASSIGN_OR_RETURN(pems.client_ca,
                            ReadPem("tls_client_ca", files.client_ca));
    if (FirstCertificate(pems.client_ca) == nullptr) {
      return Wrong("tls_client_ca", files.client_ca, "has no PEM certificate");
    }
  }
  return pems;
}

}  // namespace logitd
