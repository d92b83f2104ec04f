#include "service/profiles/sqlite_store.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/log.h"
#include "service/profiles/sqlite_store_db.h"
#include "service/profiles/sqlite_store_lock.h"
#include "service/profiles/sqlite_store_schema.h"

namespace logitd {
namespace {

constexpr char kFileName[] = "/profiles.db";
constexpr char kSettings[] =
    "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 16777216;";

std::string DigestOf(absl::string_view name, int64_t revision, int64_t created,
                     int64_t updated, absl::string_view content) {
  const std::string text = absl::StrCat(name, "\n", revision, "\n", created,
                                        "\n", updated, "\n", content);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

#define REVISION_COLUMNS \
  "r.name, r.revision, r.create_time, r.update_time, r.content, r.digest"

// The row of a query for REVISION_COLUMNS. DATA_LOSS: only this one is bad.
absl::StatusOr<StoredRevision> ReadRevision(const Query& row) {
  const std::string name = row.Bytes(0);
  const int64_t revision = row.Int(1);
  const int64_t created = row.Int(2);
  const int64_t updated = row.Int(3);
  const std::string content = row.Bytes(4);
  v1::Profile profile;
  if (row.Bytes(5) != DigestOf(name, revision, created, updated, content) ||
      !profile.ParseFromString(content)) {
    const std::string told = absl::StrCat("store: ", name, "@", revision,
                                          " is damaged: it differs from its "
                                          "digest");
    return absl::DataLossError(told);
  }
  return MakeRevision(profile, name, absl::StrCat(revision), "sqlite",
                      absl::FromUnixNanos(created),
                      absl::FromUnixNanos(updated));
}

// What is wrong with a folder, or with the file in it.
absl::Status CheckFolder(const std::string& data_dir) {
  struct stat info = {};
  if (stat(data_dir.c_str(), &info) != 0) {
    return errno == ENOENT ? Refused(data_dir, "there is no such folder")
                           : RefusedBySystem(data_dir);
  }
  if (!S_ISDIR(info.st_mode)) return Refused(data_dir, "is no folder");
  return absl::OkStatus();
}

absl::Status RefusedAt(const std::string& path, const absl::Status& status) {
  return Refused(path, absl::StripPrefix(status.message(), "store: "));
}

// Makes the file, for its owner alone, and its name durable.
absl::Status Touch(const std::string& data_dir, const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return RefusedBySystem(path);
  close(fd);
  const int folder = open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return RefusedBySystem(data_dir);
  const bool synced = fsync(folder) == 0;
  close(folder);
  return synced ? absl::OkStatus() : RefusedBySystem(data_dir);
}

// Rolls back what was not committed.
class Transaction {
 public:
  explicit Transaction(const Database& db) : db_(db) {}
  ~Transaction() {
    if (db_.in_transaction()) (void)db_.Run("ROLLBACK");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  absl::Status Begin() { return db_.Run("BEGIN IMMEDIATE"); }
  absl::Status Commit() { return db_.Run("COMMIT"); }

 private:
  const Database& db_;
};

// The newest revision of a name that is not damaged. Nothing: there is none.
absl::StatusOr<std::optional<StoredRevision>> NewestGood(
    Database& db, const std::string& name) {
  Query rows(db,
             "SELECT " REVISION_COLUMNS
             " FROM revisions r WHERE r.name = ? ORDER BY r.revision DESC",
             name);
  while (true) {
    LOGITD_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) return std::nullopt;
    auto one = ReadRevision(rows);
    if (one.ok()) return *std::move(one);
  }
}

// What is wrong with a connection: what the last use of it said. Clients are
// not told where the file is; the log is.
class Condition {
 public:
  void Note(const absl::Status& status, const Database& db) {
    if (absl::IsUnavailable(status)) {
      Log(LogLevel::kError, "profile store",
          {{"path", db.path()}, {"error", std::string(status.message())}});
    }
    std::lock_guard<std::mutex> lock(mu_);
    if (status.ok() || absl::IsUnavailable(status)) status_ = status;
  }
  absl::Status status() const {
    std::lock_guard<std::mutex> lock(mu_);
    return status_;
  }

 private:
  mutable std::mutex mu_;
  absl::Status status_;
};

}  // namespace

// ---- the writer -------------------------------------------------------------

class SqliteStore::Writer {
 public:
  Writer(Database db, const StoreLimits& limits)
      : limits_(limits), db_(std::move(db)) {
    (void)stat(db_.path().c_str(), &file_);
  }

