// What only a SqliteStore can do wrong: its file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "service/profiles/sqlite_store.h"
#include "service/profiles/sqlite_store_schema.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SqliteStores : public testing::Test {
 protected:
  std::unique_ptr<SqliteStore> Open() {
    auto store = SqliteStore::Open(folder_.path());
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  std::string Refusal() {
    const auto store = SqliteStore::Open(folder_.path());
    EXPECT_EQ(Code(store.status()), "FAILED_PRECONDITION");
    return std::string(store.status().message());
  }

  // A store with `count` revisions of profiles/a.
  void Fill(int count) {
    const auto store = Open();
    std::string revision;
    for (int i = 0; i < count; ++i) {
      v1::Profile content = WithTemperature(i);
      content.set_description(std::string(1000, 'd'));
      revision = store->Commit(PutChange("profiles/a", content, revision))
                     ->profile.revision();
    }
  }

  // Runs statements on the file, past the store.
  void Meddle(const char* statements) {
    auto db = Database::Open(path_);
    ASSERT_TRUE(db.ok());
    const absl::Status status = db->Run(statements);
    ASSERT_TRUE(status.ok()) << status;
    db->Keep();
  }

  TempFolder folder_;
  const std::string path_ = folder_ / "profiles.db";
};

TEST_F(SqliteStores, WhatWasCommittedIsThereAfterAReopen) {
  Fill(3);
  const auto store = Open();
  const auto loaded = store->Load();
  ASSERT_EQ(loaded->profiles.size(), 1u);
  EXPECT_EQ(loaded->sequence, 3u);
  EXPECT_EQ(loaded->profiles[0].profile.revision(), "3");
  EXPECT_EQ(store->ListRevisions("profiles/a", "", 10)->size(), 3u);
  EXPECT_TRUE(store->Health().ok());
}

TEST_F(SqliteStores, DeletedNamesGoOnCountingAfterAReopen) {
  Fill(2);
  ASSERT_TRUE(Open()->Commit(DeleteChange("profiles/a", "2")).ok());
  const auto store = Open();
  EXPECT_TRUE(store->Load()->profiles.empty());
  const auto made =
      store->Commit(PutChange("profiles/a", WithTemperature(1), ""));
  EXPECT_EQ(made->profile.revision(), "3");
}

TEST_F(SqliteStores, TheFileIsForItsOwnerAlone) {
  const auto store = Open();
  for (const char* file : {"profiles.db", "profiles.db-wal", "profiles.lock"}) {
    struct stat info = {};
    ASSERT_EQ(stat((folder_ / file).c_str(), &info), 0) << file;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(SqliteStores, SettingsAreThoseOfTheContract) {
  Fill(1);
  auto db = Database::Open(path_);
  Query mode(*db, "PRAGMA journal_mode");
  ASSERT_TRUE(mode.Run().ok());
  EXPECT_EQ(mode.Bytes(0), "wal");
  EXPECT_EQ(*AskInt(*db, "PRAGMA user_version"), 1);
  EXPECT_EQ(*AskInt(*db, "PRAGMA application_id"), kApplicationId);
}

TEST_F(SqliteStores, ASecondProcessIsRefusedAndTheFirstNamed) {
  const auto store = Open();
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("profiles.lock"),
                               HasSubstr(absl::StrCat("the process ", getpid(),
                                                      " uses this folder"))));
}

TEST_F(SqliteStores, TheLockGoesWithTheStore) {
  Open().reset();
  EXPECT_NE(Open(), nullptr);
}

TEST_F(SqliteStores, MissingFolderIsTold) {
  const auto store = SqliteStore::Open(folder_ / "nowhere");
  EXPECT_EQ(Code(store.status()), "FAILED_PRECONDITION");
  EXPECT_THAT(std::string(store.status().message()),
              HasSubstr("nowhere: there is no such folder"));
}

TEST_F(SqliteStores, ANewerFileIsRefusedAndNotTouched) {
  Fill(3);
  Meddle("PRAGMA user_version = 2");
  const std::string before = ReadFile(path_);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("profiles.db"),
                               HasSubstr("schema version 2, newer than 1")));
  EXPECT_EQ(ReadFile(path_), before);
}

