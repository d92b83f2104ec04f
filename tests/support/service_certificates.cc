#include "tests/support/service_certificates.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>

namespace logitd::testing {
namespace {

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

std::string TextOf(const Bio& bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);  // NOLINT: OpenSSL's
  return std::string(text, static_cast<size_t>(size));
}

Bio Reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Key KeyOf(const Identity& identity) {
  return Key(PEM_read_bio_PrivateKey(Reader(identity.key).get(), nullptr,
                                     nullptr, nullptr));
}

void AddExtension(int nid, const char* value, X509* certificate) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  ASSERT_NE(extension, nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Unsigned, with a key of its own, which goes to *key.
Certificate Draft(const std::string& name, absl::Duration valid_for, Key* key) {
  static std::atomic<long> serial{1};  // NOLINT: OpenSSL's
  key->reset(EVP_EC_gen("P-256"));
  Certificate draft(X509_new());
  X509_set_version(draft.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(draft.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(draft.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(draft.get()),
                  absl::ToInt64Seconds(valid_for));
  X509_set_pubkey(draft.get(), key->get());
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(draft.get()), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return draft;
}

Identity Signed(const Certificate& draft, const Key& own, const Key& signer) {
  EXPECT_GT(X509_sign(draft.get(), signer.get(), EVP_sha256()), 0);
  const Bio cert(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(cert.get(), draft.get());
  const Bio key(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(key.get(), own.get(), nullptr, nullptr, 0, nullptr,
                           nullptr);
  return {TextOf(cert), TextOf(key)};
}

}  // namespace

Identity MakeAuthority(const std::string& name) {
  Key key;
  const Certificate draft = Draft(name, absl::Hours(48), &key);
  X509_set_issuer_name(draft.get(), X509_get_subject_name(draft.get()));
  AddExtension(NID_basic_constraints, "critical,CA:TRUE", draft.get());
  return Signed(draft, key, key);
}

Identity MakeIdentity(const std::string& name, const Identity& authority,
                      absl::Duration valid_for) {
  Key key;
  const Certificate draft = Draft(name, valid_for, &key);
  const Certificate issuer(PEM_read_bio_X509(Reader(authority.cert).get(),
                                             nullptr, nullptr, nullptr));
  X509_set_issuer_name(draft.get(), X509_get_subject_name(issuer.get()));
  AddExtension(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1", draft.get());
  return Signed(draft, key, KeyOf(authority));
}

std::string WithPassphrase(const Identity& identity) {
  const Bio key(BIO_new(BIO_s_mem()));
  char passphrase[] = "secret";
  PEM_write_bio_PrivateKey(key.get(), KeyOf(identity).get(), EVP_aes_128_cbc(),
                           nullptr, 0, nullptr, passphrase);
  return TextOf(key);
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  ASSERT_EQ(std::rename((path + ".new").c_str(), path.c_str()), 0);
}

}  // namespace logitd::testing