  absl::Status Health() const {
    LOGITD_RETURN_IF_ERROR(condition_.status());
    return CheckFile();
  }

  absl::StatusOr<StoredRevision> Commit(const Change& change) {
    std::lock_guard<std::mutex> lock(mu_);
    auto stored = CommitLocked(change);
    condition_.Note(stored.status(), db_);
    return stored;
  }

 private:
  // What the file knows of a name.
  struct Row {
    bool known = false;
    bool deleted = false;
    int64_t revision = 0;
    int64_t created = 0;
  };

  // SQLite goes on writing to a file that has lost its name.
  absl::Status CheckFile() const {
    struct stat now = {};
    if (stat(db_.path().c_str(), &now) == 0 && now.st_dev == file_.st_dev &&
        now.st_ino == file_.st_ino) {
      return absl::OkStatus();
    }
    return absl::UnavailableError(
        "store: its file was removed or replaced; start the server anew");
  }

  absl::StatusOr<Row> Find(const std::string& name) {
    Query query(db_,
                "SELECT revision, deleted, create_time FROM names "
                "WHERE name = ?",
                name);
    Row row;
    LOGITD_ASSIGN_OR_RETURN(row.known, query.Next());
    if (!row.known) return row;
    row.revision = query.Int(0);
    row.deleted = query.Int(1) != 0;
    row.created = query.Int(2);
    return row;
  }

  absl::StatusOr<StoredRevision> CommitLocked(const Change& change) {
    LOGITD_RETURN_IF_ERROR(CheckFile());
    Transaction transaction(db_);
    LOGITD_RETURN_IF_ERROR(transaction.Begin());
    LOGITD_ASSIGN_OR_RETURN(const Row row, Find(change.name));
    LOGITD_ASSIGN_OR_RETURN(const std::string current, CurrentOf(change, row));
    LOGITD_RETURN_IF_ERROR(CheckExpected(change, current));
    StoredRevision stored;
    if (change.is_delete) {
      LOGITD_RETURN_IF_ERROR(
          Query(db_, "UPDATE names SET deleted = 1 WHERE name = ?", change.name)
              .Run());
      stored = MakeDeletion(change.name, change.expected_revision);
    } else {
      LOGITD_ASSIGN_OR_RETURN(stored, Put(change, row));
    }
    LOGITD_RETURN_IF_ERROR(
        Query(db_, "UPDATE state SET sequence = sequence + 1").Run());
    LOGITD_RETURN_IF_ERROR(transaction.Commit());
    return stored;
  }

  // The revision in force: the last one, or what Load gave in its place.
  absl::StatusOr<std::string> CurrentOf(const Change& change, const Row& row) {
    if (!row.known || row.deleted) return std::string();
    const std::string last = absl::StrCat(row.revision);
    if (change.expected_revision == last) return last;
    LOGITD_ASSIGN_OR_RETURN(const auto good, NewestGood(db_, change.name));
    return good ? good->profile.revision() : std::string();
  }

  absl::Status CheckNames() {
    Query query(db_, "SELECT count(*) FROM names");
    LOGITD_RETURN_IF_ERROR(query.Run());
    const auto count = static_cast<size_t>(query.Int(0));
    return count < limits_.names_max ? absl::OkStatus() : TooManyNames(limits_);
  }

  absl::StatusOr<StoredRevision> Put(const Change& change, const Row& row) {
    if (!row.known) LOGITD_RETURN_IF_ERROR(CheckNames());
    const int64_t updated = absl::ToUnixNanos(change.time);
    const int64_t created = row.known && !row.deleted ? row.created : updated;
    const int64_t revision = row.revision + 1;
    const std::string content = ContentBytes(change.content);
    const std::string digest =
        DigestOf(change.name, revision, created, updated, content);
    LOGITD_RETURN_IF_ERROR(
        Query(db_,
              "INSERT INTO names (name, revision, deleted, create_time) "
              "VALUES (?, ?, 0, ?) ON CONFLICT (name) DO UPDATE SET "
              "revision = excluded.revision, deleted = 0, "
              "create_time = excluded.create_time",
              change.name, revision, created)
            .Run());
    LOGITD_RETURN_IF_ERROR(
        Query(db_, "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)",
              change.name, revision, created, updated, Query::AsBlob(content),
              Query::AsBlob(digest))
            .Run());
    LOGITD_RETURN_IF_ERROR(
        Query(db_, "DELETE FROM revisions WHERE name = ? AND revision <= ?",
              change.name,
              revision - static_cast<int64_t>(limits_.revisions_max))
            .Run());
    return MakeRevision(change.content, change.name, absl::StrCat(revision),
                        "sqlite", absl::FromUnixNanos(created),
                        absl::FromUnixNanos(updated));
  }

