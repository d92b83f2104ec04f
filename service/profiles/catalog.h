// Catalog: the server's one view of all profiles, whatever store they are in.
//
// One writable store and read-only ones. A read-only store owns the names it
// holds: its profile is the one in force, writing the name is
// FAILED_PRECONDITION, and when it lets go of the name the writable store's
// profile, if there is one, is in force again.
//
// All profiles in force and the last four revisions of each are in memory: Get,
// List and Watch answer while a store is away, from what was last good. Older
// revisions are read from their store. Writes are done one at a time and wait
// for the disk: not for a thread that serves steps. Thread-safe.
//
// Names: `chat`, `profiles/chat`, each with or without `@revision`. Errors read
// "<field>: <why>"; the field of names is `name`, of ids `profile_id`.
#ifndef LOGITD_SERVICE_PROFILES_CATALOG_H_
#define LOGITD_SERVICE_PROFILES_CATALOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "logitd/v1/profiles.pb.h"
#include "service/profiles/store.h"
#include "service/profiles/watch.h"

namespace logitd {

struct CatalogOptions {
  size_t profiles_max = 1000;        // --max_profiles of the writable store
  size_t profile_bytes_max = 16384;  // --max_profile_bytes, serialized
  size_t watchers_max = 256;         // --max_watchers
  size_t watch_log_max = 1024;       // events that a watcher may be behind
  std::string undeletable;           // --default_profile; empty: none
  // What a profile must satisfy to be written. Empty: nothing.
  std::function<absl::Status(const v1::Profile&)> validate;
  std::function<absl::Time()> now = absl::Now;
};

// A write's effect: for the reply and for the audit log.
struct Written {
  ProfilePtr before;  // null: there was none
  ProfilePtr after;   // null: there is none any more
};

struct ProfilePage {
  std::vector<ProfilePtr> profiles;
  std::string next_page_token;  // empty at the end
};

struct StoreHealth {
  std::string store;
  absl::Status status;
};

class Catalog {
 public:
  // Loads every store. The writable one may be null: writes are then
  // FAILED_PRECONDITION. Earlier read-only stores win over later ones.
  static absl::StatusOr<std::unique_ptr<Catalog>> Open(
      const CatalogOptions& options, std::unique_ptr<Store> writable,
      std::vector<std::unique_ptr<Store>> read_only);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // INVALID_ARGUMENT: no name. NOT_FOUND: no such profile; with a revision:
  // none of that name ever. FAILED_PRECONDITION: not that revision; names those
  // there are. UNAVAILABLE: an old revision of a store that is away.
  absl::StatusOr<ProfilePtr> Get(absl::string_view name) const;

  // Get answers without asking a store.
  bool IsInMemory(absl::string_view name) const;

  // In force, by name. A page ends early at 1 MiB, for a client takes 4.
  // INVALID_ARGUMENT: page size below 0, a token not ours or of another filter,
  // a filter that cannot be read; names the column.
  absl::StatusOr<ProfilePage> List(int page_size, absl::string_view page_token,
                                   absl::string_view filter) const;

  // Newest first, of a deleted profile too. NOT_FOUND, INVALID_ARGUMENT,
  // UNAVAILABLE.
  absl::StatusOr<ProfilePage> ListRevisions(absl::string_view name,
                                            int page_size,
                                            absl::string_view page_token) const;

  // ---- writes: all checks, then, unless validate_only, one commit. With
  // validate_only `after` is what would be stored, without revision and etag.
  // What would change nothing commits nothing: `after` is then `before`.
  // FAILED_PRECONDITION: owned by a read-only store. RESOURCE_EXHAUSTED: too
  // many, too large. UNAVAILABLE: the store is away.

  // ALREADY_EXISTS, INVALID_ARGUMENT.
  absl::StatusOr<Written> Create(absl::string_view id,
                                 const v1::Profile& content,
                                 bool validate_only = false);

  // `edit` gets the stored profile and turns it into the new one; runs with the
  // writers' lock held, so nothing comes in between; its error is returned.
  // NOT_FOUND. ABORTED: `etag` is given and not the stored one.
  absl::StatusOr<Written> Update(
      absl::string_view name, absl::string_view etag,
      const std::function<absl::Status(v1::Profile*)>& edit,
      bool validate_only = false);

