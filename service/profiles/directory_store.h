// DirectoryStore: a folder of <id>.yaml, .yml or .json, read-only, followed.
//
// One thread looks at the folder: when inotify says so, and every `rescan` in
// any case (network file systems, a lost event). What is in force changes only
// to what was read whole, parsed and found valid:
//   * Kubernetes swaps the symlink `..data`: all files are read from the one
//     folder that it names, and read anew when it has moved meanwhile, so that
//     a look never mixes two versions;
//   * in a plain folder a file counts once it has not changed for `settle` and
//     nobody who wrote to it still has it open, for the first half of a YAML
//     file is often a valid file; a file is gone when it is missing for
//     `settle`, for editors rename;
//     A writer from before the folder was watched, through a mapping, or on
//     another host of a network file system is not seen: write such files aside
//     and rename them;
//   * a bad file changes nothing: the last good revision stays in force, Health
//     and the log say what is wrong. Of two files of one id the one in force
//     counts, at the start the first good one by name;
//   * a folder that cannot be read changes nothing either, nor one that has
//     become another, empty one: nothing is mounted there;
//   * a link that leads out of the folder is a bad file: whoever fills the
//     folder must not choose what else the server reads.
// A revision is `sha256-` and 16 hex digits of the file's bytes; the last 16 of
// each name are kept while the process lives.
#ifndef LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_H_
#define LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "service/profiles/store.h"

namespace logitd {

struct DirectoryOptions {
  std::string path;
  absl::Duration rescan = absl::Seconds(10);
  absl::Duration settle = absl::Milliseconds(100);
  size_t files_max = 1000;           // --max_profiles; later names are bad
  size_t profile_bytes_max = 16384;  // --max_profile_bytes
  // What else a profile must satisfy. Empty: nothing.
  std::function<absl::Status(const v1::Profile&)> validate;
};

class DirectoryStore : public Store {
 public:
  // Reads the folder, then follows it. FAILED_PRECONDITION: it cannot be read.
  // Bad files are no error.
  static absl::StatusOr<std::unique_ptr<DirectoryStore>> Open(
      const DirectoryOptions& options);
  ~DirectoryStore() override;
  DirectoryStore(const DirectoryStore&) = delete;
  DirectoryStore& operator=(const DirectoryStore&) = delete;

  absl::string_view name() const override { return "directory"; }
  bool writable() const override { return false; }
  // There is a bad file of the name.
  bool Claims(absl::string_view name) const override;
  absl::StatusOr<LoadedStore> Load() override;
  absl::StatusOr<StoredRevision> Commit(const Change& change) override;
  absl::StatusOr<StoredRevision> GetRevision(
      absl::string_view name, absl::string_view revision) override;
  absl::StatusOr<std::vector<StoredRevision>> ListRevisions(
      absl::string_view name, absl::string_view before, size_t count) override;
  void Subscribe(Subscriber subscriber) override;
  // INVALID_ARGUMENT names every bad file, "chat.yaml: <field>: <why>; ...".
  absl::Status Health() const override;

 private:
  class Follower;
  explicit DirectoryStore(std::unique_ptr<Follower> follower);

  const std::unique_ptr<Follower> follower_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_DIRECTORY_STORE_H_
