// The catalog over its stores: names, etags, owners, limits.
#include "service/profiles/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "tests/profiles/catalog_fixture.h"

namespace logitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(Catalogs, GetTakesEveryFormOfAName) {
  Open();
  Create("chat", 0.5);
  ASSERT_TRUE(Update("chat", 0.6).ok());
  for (const char* name :
       {"chat", "profiles/chat", "chat@2", "profiles/chat@2"}) {
    const auto got = catalog_->Get(name);
    ASSERT_TRUE(got.ok()) << name << got.status();
    EXPECT_EQ((*got)->revision(), "2");
  }
  EXPECT_EQ((*catalog_->Get("chat@1"))->default_params().temperature(), 0.5);
  EXPECT_EQ(CodeOfGet("other"), "NOT_FOUND");
  EXPECT_EQ(CodeOfGet("other@1"), "NOT_FOUND");
  for (const char* name : {"", "Chat", "a/b", "profiles/", "chat@", "chat@1@2",
                           "profiles/profiles/chat", "chat@a b", "@1"}) {
    EXPECT_EQ(CodeOfGet(name), "INVALID_ARGUMENT") << name;
  }
}

TEST_F(Catalogs, AnUnknownRevisionNamesThoseThereAre) {
  Open();
  Create("chat", 0.5);
  ASSERT_TRUE(Update("chat", 0.6).ok());
  const auto got = catalog_->Get("chat@9");
  EXPECT_EQ(Code(got.status()), "FAILED_PRECONDITION");
  EXPECT_EQ(std::string(got.status().message()),
            "name: profiles/chat has no revision 9; there are 2, 1");
}

TEST_F(Catalogs, TheLastRevisionsComeFromMemory) {
  Open();
  Create("chat", 0);
  for (int i = 1; i < 10; ++i) ASSERT_TRUE(Update("chat", i).ok());
  writable_->mood = absl::UnavailableError("store: away");
  for (const char* name : {"chat", "chat@10", "chat@9", "chat@8", "chat@7"}) {
    EXPECT_EQ(CodeOfGet(name), "OK") << name;
  }
  EXPECT_EQ(writable_->reads, 0);
  EXPECT_EQ(CodeOfGet("chat@6"), "UNAVAILABLE");
  writable_->mood = absl::OkStatus();
  EXPECT_EQ((*catalog_->Get("chat@6"))->default_params().temperature(), 5);
}

TEST_F(Catalogs, WhileAStoreIsAwayReadsGoOnAndWritesDoNot) {
  Open();
  Create("chat", 0.5);
  writable_->mood = absl::UnavailableError("store: away");
  EXPECT_EQ(CodeOfGet("chat"), "OK");
  EXPECT_THAT(Names(catalog_->List(0, "", "")), ElementsAre("profiles/chat"));
  EXPECT_EQ(Code(Update("chat", 1).status()), "UNAVAILABLE");
  EXPECT_EQ(Code(catalog_->Health()[1].status), "UNAVAILABLE");
  EXPECT_EQ(catalog_->Health()[1].store, "memory");
  EXPECT_EQ((*catalog_->Get("chat"))->default_params().temperature(), 0.5);
}

TEST_F(Catalogs, EtagsGuardWrites) {
  Open();
  const std::string first = Create("chat", 0.5)->etag();
  const auto second = Update("chat", 0.6, first);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->before->etag(), first);
  EXPECT_NE(second->after->etag(), first);
  for (const std::string& etag : {first, std::string("x"), std::string("2")}) {
    EXPECT_EQ(Code(Update("chat", 0.7, etag).status()), "ABORTED");
    EXPECT_EQ(Code(catalog_->Delete("chat", etag).status()), "ABORTED");
    EXPECT_EQ(Code(catalog_->Rollback("chat", "1", etag).status()), "ABORTED");
  }
  EXPECT_EQ((*catalog_->Get("chat"))->revision(), "2");
  EXPECT_TRUE(catalog_->Rollback("chat", "1", second->after->etag()).ok());
}

