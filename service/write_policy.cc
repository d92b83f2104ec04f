#include "service/write_policy.h"

#include <openssl/sha.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace logitd {
namespace {

constexpr size_t kTokenBytesMin = 16;

std::string Digest(absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof(digest));
}

}  // namespace

absl::StatusOr<AdminTokens> AdminTokens::Read(const std::string& path) {
  AdminTokens tokens;
  if (path.empty()) return tokens;
  std::ifstream file(path);
  const auto wrong = [&path](int line, absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("--admin_token_file: ", path, ":", line, ": ", why));
  };
  if (!file) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--admin_token_file: cannot read ", path, ": ", std::strerror(errno)));
  }
  std::string text;
  for (int line = 1; std::getline(file, text); ++line) {
    const absl::string_view entry = absl::StripAsciiWhitespace(text);
    if (entry.empty() || entry[0] == '#') continue;
    const size_t colon = entry.find(':');
    if (colon == absl::string_view::npos || colon == 0) {
      return wrong(line, "is not name:token");
    }
    const absl::string_view token = entry.substr(colon + 1);
    if (token.size() < kTokenBytesMin) {
      return wrong(line, absl::StrCat("a token has at least ", kTokenBytesMin,
                                      " characters"));
    }
    const bool is_new =
        tokens.names_
            .emplace(Digest(token), std::string(entry.substr(0, colon)))
            .second;
    if (!is_new) return wrong(line, "this token is given twice");
  }
  return tokens;
}

// What is compared are digests: how long that takes tells nothing of a token.
std::string AdminTokens::NameOf(absl::string_view token) const {
  const auto found = names_.find(Digest(token));
  return found == names_.end() ? "" : found->second;
}

absl::StatusOr<std::string> CheckWriter(const Caller& caller,
                                        const AdminTokens& tokens) {
  if (!caller.admin_peer.empty()) return caller.admin_peer;
  if (!caller.has_certificate) {
    return absl::PermissionDeniedError(
        "profiles: may be changed through --admin_socket, or through TLS with "
        "a "
        "client certificate and a token");
  }
  absl::string_view token = caller.authorization;
  if (!absl::ConsumePrefix(&token, "Bearer ")) {
    return absl::PermissionDeniedError(
        "authorization: required, as in `Bearer <token>`");
  }
  const std::string name = tokens.NameOf(token);
  if (name.empty()) {
    return absl::PermissionDeniedError(
        "authorization: is not a token of --admin_token_file");
  }
  return absl::StrCat("token:", name);
}

}  // namespace logitd
