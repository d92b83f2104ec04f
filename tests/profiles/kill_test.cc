// kill -9 in the middle of SQLite writes: of revisions, of deletions, of names
// made anew. The writer is another process; this one keeps the ledger of what
// it acknowledged. After each kill the file must be whole, every acknowledged
// write in it, and revisions contiguous.
//
// By default 200 kills in 10,000 writes; with LOGITD_LONG=1 1,000 in 50,000.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "service/profiles/sqlite_store.h"
#include "service/profiles/sqlite_store_schema.h"
#include "tests/profiles/store_support.h"
#include "tests/support/effort.h"

namespace logitd {
namespace {

constexpr uint32_t kSeed = 9;

class KillTest : public testing::Test {
 protected:
  // Acknowledged: revision to value, for each name.
  using Ledger = std::map<std::string, std::map<uint64_t, uint32_t>>;

  // Runs the writer until it has acknowledged `acks` writes and a little more,
  // kills it, and takes down every line it got out.
  void WriteAndKill(uint32_t acks, uint32_t linger_us) {
    int pipe_fds[2];
    ASSERT_EQ(pipe(pipe_fds), 0);
    const std::string first = absl::StrCat(next_value_);
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      dup2(pipe_fds[1], STDOUT_FILENO);
      close(pipe_fds[0]);
      close(pipe_fds[1]);
      const char* program = LOGITD_BUILD_DIR "/bin/ledger_writer";
      execl(program, program, folder_.path().c_str(), first.c_str(), "100000",
            static_cast<char*>(nullptr));
      _exit(127);
    }
    close(pipe_fds[1]);
    std::string told;
    uint32_t lines = 0;
    char buffer[4096];
    ssize_t size = 0;
    while (lines < acks &&
           (size = read(pipe_fds[0], buffer, sizeof(buffer))) > 0) {
      for (ssize_t i = 0; i < size; ++i) lines += buffer[i] == '\n';
      told.append(buffer, static_cast<size_t>(size));
    }
    usleep(linger_us);
    kill(pid, SIGKILL);
    while ((size = read(pipe_fds[0], buffer, sizeof(buffer))) > 0) {
      told.append(buffer, static_cast<size_t>(size));
    }
    close(pipe_fds[0]);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself:\n" << told;
    TakeDown(told);
  }

  void TakeDown(const std::string& told) {
    for (const auto line : absl::StrSplit(told, '\n', absl::SkipEmpty())) {
      const std::vector<std::string> parts = absl::StrSplit(line, ' ');
      ASSERT_EQ(parts.size(), 3u) << line;
      uint64_t revision = 0;
      uint32_t value = 0;
      ASSERT_TRUE(absl::SimpleAtoi(parts[2], &value)) << line;
      ++acknowledged_;
      next_value_ = value + 1;
      deleted_[parts[0]] = parts[1] == "-";
      if (parts[1] == "-") {
        ++deletions_;
        continue;
      }
      ASSERT_TRUE(absl::SimpleAtoi(parts[1], &revision)) << line;
      ASSERT_TRUE(ledger_[parts[0]].emplace(revision, value).second)
          << "a revision came twice: " << line;
    }
  }

  // A write that was not acknowledged may be there, one at most for each kill.
  void CheckFile() {
    {
      auto db = Database::Open(folder_ / "profiles.db");
      ASSERT_TRUE(db.ok());
      const absl::Status whole = CheckIntegrity(*db);
      ASSERT_TRUE(whole.ok()) << whole;
    }
    const auto store = SqliteStore::Open(folder_.path());
    ASSERT_TRUE(store.ok()) << store.status();
    uint64_t there = 0;
    for (const auto& [name, revisions] : ledger_) {
      const auto listed = (*store)->ListRevisions(name, "", 1'000'000);
      ASSERT_TRUE(listed.ok()) << listed.status();
      std::map<uint64_t, uint32_t> stored;
      for (const auto& one : *listed) {
        stored[RevisionNumber(one.profile.revision())] =
            one.profile.default_params().top_k();
      }
      ASSERT_EQ(stored.begin()->first, 1u) << name;
      ASSERT_EQ(stored.rbegin()->first, stored.size()) << name << ": a gap";
      for (const auto& [revision, value] : revisions) {
        ASSERT_EQ(stored.count(revision), 1u)
            << name << "@" << revision << " was acknowledged and is lost";
        ASSERT_EQ(stored[revision], value) << name << "@" << revision;
      }
      there += stored.size();
    }
    const uint64_t told = acknowledged_ - deletions_;
    ASSERT_GE(there, told);
    ASSERT_LE(there, told + kills_);
    not_told_ = there - told;
    CheckInForce(store->get());
  }

  // The write that the kill cut off, and nothing else, may have changed it.
  void CheckInForce(SqliteStore* store) {
    const auto loaded = store->Load();
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    std::set<std::string> in_force;
    for (const StoredRevision& stored : loaded->profiles) {
      in_force.insert(stored.profile.name());
    }
    int others = 0;
    for (auto& [name, is_deleted] : deleted_) {
      const bool is_gone = in_force.count(name) == 0;
      if (is_gone != is_deleted) ++others;
      is_deleted = is_gone;
    }
    ASSERT_LE(others, 1) << "what was deleted is there, or the other way round";
  }

  TempFolder folder_;
  Ledger ledger_;
  std::map<std::string, bool> deleted_;
  uint64_t acknowledged_ = 0;
  uint64_t deletions_ = 0;
  uint64_t not_told_ = 0;
  uint64_t kills_ = 0;
  uint32_t next_value_ = 0;
};

TEST_F(KillTest, AcknowledgedWritesSurviveKill9) {
  const uint64_t kills_min = tests::IsLong() ? 1'000 : 200;
  const uint64_t writes_min = tests::IsLong() ? 50'000 : 10'000;
  std::mt19937 random(kSeed);
  while (kills_ < kills_min || acknowledged_ < writes_min) {
    // At a random moment: also before the first write and right after open.
    const uint32_t acks =
        static_cast<uint32_t>(random() % (2 * writes_min / kills_min + 1));
    ++kills_;
    WriteAndKill(acks, static_cast<uint32_t>(random() % 3000));
    if (HasFatalFailure()) return;
    CheckFile();
    if (HasFatalFailure()) return;
  }
  RecordProperty("kills", static_cast<int>(kills_));
  std::cout << kills_ << " kills, " << acknowledged_ << " acknowledged writes ("
            << deletions_ << " deletions), all there; " << not_told_
            << " more that nobody was told of\n";
  EXPECT_GT(deletions_, writes_min / 20);
}

}  // namespace
}  // namespace logitd
