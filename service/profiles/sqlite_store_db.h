// A SQLite connection and its queries, as thin as they can be. For
// sqlite_store.
//
//   LOGITD_ASSIGN_OR_RETURN(Database db, Database::Open(path));
//   Query query(db, "SELECT revision FROM names WHERE name = ?", name);
//   LOGITD_ASSIGN_OR_RETURN(bool found, query.Next());
//
// Statements are prepared once for each text, which must be a literal: its
// address is the key. One thread at a time. Every error is UNAVAILABLE and goes
// to clients: it does not name the file.
#ifndef LOGITD_SERVICE_PROFILES_SQLITE_STORE_DB_H_
#define LOGITD_SERVICE_PROFILES_SQLITE_STORE_DB_H_

#include <sqlite3.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace logitd {

class Database {
 public:
  // The file must be there: SQLite would make it with another mode.
  static absl::StatusOr<Database> Open(const std::string& path) {
    return Open(path, path, SQLITE_OPEN_READWRITE);
  }

  // Changes nothing in the database. Without a log beside it nobody uses the
  // file, and SQLite needs to be told so, or it would make one; with one it may
  // make the index of that log.
  static absl::StatusOr<Database> OpenToLook(const std::string& path) {
    const bool is_used = access((path + "-wal").c_str(), F_OK) == 0;
    const std::string uri = absl::StrCat("file:", EscapeForUri(path),
                                         is_used ? "" : "?immutable=1");
    return Open(path, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  }

  // From now on closing tidies the log away.
  void Keep() const {
    sqlite3_db_config(raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  }

  bool is_read_only() const { return sqlite3_db_readonly(raw(), "main") == 1; }
  bool in_transaction() const { return sqlite3_get_autocommit(raw()) == 0; }
  const std::string& path() const { return path_; }
  sqlite3* raw() const { return db_.get(); }

  absl::Status Error() const {
    const char* why =
        raw() == nullptr ? "out of memory" : sqlite3_errmsg(raw());
    return absl::UnavailableError(absl::StrCat("store: ", why));
  }

  absl::Status Run(const char* statements) const {
    const int code = sqlite3_exec(raw(), statements, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? absl::OkStatus() : Error();
  }

  // Null: Error() says why.
  sqlite3_stmt* Prepared(const char* sql) {
    StatementPtr& statement = (*prepared_)[sql];
    if (statement == nullptr) {
      sqlite3_stmt* made = nullptr;
      sqlite3_prepare_v3(raw(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made,
                         nullptr);
      statement.reset(made);
    }
    return statement.get();
  }

 private:
  struct CloseDatabase {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const {
      sqlite3_finalize(statement);
    }
  };
  using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;
  using Statements = std::map<const char*, StatementPtr>;

  static constexpr int kBusyMilliseconds = 2000;

  static absl::StatusOr<Database> Open(const std::string& path,
                                       const std::string& name, int flags) {
    sqlite3* raw = nullptr;
    sqlite3_open_v2(name.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    Database db(path, raw);
    if (raw == nullptr || sqlite3_errcode(raw) != SQLITE_OK) return db.Error();
    sqlite3_extended_result_codes(raw, 1);
    sqlite3_busy_timeout(raw, kBusyMilliseconds);
    // Until the file is known to be ours, closing it must not write to it.
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return db;
  }

  static std::string EscapeForUri(absl::string_view path) {
    return absl::StrReplaceAll(path,
                               {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}});
  }

  Database(std::string path, sqlite3* raw)
      : path_(std::move(path)),
        db_(raw),
        prepared_(std::make_unique<Statements>()) {}

  std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  std::unique_ptr<Statements> prepared_;  // finalized before the close
};

// One use of a prepared statement.
class Query {
 public:
  template <class... Values>
  Query(Database& db, const char* sql, const Values&... values)
      : db_(db), statement_(db.Prepared(sql)) {
    [[maybe_unused]] int column = 0;
    if (statement_ != nullptr) (Bind(++column, values), ...);
  }
  ~Query() {
    if (statement_ == nullptr) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // True: there is a row. False: there is none, or no more.
  absl::StatusOr<bool> Next() {
    const int code =
        statement_ == nullptr ? SQLITE_ERROR : sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return db_.Error();
  }

  // For what gives no rows.
  absl::Status Run() { return Next().status(); }

  int64_t Int(int column) const {
    return sqlite3_column_int64(statement_, column);
  }
  std::string Bytes(int column) const {
    const void* bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return std::string(static_cast<const char*>(bytes),
                       static_cast<size_t>(size));
  }

 private:
  // The values outlive the query: no copies.
  void Bind(int column, int64_t value) {
    sqlite3_bind_int64(statement_, column, value);
  }
  void Bind(int column, const std::string& text) {
    sqlite3_bind_text(statement_, column, text.data(),
                      static_cast<int>(text.size()), SQLITE_STATIC);
  }
  struct Blob {
    absl::string_view bytes;
  };
  void Bind(int column, const Blob& blob) {
    sqlite3_bind_blob(statement_, column, blob.bytes.data(),
                      static_cast<int>(blob.bytes.size()), SQLITE_STATIC);
  }

  Database& db_;
  sqlite3_stmt* const statement_;

 public:
  static Blob AsBlob(absl::string_view bytes) { return {bytes}; }
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_SQLITE_STORE_DB_H_
