#include "service/write_policy.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace logitd {
namespace {

constexpr absl::string_view kScheme = "Bearer ";
constexpr size_t kTokenBytesMin = 16;
constexpr size_t kTokenBytesMax = 512;
constexpr size_t kNameBytesMax = 64;
constexpr size_t kTokensMax = 256;
// What so many tokens need, and as much again for comments.
constexpr off_t kFileBytesMax = off_t{2} * kTokensMax * 600;

std::string Digest(absl::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof(digest));
}

// No space, no control character: what a header can carry and a log can show.
bool IsVisible(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isgraph);
}

// The text of a file that not everybody may read. Errors: only the reason.
absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  // Without O_NONBLOCK a pipe would keep the server from starting or failing.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::InvalidArgumentError(std::strerror(errno));
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  struct stat file = {};
  if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
    return absl::InvalidArgumentError("is not a file");
  }
  if ((file.st_mode & S_IRWXO) != 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("has mode %04o, open to every user; chmod o= it",
                        file.st_mode & 07777));
  }
  if (file.st_size > kFileBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("is larger than ", kFileBytesMax, " bytes"));
  }
  std::string text(static_cast<size_t>(file.st_size), '\0');
  const ssize_t size = read(fd, text.data(), text.size());
  if (size < 0) return absl::InvalidArgumentError(std::strerror(errno));
  text.resize(static_cast<size_t>(size));
  return text;
}

}  // namespace

absl::StatusOr<AdminTokens> AdminTokens::Read(const std::string& path) {
  AdminTokens tokens;
  if (path.empty()) return tokens;
  const auto wrong = [&path](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("--admin_token_file: ", path, why));
  };
  const absl::StatusOr<std::string> text = ReadSecret(path);
  if (!text.ok()) return wrong(absl::StrCat(": ", text.status().message()));
  int number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const absl::Status status = tokens.Add(line);
    if (!status.ok()) {
      return wrong(absl::StrCat(":", number, ": ", status.message()));
    }
  }
  if (tokens.entries_.empty()) {
    return wrong(": holds no token; add lines name:token or leave it off");
  }
  return tokens;
}

absl::Status AdminTokens::Add(absl::string_view line) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError("is not name:token");
  }
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view token = line.substr(colon + 1);
  if (name.empty() || name.size() > kNameBytesMax || !IsVisible(name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a name has 1 to ", kNameBytesMax, " visible ASCII characters"));
  }
  if (token.size() < kTokenBytesMin || token.size() > kTokenBytesMax ||
      !IsVisible(token)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a token has ", kTokenBytesMin, " to ", kTokenBytesMax,
                     " visible ASCII characters"));
  }
  if (entries_.size() == kTokensMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kTokensMax, " tokens"));
  }
  std::string digest = Digest(token);
  if (Find(digest) != nullptr) {
    return absl::InvalidArgumentError("this token is given twice");
  }
  entries_.push_back({std::move(digest), std::string(name)});
  return absl::OkStatus();
}

// All are compared, each to its last byte: the time tells nothing of a token.
const AdminTokens::Entry* AdminTokens::Find(const std::string& digest) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    const bool same =
        CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0;
    found = same ? &entry : found;
  }
  return found;
}

std::string AdminTokens::NameOf(absl::string_view token) const {
  const Entry* entry = Find(Digest(token));
  return entry == nullptr ? "" : entry->name;
}

absl::StatusOr<std::string> CheckWriter(const Caller& caller,
                                        const AdminTokens& tokens) {
  if (!caller.admin_peer.empty()) return caller.admin_peer;
  if (!caller.has_certificate) {
    return absl::PermissionDeniedError(
        "profiles: may be changed through --admin_socket, or through TLS with "
        "a client certificate and a token");
  }
  absl::string_view token = caller.authorization;
  // The word may be written in any case (RFC 7235).
  if (!absl::StartsWithIgnoreCase(token, kScheme)) {
    return absl::PermissionDeniedError(
        "authorization: required, as in `Bearer <token>`");
  }
  token.remove_prefix(kScheme.size());
  const std::string name = tokens.NameOf(token);
  if (name.empty()) {
    return absl::PermissionDeniedError(
        "authorization: is not a token of --admin_token_file");
  }
  return absl::StrCat("token:", name);
}

}  // namespace logitd