// As a crash of the newer program leaves it: its last writes are in the log.
TEST_F(SqliteStores, ANewerFileWithALogIsNotTouchedEither) {
  Fill(3);
  {
    auto db = Database::Open(path_);  // closing it leaves the log there
    ASSERT_TRUE(db->Run("PRAGMA user_version = 2").ok());
  }
  const std::string before = ReadFile(path_);
  const std::string log = ReadFile(path_ + "-wal");
  ASSERT_FALSE(log.empty());
  EXPECT_THAT(Refusal(), HasSubstr("newer than 1"));
  EXPECT_EQ(ReadFile(path_), before);
  EXPECT_EQ(ReadFile(path_ + "-wal"), log);
}

TEST_F(SqliteStores, AnotherProgramsFileIsRefusedAndNotTouched) {
  WriteFile(path_, "");
  Meddle("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  const std::string before = ReadFile(path_);
  EXPECT_THAT(Refusal(), HasSubstr("of another program"));
  EXPECT_EQ(ReadFile(path_), before);
}

TEST_F(SqliteStores, NoDatabaseIsRefusedAndNotTouched) {
  const std::string text(5000, 'x');
  WriteFile(path_, text);
  EXPECT_THAT(Refusal(), HasSubstr("file is not a database"));
  EXPECT_EQ(ReadFile(path_), text);
}

TEST_F(SqliteStores, ADamagedFileIsRefused) {
  Fill(50);
  std::string bytes = ReadFile(path_);
  ASSERT_GT(bytes.size(), 40'000u);
  for (size_t i = 8192; i < 30'000; ++i) bytes[i] = static_cast<char>(i * 31);
  WriteFile(path_, bytes);
  EXPECT_THAT(Refusal(), HasSubstr("profiles.db"));
}

// SQLite itself takes it: the pages are in order.
TEST_F(SqliteStores, AFlippedBitInAProfileIsNoticed) {
  Fill(2);
  Meddle(
      "UPDATE revisions SET content = "
      "CAST(replace(content, 'd', 'e') AS BLOB)");
  const auto store = Open();
  EXPECT_TRUE(store->Load()->profiles.empty());
  const auto read = store->GetRevision("profiles/a", "1");
  EXPECT_EQ(Code(read.status()), "UNAVAILABLE");
  EXPECT_THAT(std::string(read.status().message()),
              HasSubstr("profiles/a@1 is damaged"));
  EXPECT_EQ(Code(store->Health()), "INVALID_ARGUMENT");
  // It is mended by being made anew.
  const auto made =
      store->Commit(PutChange("profiles/a", WithTemperature(1), ""));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->profile.revision(), "3");
}

constexpr char kFlip[] =
    "UPDATE revisions SET content = "
    "CAST(replace(content, 'd', 'e') AS BLOB) WHERE revision = ";

TEST_F(SqliteStores, ADamagedOldRevisionFailsAlone) {
  Fill(4);
  Meddle(absl::StrCat(kFlip, 2).c_str());
  const auto store = Open();
  EXPECT_EQ(store->Load()->profiles[0].profile.revision(), "4");
  EXPECT_TRUE(store->Health().ok()) << "nobody has looked";
  const auto listed = store->ListRevisions("profiles/a", "", 3);
  ASSERT_TRUE(listed.ok()) << listed.status();
  std::string revisions;
  for (const auto& one : *listed) revisions += one.profile.revision();
  EXPECT_EQ(revisions, "431");
  EXPECT_THAT(std::string(store->Health().message()),
              HasSubstr("profiles/a@2 is damaged"));
  EXPECT_EQ(Code(store->GetRevision("profiles/a", "2").status()),
            "UNAVAILABLE");
  EXPECT_TRUE(store->GetRevision("profiles/a", "1").ok());
  EXPECT_EQ(Code(store->Health()), "INVALID_ARGUMENT");
}

TEST_F(SqliteStores, OfADamagedProfileTheNewestGoodRevisionIsInForce) {
  Fill(3);
  Meddle(absl::StrCat(kFlip, 3).c_str());
  const auto store = Open();
  ASSERT_EQ(store->Load()->profiles.size(), 1u);
  EXPECT_EQ(store->Load()->profiles[0].profile.revision(), "2");
  EXPECT_EQ(Code(store->Health()), "INVALID_ARGUMENT");
  EXPECT_EQ(Code(store->Commit(PutChange("profiles/a", {}, "1")).status()),
            "ABORTED");
  const auto next =
      store->Commit(PutChange("profiles/a", WithTemperature(9), "2"));
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->profile.revision(), "4");
  EXPECT_EQ(store->Load()->profiles[0].profile.revision(), "4");
}

// What a client hears has no path of the server; the log does.
TEST_F(SqliteStores, ErrorsForClientsDoNotSayWhereTheFileIs) {
  Fill(2);
  Meddle(absl::StrCat(kFlip, 1).c_str());
  const auto store = Open();
  auto other = Database::Open(path_);
  ASSERT_TRUE(other->Run("BEGIN IMMEDIATE").ok());
  testing::internal::CaptureStderr();
  const absl::Status busy =
      store->Commit(PutChange("profiles/a", WithTemperature(2), "2")).status();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::string(busy.message()), "store: database is locked");
  EXPECT_THAT(log, AllOf(HasSubstr(path_), HasSubstr("database is locked")));
  const absl::Status bad = store->GetRevision("profiles/a", "1").status();
  EXPECT_THAT(std::string(bad.message()), testing::Not(HasSubstr(path_)));
  EXPECT_THAT(std::string(store->Health().message()),
              testing::Not(HasSubstr(path_)));
}

