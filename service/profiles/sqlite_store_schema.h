// What is in profiles.db, by version, and how a file gets there. For
// sqlite_store. The version is the file's user_version; the application_id
// tells a file of ours from others. A migration is never changed once it has
// shipped: append.
#ifndef LOGITD_SERVICE_PROFILES_SQLITE_STORE_SCHEMA_H_
#define LOGITD_SERVICE_PROFILES_SQLITE_STORE_SCHEMA_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sampler/status_macros.h"
#include "service/profiles/sqlite_store_db.h"

namespace logitd {

inline constexpr int64_t kApplicationId = 0x6c677464;  // "lgtd"

// Number i makes version i + 1 of version i.
inline constexpr const char* kMigrations[] = {
    // `names` remembers deleted ones, so that no revision comes twice.
    "CREATE TABLE names (name TEXT PRIMARY KEY, revision INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, create_time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE revisions (name TEXT NOT NULL, revision INTEGER NOT NULL,"
    " create_time INTEGER NOT NULL, update_time INTEGER NOT NULL,"
    " content BLOB NOT NULL, digest BLOB NOT NULL,"
    " PRIMARY KEY (name, revision)) STRICT;"
    "CREATE TABLE state (sequence INTEGER NOT NULL) STRICT;"
    "INSERT INTO state VALUES (0);",
};

inline absl::StatusOr<int64_t> AskInt(Database& db, const char* sql) {
  Query query(db, sql);
  LOGITD_RETURN_IF_ERROR(query.Run());
  return query.Int(0);
}

// FAILED_PRECONDITION: not a database, not ours, or newer than `migrations`.
// Writes nothing.
inline absl::Status CheckSchema(Database& db,
                                absl::Span<const char* const> migrations) {
  const auto tables = AskInt(db, "SELECT count(*) FROM sqlite_schema");
  const auto version = AskInt(db, "PRAGMA user_version");
  const auto application = AskInt(db, "PRAGMA application_id");
  for (const auto& answer : {tables, version, application}) {
    if (!answer.ok()) {
      return absl::FailedPreconditionError(answer.status().message());
    }
  }
  const bool is_empty = *tables == 0 && *version == 0 && *application == 0;
  if (!is_empty && *application != kApplicationId) {
    return absl::FailedPreconditionError(
        "store: is a SQLite file of another program");
  }
  if (*version > static_cast<int64_t>(migrations.size())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "store: has schema version ", *version, ", newer than ",
        migrations.size(), ", which this logitd knows; nothing was changed"));
  }
  return absl::OkStatus();
}

inline absl::Status CheckIntegrity(Database& db) {
  Query query(db, "PRAGMA integrity_check(1)");
  LOGITD_RETURN_IF_ERROR(query.Run());
  const std::string found = query.Bytes(0);
  if (found == "ok") return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("store: is damaged: ", found));
}

inline absl::Status BeginLog(Database& db) {
  Query query(db, "PRAGMA journal_mode = WAL");
  LOGITD_RETURN_IF_ERROR(query.Run());
  if (query.Bytes(0) == "wal") return absl::OkStatus();
  return absl::UnavailableError("store: the file system does not allow a WAL");
}

// All missing steps in one transaction.
inline absl::Status Migrate(Database& db,
                            absl::Span<const char* const> migrations) {
  LOGITD_ASSIGN_OR_RETURN(const int64_t version,
                          AskInt(db, "PRAGMA user_version"));
  if (version == static_cast<int64_t>(migrations.size())) {
    return absl::OkStatus();
  }
  std::string steps = "BEGIN IMMEDIATE;";
  for (const char* step : migrations.subspan(static_cast<size_t>(version))) {
    absl::StrAppend(&steps, step);
  }
  absl::StrAppend(&steps, "PRAGMA user_version = ", migrations.size(),
                  "; PRAGMA application_id = ", kApplicationId, "; COMMIT;");
  absl::Status status = db.Run(steps.c_str());
  if (!status.ok() && db.in_transaction()) (void)db.Run("ROLLBACK");
  return status;
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_SQLITE_STORE_SCHEMA_H_