  // The content of an old revision as a new one, of a deleted profile too. It
  // is validated as any other. NOT_FOUND; ABORTED, also: an etag is given and
  // the profile is deleted; FAILED_PRECONDITION also: not that revision.
  absl::StatusOr<Written> Rollback(absl::string_view name,
                                   absl::string_view revision,
                                   absl::string_view etag,
                                   bool validate_only = false);

  // NOT_FOUND, ABORTED. FAILED_PRECONDITION also: the one that is undeletable.
  absl::StatusOr<Written> Delete(absl::string_view name, absl::string_view etag,
                                 bool validate_only = false);

  // As WatchLog::Watch. The catalog must outlive the watcher.
  absl::StatusOr<std::unique_ptr<Watcher>> Watch(absl::string_view resume_token,
                                                 std::function<void()> wake);

  // Also INVALID_ARGUMENT of a stored profile that the start found not valid:
  // of a newer server, or beyond the limits of this one. It stays in force, and
  // sessions that would have it are refused.
  std::vector<StoreHealth> Health() const;
  size_t size() const;            // profiles in force
  size_t watcher_count() const;   // for metrics
  uint64_t change_count() const;  // since the start, for metrics

 private:
  // What one store has of a name.
  struct Holding {
    ProfilePtr current;             // null: nothing, or deleted
    std::deque<ProfilePtr> recent;  // newest first, the current one too
    uint64_t number = 0;            // the last told by a writable store
  };
  using Entry = std::vector<Holding>;  // by store, in order of precedence

  // What is known of a store that changes by itself.
  struct Feed {
    bool is_loaded = false;
    uint64_t sequence = 0;           // of what Load told
    std::vector<ChangeBatch> early;  // came before
  };

  explicit Catalog(const CatalogOptions& options);

  absl::Status Attach(size_t store);
  void OnBatch(size_t store, ChangeBatch batch);
  void ApplyLocked(size_t store, const StoredRevision& change);
  void DropIfEmptyLocked(const std::string& name);
  void NoteUnfitLocked(const v1::Profile& profile);
  bool TakeLocked(size_t store, const StoredRevision& change, Holding* holding);

  ProfilePtr Current(absl::string_view name) const;
  bool IsReadOnly(absl::string_view name) const;
  ProfilePtr Recent(absl::string_view name, absl::string_view revision) const;
  absl::StatusOr<ProfilePtr> Revision(const std::string& name,
                                      absl::string_view revision) const;
  absl::Status NoSuchRevision(const std::string& name,
                              absl::string_view revision) const;
  std::vector<Store*> StoresFor(absl::string_view name) const;

  absl::StatusOr<ProfilePtr> FindToWrite(absl::string_view name,
                                         absl::string_view etag) const;
  absl::Status CheckRoom(absl::string_view field) const;
  absl::Status CheckOwner(absl::string_view name) const;
  absl::Status CheckDeletable(absl::string_view name) const;
  absl::Status Check(const v1::Profile& profile) const;
  absl::StatusOr<Written> Put(const std::string& name, ProfilePtr before,
                              const v1::Profile& content, bool validate_only);
  absl::StatusOr<Written> Commit(Change change, ProfilePtr before);
  WatchSnapshot Snapshot() const;
  absl::Status UnfitStatus() const;

  const CatalogOptions options_;

  std::mutex write_mu_;  // one write at a time; taken before mu_

  mutable std::mutex mu_;  // guards what follows; never held over a store's I/O
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<Feed> feeds_;  // by store
  size_t in_force_ = 0;
  size_t written_ = 0;  // profiles that the writable store has
  std::map<std::string, std::string> unfit_;  // of the start, by name: why
  uint64_t loaded_ = 0;  // the sequence when all stores were loaded

  WatchLog watch_;

  // Constant after Open. Last, so that their threads end first. The writable
  // one, if there is one, is the last.
  std::vector<std::unique_ptr<Store>> stores_;
  Store* writable_ = nullptr;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_CATALOG_H_
