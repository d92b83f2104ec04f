// SqliteStore: profiles in <data_dir>/profiles.db. The embedded default.
//
// WAL with synchronous FULL: what Commit has acknowledged survives kill -9 and
// a power cut. One process at a time, by a lock on <data_dir>/profiles.lock.
// The schema's version is the file's user_version: an older file is migrated in
// one transaction, a newer or foreign one is refused and not touched. Each
// content carries its SHA-256, for SQLite does not notice a flipped bit in a
// value.
//
// A commit costs one sync of the disk and holds the writer's connection; reads
// have their own. Busy, full or read-only: UNAVAILABLE, told by Health until a
// commit or read of that connection succeeds again. Errors are fit for clients;
// the log says which file.
//
// A revision that differs from its digest fails alone: UNAVAILABLE by number,
// left out of lists, told by Health (INVALID_ARGUMENT) until the process ends.
// In force is then the newest good one; the next write goes on from it.
#ifndef LOGITD_SERVICE_PROFILES_SQLITE_STORE_H_
#define LOGITD_SERVICE_PROFILES_SQLITE_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "service/profiles/sqlite_store_lock.h"
#include "service/profiles/store.h"
#include "service/profiles/store_limits.h"

namespace logitd {

class SqliteStore : public Store {
 public:
  // Takes the lock, checks the file's integrity, migrates. The folder must be
  // there. FAILED_PRECONDITION: no folder, no permission, another process, a
  // newer file, a foreign or corrupt one; one line that says which and where.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(
      const std::string& data_dir, const StoreLimits& limits = {});
  // The same checks, for reads only, beside a server that uses the folder:
  // takes no lock, changes no profile. Null: there is nothing in the folder
  // yet, or only what a start would migrate.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> OpenToLook(
      const std::string& data_dir);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  absl::string_view name() const override { return "sqlite"; }
  bool writable() const override { return true; }
  absl::StatusOr<LoadedStore> Load() override;
  absl::StatusOr<StoredRevision> Commit(const Change& change) override;
  absl::StatusOr<StoredRevision> GetRevision(
      absl::string_view name, absl::string_view revision) override;
  absl::StatusOr<std::vector<StoredRevision>> ListRevisions(
      absl::string_view name, absl::string_view before, size_t count) override;
  absl::Status Health() const override;

 private:
  class Writer;
  class Reader;
  SqliteStore(std::unique_ptr<FolderLock> lock, std::unique_ptr<Writer> writer,
              std::unique_ptr<Reader> reader);

  const std::unique_ptr<FolderLock> lock_;  // goes last
  const std::unique_ptr<Writer> writer_;    // null: only to look
  const std::unique_ptr<Reader> reader_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_SQLITE_STORE_H_