  const StoreLimits limits_;
  Condition condition_;
  struct stat file_ = {};  // the one that is open
  std::mutex mu_;          // guards db_
  Database db_;
};

// ---- the reader -------------------------------------------------------------

// In WAL mode it sees the last commit and does not wait for the next one.
class SqliteStore::Reader {
 public:
  explicit Reader(Database db) : db_(std::move(db)) {}

  // INVALID_ARGUMENT: revisions were found damaged.
  absl::Status Health() const {
    LOGITD_RETURN_IF_ERROR(condition_.status());
    std::lock_guard<std::mutex> lock(damaged_mu_);
    return damaged_.empty() ? absl::OkStatus()
                            : absl::InvalidArgumentError(damaged_);
  }

  // Runs `read` alone on the connection.
  template <class Result, class Read>
  absl::StatusOr<Result> Use(const Read& read) {
    std::lock_guard<std::mutex> lock(mu_);
    absl::StatusOr<Result> result = read(db_);
    condition_.Note(result.status(), db_);
    return result;
  }

  // One revision is left out; the last one found stands for all.
  void NoteDamage(const absl::Status& status) {
    Log(LogLevel::kError, "profile store",
        {{"path", db_.path()}, {"error", std::string(status.message())}});
    std::lock_guard<std::mutex> lock(damaged_mu_);
    damaged_ = std::string(status.message());
  }

