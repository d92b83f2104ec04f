#include "service/client/logitctl/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"

namespace logitd::logitctl {
namespace {

constexpr std::size_t kPiece = 1 << 20;

absl::Status FileError(absl::string_view what, const std::string& path) {
  return UsageError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     std::size_t bytes_max) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    return FileError("open", path);
  }
  std::string content;
  std::size_t read = 1;
  while (read > 0 && content.size() < bytes_max) {
    const std::size_t had = content.size();
    const std::size_t piece = std::min(bytes_max - had, kPiece);
    content.resize(had + piece);
    read = std::fread(content.data() + had, 1, piece, file);
    content.resize(had + read);
  }
  const bool failed = std::ferror(file) != 0;
  const absl::Status error = failed ? FileError("read", path) : absl::Status();
  if (file != stdin) {
    (void)std::fclose(file);
  }
  if (failed) {
    return error;
  }
  return content;
}

absl::Status WriteFile(const std::string& path, absl::string_view content) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    return FileError("write", path);
  }
  const bool all =
      std::fwrite(content.data(), 1, content.size(), file) == content.size();
  if (std::fclose(file) != 0 || !all) {
    return FileError("write", path);
  }
  return absl::OkStatus();
}

}  // namespace logitd::logitctl