TEST_F(Catalogs, WritesTellBeforeAndAfter) {
  Open();
  const auto made = catalog_->Create("chat", WithTemperature(0.5));
  EXPECT_EQ(made->before, nullptr);
  EXPECT_EQ(made->after->revision(), "1");
  const auto changed = Update("chat", 0.6);
  EXPECT_EQ(changed->before->revision(), "1");
  EXPECT_EQ(changed->after->revision(), "2");
  EXPECT_EQ(changed->after->create_time().seconds(),
            made->after->create_time().seconds());
  EXPECT_GT(changed->after->update_time().seconds(),
            made->after->update_time().seconds());
  const auto gone = catalog_->Delete("profiles/chat", "");
  EXPECT_EQ(gone->before->revision(), "2");
  EXPECT_EQ(gone->after, nullptr);
}

TEST_F(Catalogs, RollbackMakesANewRevisionOfTheOldContent) {
  Open();
  Create("chat", 0.5);
  ASSERT_TRUE(Update("chat", 0.6).ok());
  const auto back = catalog_->Rollback("chat", "1", "");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->after->revision(), "3");
  EXPECT_EQ(back->after->default_params().temperature(), 0.5);
  EXPECT_EQ(Code(catalog_->Rollback("chat", "9", "").status()),
            "FAILED_PRECONDITION");
  EXPECT_EQ(Code(catalog_->Rollback("other", "1", "").status()), "NOT_FOUND");
  EXPECT_EQ(Code(catalog_->Rollback("chat", "", "").status()),
            "INVALID_ARGUMENT");
  EXPECT_EQ(Code(catalog_->Rollback("chat@1", "1", "").status()),
            "INVALID_ARGUMENT");
}

TEST_F(Catalogs, DeletedProfilesStayReadableByNumber) {
  Open();
  Create("chat", 0.5);
  ASSERT_TRUE(catalog_->Delete("chat", "").ok());
  EXPECT_EQ(CodeOfGet("chat"), "NOT_FOUND");
  EXPECT_EQ(CodeOfGet("chat@1"), "OK");
  EXPECT_EQ(CodeOfGet("chat@2"), "FAILED_PRECONDITION");
  EXPECT_EQ(Code(Update("chat", 1).status()), "NOT_FOUND");
  EXPECT_EQ(Code(catalog_->Delete("chat", "").status()), "NOT_FOUND");
  EXPECT_EQ(catalog_->ListRevisions("chat", 0, "")->profiles.size(), 1u);
  EXPECT_EQ(catalog_->size(), 0u);
  EXPECT_EQ(Create("chat", 0.6)->revision(), "2");
  EXPECT_EQ(catalog_->size(), 1u);
}

