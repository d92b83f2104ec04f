// The contract of a writable store: the same tests for every one.
#include "service/profiles/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "service/profiles/memory_store.h"
#include "service/profiles/sqlite_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct InMemory {
  static constexpr char kName[] = "memory";
  std::unique_ptr<Store> Open(const StoreLimits& limits) {
    return std::make_unique<MemoryStore>(limits);
  }
};

struct InSqlite {
  static constexpr char kName[] = "sqlite";
  std::unique_ptr<Store> Open(const StoreLimits& limits) {
    auto store = SqliteStore::Open(folder.path(), limits);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  TempFolder folder;
};

template <class Kind>
class Stores : public testing::Test {
 protected:
  Stores() : store_(kind_.Open(StoreLimits{})) {}

  void Reopen(const StoreLimits& limits) {
    store_ = nullptr;
    store_ = kind_.Open(limits);
  }

  StoredRevision Put(const std::string& name, double temperature,
                     const std::string& expected) {
    auto stored =
        store_->Commit(PutChange(name, WithTemperature(temperature), expected));
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored.ok() ? *stored : StoredRevision{};
  }

  std::vector<std::string> Revisions(const std::string& name,
                                     const std::string& before = "",
                                     size_t count = 100) {
    std::vector<std::string> revisions;
    const auto listed = store_->ListRevisions(name, before, count);
    for (const auto& stored : *listed) {
      revisions.push_back(stored.profile.revision());
    }
    return revisions;
  }

