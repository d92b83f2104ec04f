// Store: where profiles are kept. Memory, SQLite, a directory; etcd later.
//
// A store holds for each name a row of immutable revisions and whether the last
// of them is in force or deleted. Writable stores count revisions 1, 2, 3...
// for each name; a deletion takes no number and frees none: made anew, a
// profile goes on counting. Old revisions are dropped from the far end only, so
// that those kept are contiguous.
//
// Stores know nothing of limits, validity or who may write; the catalog does.
// Every method is thread-safe. Reads do not wait for a commit.
#ifndef LOGITD_SERVICE_PROFILES_STORE_H_
#define LOGITD_SERVICE_PROFILES_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "logitd/v1/profiles.pb.h"
#include "service/profiles/store_limits.h"

namespace logitd {

struct StoredRevision {
  // With name, revision, etag, create_time, update_time, source. Of a deletion
  // only the name and the last revision.
  v1::Profile profile;
  bool deleted = false;
};

// What to commit, if the current revision is the one expected.
struct Change {
  bool is_delete = false;
  std::string name;     // "profiles/chat"
  v1::Profile content;  // of a put; output-only fields are not looked at
  // The revision that is replaced or deleted. Empty: there is no such profile,
  // it is to be made.
  std::string expected_revision;
  absl::Time time;
};

// Changes that came about by themselves, in order.
struct ChangeBatch {
  uint64_t sequence = 0;  // of the last of them
  std::vector<StoredRevision> changes;
};

struct LoadedStore {
  std::vector<StoredRevision> profiles;  // current ones, by name
  uint64_t sequence = 0;                 // of the last change that is in them
};

class Store {
 public:
  using Subscriber = std::function<void(ChangeBatch batch)>;

  virtual ~Store() = default;

  // "memory", "sqlite", "directory": Profile.source.
  virtual absl::string_view name() const = 0;
  virtual bool writable() const = 0;

  // The store has something of the name that is not good yet, and will have the
  // name when it is.
  virtual bool Claims(absl::string_view /*name*/) const { return false; }

  // UNAVAILABLE: the store cannot be read.
  virtual absl::StatusOr<LoadedStore> Load() = 0;

  // Durable when it returns OK. ALREADY_EXISTS: to be made, but there.
  // NOT_FOUND: not there. ABORTED: there at another revision.
  // RESOURCE_EXHAUSTED: too many names. UNAVAILABLE: the store is away, nothing
  // was written as far as it can tell. FAILED_PRECONDITION: not writable.
  virtual absl::StatusOr<StoredRevision> Commit(const Change& change) = 0;

  // A kept revision, of a deleted profile too. NOT_FOUND, UNAVAILABLE.
  virtual absl::StatusOr<StoredRevision> GetRevision(
      absl::string_view name, absl::string_view revision) = 0;

  // Kept revisions, newest first, at most `count`; `before` empty: from the
  // newest, else those older than it. Unknown name: none. UNAVAILABLE.
  virtual absl::StatusOr<std::vector<StoredRevision>> ListRevisions(
      absl::string_view name, absl::string_view before, size_t count) = 0;

  // For stores that change by themselves (a directory, other replicas). Called
  // at most once, before Load; batches come one at a time from a thread of the
  // store and until its destructor returns. Those with a sequence that Load has
  // told are not news. A batch may repeat what Commit returned.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): overriders keep it.
  virtual void Subscribe(Subscriber /*subscriber*/) {}

  // OK, or one line about what is wrong: UNAVAILABLE, the store cannot be read
  // or written; INVALID_ARGUMENT, something in it is bad and left out.
  virtual absl::Status Health() const = 0;
};

// ---- what implementations share ---------------------------------------------

// Bytes that depend on the content alone: fields and map keys in order.
std::string ContentBytes(const v1::Profile& profile);

// `"7-1b4f0e9851971998"`: the revision and a hash of the content.
std::string MakeEtag(const v1::Profile& content, absl::string_view revision);

// The content with every output-only field but `warnings` filled.
StoredRevision MakeRevision(const v1::Profile& content, absl::string_view name,
                            absl::string_view revision,
                            absl::string_view source, absl::Time created,
                            absl::Time updated);

StoredRevision MakeDeletion(absl::string_view name, absl::string_view revision);

// Compare-and-set's answer. `current`: the revision in force; empty: none.
absl::Status CheckExpected(const Change& change, absl::string_view current);

// A revision of a writable store as a number; 0: it is none.
uint64_t RevisionNumber(absl::string_view revision);

absl::Status NoRevision(absl::string_view name, absl::string_view revision);
absl::Status TooManyNames(const StoreLimits& limits);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_STORE_H_