TEST_F(Catalogs, CreateChecks) {
  options_.profiles_max = 2;
  options_.validate = [](const v1::Profile& profile) {
    return profile.description() == "bad"
               ? absl::InvalidArgumentError("description: bad")
               : absl::OkStatus();
  };
  Open();
  const auto create = [&](absl::string_view id, const v1::Profile& content) {
    return Code(catalog_->Create(id, content).status());
  };
  v1::Profile bad;
  bad.set_description("bad");
  v1::Profile large;
  large.set_description(std::string(16'384, 'x'));
  EXPECT_EQ(create("A", {}), "INVALID_ARGUMENT");
  EXPECT_EQ(create("a/b", {}), "INVALID_ARGUMENT");
  EXPECT_EQ(create("a", bad), "INVALID_ARGUMENT");
  EXPECT_EQ(create("a", large), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(create("a", {}), "OK");
  EXPECT_EQ(create("a", {}), "ALREADY_EXISTS");
  EXPECT_EQ(create("b", {}), "OK");
  EXPECT_EQ(create("c", {}), "RESOURCE_EXHAUSTED");
  ASSERT_TRUE(catalog_->Delete("a", "").ok());
  EXPECT_EQ(create("c", {}), "OK");
}

TEST_F(Catalogs, ValidateOnlyChecksEverythingAndStoresNothing) {
  Open();
  const auto tried = catalog_->Create("chat", WithTemperature(0.5), true);
  ASSERT_TRUE(tried.ok());
  EXPECT_EQ(tried->after->name(), "profiles/chat");
  EXPECT_EQ(tried->after->revision(), "");
  EXPECT_EQ(catalog_->size(), 0u);
  Create("chat", 0.5);
  EXPECT_EQ(Code(catalog_->Create("chat", {}, true).status()),
            "ALREADY_EXISTS");
  const auto edit = [](v1::Profile* profile) {
    profile->set_description("new");
    return absl::OkStatus();
  };
  EXPECT_EQ(catalog_->Update("chat", "", edit, true)->after->description(),
            "new");
  EXPECT_EQ((*catalog_->Get("chat"))->description(), "");
  EXPECT_EQ(catalog_->change_count(), 1u);
}

TEST_F(Catalogs, AnEditThatFailsChangesNothing) {
  Open();
  Create("chat", 0.5);
  const auto failed = catalog_->Update("chat", "", [](v1::Profile* profile) {
    profile->set_description("half");
    return absl::InvalidArgumentError("update_mask: x");
  });
  EXPECT_EQ(Code(failed.status()), "INVALID_ARGUMENT");
  EXPECT_EQ((*catalog_->Get("chat"))->revision(), "1");
}

TEST_F(Catalogs, ReadOnlyStoresOwnTheirNames) {
  Open();
  Create("chat", 0.5);
  files_->Outside(PutChange("profiles/chat", WithTemperature(0.9), ""));
  EXPECT_EQ((*catalog_->Get("chat"))->source(), "memory");  // MoodyStore's
  EXPECT_EQ((*catalog_->Get("chat"))->default_params().temperature(), 0.9);
  EXPECT_EQ(Code(Update("chat", 1).status()), "FAILED_PRECONDITION");
  EXPECT_EQ(Code(catalog_->Delete("chat", "").status()), "FAILED_PRECONDITION");
  EXPECT_EQ(Code(catalog_->Create("chat", {}).status()), "FAILED_PRECONDITION");
  EXPECT_EQ(Code(catalog_->Rollback("chat", "1", "").status()),
            "FAILED_PRECONDITION");
  EXPECT_EQ(catalog_->size(), 1u);
  files_->Outside(DeleteChange("profiles/chat", "1"));
  EXPECT_EQ((*catalog_->Get("chat"))->default_params().temperature(), 0.5);
  EXPECT_TRUE(Update("chat", 1).ok());
  EXPECT_EQ(catalog_->size(), 1u);
}

TEST_F(Catalogs, WithoutAWritableStoreWritesAreRefused) {
  held_writable_ = nullptr;
  Open();
  EXPECT_EQ(Code(catalog_->Create("chat", {}).status()), "FAILED_PRECONDITION");
}

// As an etcd store will: the commit's answer and the feed tell the same.
TEST_F(Catalogs, WhatAFeedRepeatsIsNoNews) {
  Open();
  auto watcher = *catalog_->Watch("", nullptr);
  ASSERT_EQ(watcher->Next(absl::ZeroDuration())->event, v1::WATCH_EVENT_SYNCED);
  writable_->echo = true;
  Create("chat", 0.5);
  ASSERT_TRUE(Update("chat", 0.6).ok());
  const StoredRevision old = *writable_->GetRevision("profiles/chat", "2");
  ASSERT_TRUE(catalog_->Delete("chat", "").ok());
  writable_->Tell(old);  // late
  EXPECT_EQ(CodeOfGet("chat"), "NOT_FOUND");
  std::vector<int> events;
  while (auto item = watcher->Next(absl::ZeroDuration())) {
    events.push_back(item->event);
  }
  EXPECT_THAT(events,
              ElementsAre(v1::WATCH_EVENT_REVISION, v1::WATCH_EVENT_REVISION,
                          v1::WATCH_EVENT_DELETED));
}

TEST_F(Catalogs, ChangesDuringTheLoadAreNotLost) {
  files_->during_load = [this] {
    files_->during_load = nullptr;
    files_->Outside(PutChange("profiles/a", WithTemperature(1), ""));
  };
  const auto late = [this] {
    files_->Outside(PutChange("profiles/b", WithTemperature(1), ""));
  };
  Open();
  late();
  EXPECT_EQ(CodeOfGet("a"), "OK");
  EXPECT_EQ(CodeOfGet("b"), "OK");
  EXPECT_EQ(catalog_->change_count(), 1u) << "what was loaded is no change";
}

TEST_F(Catalogs, AStoreThatCannotBeLoadedIsTold) {
  writable_->mood = absl::UnavailableError("store: away");
  const auto catalog = Catalog::Open(options_, std::move(held_writable_), {});
  EXPECT_EQ(Code(catalog.status()), "UNAVAILABLE");
}

}  // namespace
}  // namespace logitd