  Kind kind_;
  std::unique_ptr<Store> store_;
};

using Kinds = testing::Types<InMemory, InSqlite>;
TYPED_TEST_SUITE(Stores, Kinds);

TYPED_TEST(Stores, FillsWhatTheServerKnows) {
  const StoredRevision stored = this->Put("profiles/a", 0.5, "");
  const v1::Profile& profile = stored.profile;
  EXPECT_FALSE(stored.deleted);
  EXPECT_EQ(profile.name(), "profiles/a");
  EXPECT_EQ(profile.revision(), "1");
  EXPECT_EQ(profile.source(), TypeParam::kName);
  EXPECT_EQ(profile.create_time().seconds(), 1'700'000'000);
  EXPECT_EQ(profile.update_time().seconds(), 1'700'000'000);
  EXPECT_EQ(profile.default_params().temperature(), 0.5);
  EXPECT_THAT(profile.etag(), testing::MatchesRegex("\"1-[0-9a-f]+\""));
  const auto read = this->store_->GetRevision("profiles/a", "1");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->profile.SerializeAsString(), profile.SerializeAsString());
  const auto loaded = this->store_->Load();
  ASSERT_EQ(loaded->profiles.size(), 1u);
  EXPECT_EQ(loaded->profiles[0].profile.SerializeAsString(),
            profile.SerializeAsString());
}

TYPED_TEST(Stores, OutputFieldsOfTheCallerAreNotKept) {
  v1::Profile content = WithTemperature(1);
  content.set_etag("theirs");
  content.set_revision("77");
  content.add_warnings()->set_rule("x");
  const auto stored =
      this->store_->Commit(PutChange("profiles/a", content, ""));
  EXPECT_EQ(stored->profile.revision(), "1");
  EXPECT_NE(stored->profile.etag(), "theirs");
  EXPECT_EQ(stored->profile.warnings_size(), 0);
}

TYPED_TEST(Stores, RevisionsCountForEachName) {
  this->Put("profiles/a", 1, "");
  this->Put("profiles/a", 2, "1");
  this->Put("profiles/b", 1, "");
  EXPECT_EQ(this->Put("profiles/a", 1, "2").profile.revision(), "3");
  EXPECT_EQ(this->Put("profiles/b", 1, "1").profile.revision(), "2");
  EXPECT_THAT(this->Revisions("profiles/a"), ElementsAre("3", "2", "1"));
  EXPECT_EQ(this->store_->GetRevision("profiles/a", "2")
                ->profile.default_params()
                .temperature(),
            2);
}

TYPED_TEST(Stores, TheEtagChangesWithEachRevisionEvenOfTheSameContent) {
  std::set<std::string> etags;
  std::string revision;
  for (int i = 0; i < 5; ++i) {
    const auto stored = this->Put("profiles/a", 1, revision);
    revision = stored.profile.revision();
    etags.insert(stored.profile.etag());
  }
  EXPECT_EQ(etags.size(), 5u);
}

TYPED_TEST(Stores, CompareAndSet) {
  Store& store = *this->store_;
  const v1::Profile content = WithTemperature(1);
  const auto code = [&](const Change& change) {
    return Code(store.Commit(change).status());
  };
  EXPECT_EQ(code(PutChange("profiles/a", content, "1")), "NOT_FOUND");
  EXPECT_EQ(code(DeleteChange("profiles/a", "1")), "NOT_FOUND");
  EXPECT_EQ(code(DeleteChange("profiles/a", "")), "NOT_FOUND");
  this->Put("profiles/a", 1, "");
  EXPECT_EQ(code(PutChange("profiles/a", content, "")), "ALREADY_EXISTS");
  EXPECT_EQ(code(PutChange("profiles/a", content, "2")), "ABORTED");
  EXPECT_EQ(code(DeleteChange("profiles/a", "2")), "ABORTED");
  EXPECT_EQ(code(DeleteChange("profiles/a", "")), "ABORTED");
  EXPECT_THAT(this->Revisions("profiles/a"), ElementsAre("1"));
}

TYPED_TEST(Stores, DeletionKeepsRevisionsAndTheirNumbers) {
  this->Put("profiles/a", 1, "");
  this->Put("profiles/a", 2, "1");
  const auto gone = this->store_->Commit(DeleteChange("profiles/a", "2"));
  ASSERT_TRUE(gone.ok());
  EXPECT_TRUE(gone->deleted);
  EXPECT_EQ(gone->profile.name(), "profiles/a");
  EXPECT_EQ(gone->profile.revision(), "2");
  EXPECT_TRUE(this->store_->Load()->profiles.empty());
  EXPECT_TRUE(this->store_->GetRevision("profiles/a", "2").ok());
  EXPECT_EQ(
      Code(this->store_->Commit(DeleteChange("profiles/a", "2")).status()),
      "NOT_FOUND");
  Change again = PutChange("profiles/a", WithTemperature(3), "");
  again.time = absl::FromUnixSeconds(1'800'000'000);
  const auto made = this->store_->Commit(again);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->profile.revision(), "3");
  EXPECT_EQ(made->profile.create_time().seconds(), 1'800'000'000);
  EXPECT_THAT(this->Revisions("profiles/a"), ElementsAre("3", "2", "1"));
}

TYPED_TEST(Stores, TimesAreKept) {
  this->Put("profiles/a", 1, "");
  Change change = PutChange("profiles/a", WithTemperature(2), "1");
  change.time = absl::FromUnixNanos(1'800'000'000'123'456'789);
  const auto stored = this->store_->Commit(change);
  EXPECT_EQ(stored->profile.create_time().seconds(), 1'700'000'000);
  EXPECT_EQ(stored->profile.update_time().nanos(), 123'456'789);
  EXPECT_EQ(this->store_->Load()->profiles[0].profile.SerializeAsString(),
            stored->profile.SerializeAsString());
}

TYPED_TEST(Stores, ListsRevisionsInPages) {
  std::string revision;
  for (int i = 0; i < 5; ++i) {
    revision = this->Put("profiles/a", i, revision).profile.revision();
  }
  EXPECT_THAT(this->Revisions("profiles/a", "", 2), ElementsAre("5", "4"));
  EXPECT_THAT(this->Revisions("profiles/a", "4", 2), ElementsAre("3", "2"));
  EXPECT_THAT(this->Revisions("profiles/a", "2", 2), ElementsAre("1"));
  EXPECT_THAT(this->Revisions("profiles/a", "1", 2), ElementsAre());
  EXPECT_THAT(this->Revisions("profiles/a", "x", 2), ElementsAre());
  EXPECT_THAT(this->Revisions("profiles/a", "99999999999999999999", 2),
              ElementsAre());
  EXPECT_THAT(this->Revisions("profiles/b"), ElementsAre());
}

TYPED_TEST(Stores, UnknownRevisionsAreNotFound) {
  this->Put("profiles/a", 1, "");
  for (const char* revision :
       {"", "0", "2", "01", "+1", "-1", "1x", "sha256-0000000000000000",
        "18446744073709551615", "9223372036854775808"}) {
    const auto read = this->store_->GetRevision("profiles/a", revision);
    EXPECT_EQ(Code(read.status()), "NOT_FOUND") << revision;
  }
  EXPECT_EQ(Code(this->store_->GetRevision("profiles/b", "1").status()),
            "NOT_FOUND");
}

TYPED_TEST(Stores, TheOldestRevisionsGoFirstAndNoNumberComesTwice) {
  StoreLimits limits;
  limits.revisions_max = 3;
  this->Reopen(limits);
  std::string revision;
  for (int i = 0; i < 10; ++i) {
    revision = this->Put("profiles/a", i, revision).profile.revision();
  }
  EXPECT_THAT(this->Revisions("profiles/a"), ElementsAre("10", "9", "8"));
  EXPECT_EQ(Code(this->store_->GetRevision("profiles/a", "7").status()),
            "NOT_FOUND");
  ASSERT_TRUE(this->store_->Commit(DeleteChange("profiles/a", "10")).ok());
  EXPECT_EQ(this->Put("profiles/a", 1, "").profile.revision(), "11");
}

TYPED_TEST(Stores, NamesHaveALimitAndDeletedOnesCount) {
  StoreLimits limits;
  limits.names_max = 2;
  this->Reopen(limits);
  this->Put("profiles/a", 1, "");
  this->Put("profiles/b", 1, "");
  ASSERT_TRUE(this->store_->Commit(DeleteChange("profiles/a", "1")).ok());
  const auto third =
      this->store_->Commit(PutChange("profiles/c", WithTemperature(1), ""));
  EXPECT_EQ(Code(third.status()), "RESOURCE_EXHAUSTED");
  EXPECT_THAT(std::string(third.status().message()), HasSubstr("2 names"));
  EXPECT_EQ(this->Put("profiles/a", 1, "").profile.revision(), "2");
}

TYPED_TEST(Stores, TheSequenceCountsEveryChange) {
  EXPECT_EQ(this->store_->Load()->sequence, 0u);
  this->Put("profiles/a", 1, "");
  this->Put("profiles/a", 1, "1");
  ASSERT_TRUE(this->store_->Commit(DeleteChange("profiles/a", "2")).ok());
  EXPECT_FALSE(this->store_->Commit(DeleteChange("profiles/a", "2")).ok());
  EXPECT_EQ(this->store_->Load()->sequence, 3u);
}

TYPED_TEST(Stores, LoadsByName) {
  for (const char* name : {"profiles/b", "profiles/c", "profiles/a"}) {
    this->Put(name, 1, "");
  }
  std::vector<std::string> names;
  const auto loaded = this->store_->Load();
  for (const auto& stored : loaded->profiles) {
    names.push_back(stored.profile.name());
  }
  EXPECT_THAT(names, ElementsAre("profiles/a", "profiles/b", "profiles/c"));
}

// Everybody tries to be the next one: exactly one is, each time.
TYPED_TEST(Stores, OfWritersThatExpectTheSameOneWins) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 40;
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        const std::string expected = i == 0 ? "" : absl::StrCat(i);
        const auto stored = this->store_->Commit(
            PutChange("profiles/a", WithTemperature(i), expected));
        if (stored.ok()) ++won;
        // The others go on when the round is decided, whoever has won it.
        EXPECT_TRUE(stored.ok() || absl::IsAborted(stored.status()) ||
                    absl::IsAlreadyExists(stored.status()))
            << stored.status();
        EXPECT_TRUE(
            this->store_->GetRevision("profiles/a", absl::StrCat(i + 1)).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(won, kRounds);
  EXPECT_EQ(this->Revisions("profiles/a", "", 1000).size(), size_t{kRounds});
}

}  // namespace
}  // namespace logitd