 private:
  Condition condition_;
  mutable std::mutex damaged_mu_;  // guards damaged_
  std::string damaged_;            // until the process ends
  std::mutex mu_;                  // guards db_
  Database db_;
};

// ---- the store --------------------------------------------------------------

SqliteStore::SqliteStore(std::unique_ptr<FolderLock> lock,
                         std::unique_ptr<Writer> writer,
                         std::unique_ptr<Reader> reader)
    : lock_(std::move(lock)),
      writer_(std::move(writer)),
      reader_(std::move(reader)) {}

SqliteStore::~SqliteStore() = default;

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(
    const std::string& data_dir, const StoreLimits& limits) {
  LOGITD_RETURN_IF_ERROR(CheckFolder(data_dir));
  LOGITD_ASSIGN_OR_RETURN(
      auto lock, FolderLock::Take(absl::StrCat(data_dir, "/profiles.lock")));
  const std::string path = absl::StrCat(data_dir, kFileName);
  LOGITD_RETURN_IF_ERROR(Touch(data_dir, path));
  auto writer = Database::Open(path);
  if (!writer.ok()) return RefusedAt(path, writer.status());
  if (writer->is_read_only()) return Refused(path, "may not be written");
  absl::Status ready = CheckSchema(*writer, kMigrations);
  if (ready.ok()) ready = CheckIntegrity(*writer);
  if (ready.ok()) ready = BeginLog(*writer);
  if (ready.ok()) ready = writer->Run(kSettings);
  if (ready.ok()) ready = Migrate(*writer, kMigrations);
  if (!ready.ok()) return RefusedAt(path, ready);
  auto reader = Database::Open(path);
  if (ready.ok()) ready = reader.status();
  if (ready.ok()) ready = reader->Run("PRAGMA query_only = ON");
  if (!ready.ok()) return RefusedAt(path, ready);
  writer->Keep();
  reader->Keep();
  return std::unique_ptr<SqliteStore>(new SqliteStore(
      std::move(lock), std::make_unique<Writer>(*std::move(writer), limits),
      std::make_unique<Reader>(*std::move(reader))));
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::OpenToLook(
    const std::string& data_dir) {
  LOGITD_RETURN_IF_ERROR(CheckFolder(data_dir));
  if (faccessat(AT_FDCWD, data_dir.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return RefusedBySystem(data_dir);
  }
  const std::string path = absl::StrCat(data_dir, kFileName);
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0 || info.st_size == 0) return nullptr;
  if (faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
    return RefusedBySystem(path);
  }
  auto reader = Database::OpenToLook(path);
  if (!reader.ok()) return RefusedAt(path, reader.status());
  absl::Status good = CheckSchema(*reader, kMigrations);
  if (good.ok()) {
    const auto version = AskInt(*reader, "PRAGMA user_version");
    if (version.ok() && *version < int64_t{std::size(kMigrations)}) {
      return nullptr;  // a start would migrate it first
    }
  }
  if (good.ok()) good = CheckIntegrity(*reader);
  if (!good.ok()) return RefusedAt(path, good);
  return std::unique_ptr<SqliteStore>(new SqliteStore(
      nullptr, nullptr, std::make_unique<Reader>(*std::move(reader))));
}

absl::StatusOr<StoredRevision> SqliteStore::Commit(const Change& change) {
  if (writer_ != nullptr) return writer_->Commit(change);
  return absl::FailedPreconditionError("store: is open to look at only");
}

absl::StatusOr<LoadedStore> SqliteStore::Load() {
  return reader_->Use<LoadedStore>(
      [this](Database& db) -> absl::StatusOr<LoadedStore> {
        Transaction transaction(db);  // one view of both tables
        LOGITD_RETURN_IF_ERROR(db.Run("BEGIN"));
        LoadedStore loaded;
        Query state(db, "SELECT sequence FROM state");
        LOGITD_RETURN_IF_ERROR(state.Run());
        loaded.sequence = static_cast<uint64_t>(state.Int(0));
        Query rows(db, "SELECT " REVISION_COLUMNS
                       " FROM names n JOIN revisions r ON r.name = n.name AND "
                       "r.revision = n.revision WHERE n.deleted = 0 "
                       "ORDER BY n.name");
        while (true) {
          LOGITD_ASSIGN_OR_RETURN(const bool more, rows.Next());
          if (!more) return loaded;
          auto one = ReadRevision(rows);
          if (one.ok()) {
            loaded.profiles.push_back(*std::move(one));
            continue;
          }
          reader_->NoteDamage(one.status());
          LOGITD_ASSIGN_OR_RETURN(auto good, NewestGood(db, rows.Bytes(0)));
          if (good) loaded.profiles.push_back(*std::move(good));
        }
      });
}

absl::StatusOr<StoredRevision> SqliteStore::GetRevision(
    absl::string_view name, absl::string_view revision) {
  const uint64_t number = RevisionNumber(revision);
  if (number == 0 || number > std::numeric_limits<int64_t>::max()) {
    return NoRevision(name, revision);
  }
  auto read = reader_->Use<StoredRevision>(
      [&](Database& db) -> absl::StatusOr<StoredRevision> {
        const std::string key(name);
        Query row(db,
                  "SELECT " REVISION_COLUMNS
                  " FROM revisions r WHERE r.name = ? AND r.revision = ?",
                  key, static_cast<int64_t>(number));
        LOGITD_ASSIGN_OR_RETURN(const bool found, row.Next());
        if (!found) return NoRevision(name, revision);
        return ReadRevision(row);
      });
  if (!absl::IsDataLoss(read.status())) return read;
  reader_->NoteDamage(read.status());
  return absl::UnavailableError(read.status().message());
}

absl::StatusOr<std::vector<StoredRevision>> SqliteStore::ListRevisions(
    absl::string_view name, absl::string_view before, size_t count) {
  constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  const int64_t end = before.empty()
                          ? kAll
                          : static_cast<int64_t>(std::min<uint64_t>(
                                RevisionNumber(before), uint64_t{kAll}));
  using Revisions = std::vector<StoredRevision>;
  return reader_->Use<Revisions>(
      [&](Database& db) -> absl::StatusOr<Revisions> {
        const std::string key(name);
        Query rows(db,
                   "SELECT " REVISION_COLUMNS
                   " FROM revisions r WHERE r.name = ? AND r.revision < ? "
                   "ORDER BY r.revision DESC",
                   key, end);
        Revisions listed;
        while (listed.size() < count) {
          LOGITD_ASSIGN_OR_RETURN(const bool more, rows.Next());
          if (!more) return listed;
          auto one = ReadRevision(rows);
          if (one.ok()) {
            listed.push_back(*std::move(one));
          } else {
            reader_->NoteDamage(one.status());
          }
        }
        return listed;
      });
}

absl::Status SqliteStore::Health() const {
  if (writer_ != nullptr) LOGITD_RETURN_IF_ERROR(writer_->Health());
  return reader_->Health();
}

}  // namespace logitd
