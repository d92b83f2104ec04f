// One look at a folder of profile files: names, stamps, bytes. Of
// profiles it knows what their files are called. For directory_store. One
// thread at a time.
#ifndef LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_LOOK_H_
#define LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_LOOK_H_

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace logitd {

// Changes when the file does, if looks are further apart than the file system's
// clock ticks.
struct FileStamp {
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;  // nanoseconds since the epoch
  int64_t changed = 0;

  bool operator==(const FileStamp&) const = default;
};

struct SeenFile {
  std::string file;  // "chat.yaml"
  std::string id;    // "chat"
  FileStamp stamp;
  // It cannot be read: a link to nothing or out of the folder, no plain file.
  std::string error;
};

// Closes it.
class FolderHandle {
 public:
  explicit FolderHandle(int fd) : fd_(fd) {}
  ~FolderHandle();
  FolderHandle(const FolderHandle&) = delete;
  FolderHandle& operator=(const FolderHandle&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// True: a profile file by its name, or what leads to them.
bool IsLookedAt(absl::string_view file);

class FolderLook {
 public:
  // The folder, or the one that its `..data` names, with its files by name.
  // UNAVAILABLE: it cannot be read.
  // At most `files_max` files are looked at, the first by name.
  static absl::StatusOr<FolderLook> At(const std::string& path,
                                       size_t files_max);

  // Empty: a plain folder.
  const std::string& target() const { return target_; }
  // `..data` names another folder by now.
  bool HasMoved() const;
  // Of `path` itself: its file system and its inode.
  using Id = std::pair<uint64_t, uint64_t>;
  const Id& id() const { return id_; }
  uint64_t inode() const { return id_.second; }
  const std::vector<SeenFile>& files() const { return files_; }
  size_t left_out() const { return left_out_; }  // files beyond files_max

  // The whole file, or one byte more than `bytes_max` of it. ABORTED: it is not
  // the one seen any more. UNAVAILABLE: it cannot be read.
  absl::StatusOr<std::string> Read(const SeenFile& seen,
                                   size_t bytes_max) const;

 private:
  explicit FolderLook(std::string path) : path_(std::move(path)) {}
  absl::Status List(size_t files_max);

  std::string path_;
  std::string target_;
  Id id_;
  size_t left_out_ = 0;
  std::unique_ptr<FolderHandle> folder_;
  std::vector<SeenFile> files_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_LOOK_H_