TEST_F(SqliteStores, AFullDiskIsUnavailableTheReadsGoOnAndItRecovers) {
  Fill(1);
  const auto store = Open();
  struct rlimit was = {};
  getrlimit(RLIMIT_FSIZE, &was);
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit tight = was;
  tight.rlim_cur = 2000;
  setrlimit(RLIMIT_FSIZE, &tight);
  const auto full =
      store->Commit(PutChange("profiles/a", WithTemperature(2), "1"));
  setrlimit(RLIMIT_FSIZE, &was);
  EXPECT_EQ(Code(full.status()), "UNAVAILABLE") << full.status();
  EXPECT_EQ(Code(store->Health()), "UNAVAILABLE");
  EXPECT_EQ(store->Load()->profiles[0].profile.revision(), "1");
  const auto later =
      store->Commit(PutChange("profiles/a", WithTemperature(2), "1"));
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->profile.revision(), "2");
  EXPECT_TRUE(store->Health().ok());
}

TEST_F(SqliteStores, ABusyFileIsUnavailableAndItRecovers) {
  Fill(1);
  const auto store = Open();
  {
    auto other = Database::Open(path_);
    ASSERT_TRUE(other->Run("BEGIN IMMEDIATE").ok());
    const auto busy =
        store->Commit(PutChange("profiles/a", WithTemperature(2), "1"));
    EXPECT_EQ(Code(busy.status()), "UNAVAILABLE");
    EXPECT_THAT(std::string(store->Health().message()), HasSubstr("locked"));
    EXPECT_TRUE(store->GetRevision("profiles/a", "1").ok());
  }
  EXPECT_TRUE(
      store->Commit(PutChange("profiles/a", WithTemperature(2), "1")).ok());
  EXPECT_TRUE(store->Health().ok());
}

TEST_F(SqliteStores, OlderFilesAreMigratedInOneTransaction) {
  Fill(2);
  auto db = Database::Open(path_);
  const char* const later[] = {kMigrations[0],
                               "ALTER TABLE names ADD COLUMN owner TEXT;",
                               "CREATE TABLE more (x);"};
  ASSERT_TRUE(Migrate(*db, later).ok());
  EXPECT_EQ(*AskInt(*db, "PRAGMA user_version"), 3);
  EXPECT_EQ(*AskInt(*db, "SELECT count(*) FROM names WHERE owner IS NULL"), 1);
  const char* const broken[] = {later[0], later[1], later[2],
                                "CREATE TABLE good (x);", "nonsense;"};
  EXPECT_FALSE(Migrate(*db, broken).ok());
  EXPECT_FALSE(db->in_transaction());
  EXPECT_EQ(*AskInt(*db, "PRAGMA user_version"), 3);
  EXPECT_EQ(
      *AskInt(*db, "SELECT count(*) FROM sqlite_schema WHERE name = 'good'"),
      0);
}

}  // namespace
}  // namespace logitd
