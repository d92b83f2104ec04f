#include "service/profiles/directory_store_look.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// What errno says of a name in the folder.
const char* Why() {
  return errno == EXDEV ? "leads out of the folder" : std::strerror(errno);
}

absl::Status Unreadable(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("store: ", what, ": ", Why()));
}

// Opens a name in a folder, but nothing that links lead to outside of it: a
// folder that is filled from elsewhere, such as a git checkout, must not make
// the server read, and quote in its errors, any other file. Where the kernel
// cannot tell, a link is not followed at all.
int OpenBeneath(int folder, const std::string& name, int flags) {
  struct open_how how = {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH;
  const auto fd = static_cast<int>(
      syscall(SYS_openat2, folder, name.c_str(), &how, sizeof(how)));
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  if (name == ".." || absl::StrContains(name, '/')) {
    errno = EXDEV;
    return -1;
  }
  return openat(folder, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW);
}

int64_t Nanos(const timespec& time) {
  return int64_t{time.tv_sec} * kNanosPerSecond + time.tv_nsec;
}

FileStamp StampOf(const struct stat& info) {
  return {info.st_ino, info.st_size, Nanos(info.st_mtim), Nanos(info.st_ctim)};
}

// Where `..data` points; empty: there is none.
std::string DataTarget(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size =
      readlink(absl::StrCat(path, "/..data").c_str(), target, sizeof(target));
  return size < 0 ? "" : std::string(target, static_cast<size_t>(size));
}

SeenFile See(int folder, const std::string& file, const std::string& id) {
  SeenFile seen{file, id, {}, ""};
  struct stat info = {};
  const FolderHandle handle(OpenBeneath(folder, file, O_PATH));
  if (handle.fd() < 0 || fstat(handle.fd(), &info) != 0) {
    seen.error = Why();
  } else if (!S_ISREG(info.st_mode)) {
    seen.error = "is no plain file";
  } else {
    seen.stamp = StampOf(info);
  }
  return seen;
}

}  // namespace

FolderHandle::~FolderHandle() {
  if (fd_ >= 0) close(fd_);
}

bool IsLookedAt(absl::string_view file) {
  return file == "..data" || !IdOfProfileFile(file).empty();
}

absl::StatusOr<FolderLook> FolderLook::At(const std::string& path,
                                          size_t files_max) {
  FolderLook look(path);
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return Unreadable(path);
  look.id_ = {info.st_dev, info.st_ino};
  look.target_ = DataTarget(path);
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  look.folder_ = std::make_unique<FolderHandle>(open(path.c_str(), kFlags));
  if (look.folder_->fd() < 0) return Unreadable(path);
  if (!look.target_.empty()) {
    look.folder_ = std::make_unique<FolderHandle>(
        OpenBeneath(look.folder_->fd(), look.target_, kFlags));
    if (look.folder_->fd() < 0)
      return Unreadable(absl::StrCat(path, "/..data"));
  }
  LOGITD_RETURN_IF_ERROR(look.List(files_max));
  return look;
}

absl::Status FolderLook::List(size_t files_max) {
  const int copy = dup(folder_->fd());  // closedir closes its own
  DIR* entries = copy < 0 ? nullptr : fdopendir(copy);
  if (entries == nullptr) {
    if (copy >= 0) close(copy);
    return Unreadable(path_);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(entries)) {
    if (!IdOfProfileFile(entry->d_name).empty())
      names.emplace_back(entry->d_name);
    errno = 0;
  }
  absl::Status status = errno == 0 ? absl::OkStatus() : Unreadable(path_);
  closedir(entries);
  std::sort(names.begin(), names.end());
  left_out_ = names.size() - std::min(names.size(), files_max);
  names.resize(names.size() - left_out_);
  for (const std::string& file : names) {
    files_.push_back(See(folder_->fd(), file, IdOfProfileFile(file)));
  }
  return status;
}

bool FolderLook::HasMoved() const { return DataTarget(path_) != target_; }

absl::StatusOr<std::string> FolderLook::Read(const SeenFile& seen,
                                             size_t bytes_max) const {
  // Not blocking: what was a plain file may be a pipe by now.
  const FolderHandle file(
      OpenBeneath(folder_->fd(), seen.file, O_RDONLY | O_NONBLOCK));
  if (file.fd() < 0) return Unreadable(seen.file);
  std::string bytes(bytes_max + 1, '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got =
        read(file.fd(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(seen.file);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  bytes.resize(size);
  struct stat info = {};
  if (fstat(file.fd(), &info) != 0) return Unreadable(seen.file);
  if (StampOf(info) != seen.stamp) {
    return absl::AbortedError(absl::StrCat(seen.file, ": is being changed"));
  }
  return bytes;
}

}  // namespace logitd
