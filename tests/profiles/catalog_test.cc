// The catalog over its stores: names, etags, owners, lists, limits.
#include "service/profiles/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "service/profiles/memory_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A store whose moods the test makes.
class MoodyStore : public Store {
 public:
  MoodyStore(std::string store_name, bool is_writable)
      : name_(std::move(store_name)), writable_(is_writable) {}

  absl::string_view name() const override { return name_; }
  bool writable() const override { return writable_; }
  absl::StatusOr<LoadedStore> Load() override {
    if (!mood.ok()) return mood;
    if (during_load) during_load();
    return memory_.Load();
  }
  absl::StatusOr<StoredRevision> Commit(const Change& change) override {
    if (!mood.ok()) return mood;
    auto stored = memory_.Commit(change);
    if (stored.ok() && echo) Tell(*stored);
    return stored;
  }
  absl::StatusOr<StoredRevision> GetRevision(
      absl::string_view name, absl::string_view revision) override {
    if (!mood.ok()) return mood;
    ++reads;
    return memory_.GetRevision(name, revision);
  }
  absl::StatusOr<std::vector<StoredRevision>> ListRevisions(
      absl::string_view name, absl::string_view before, size_t count) override {
    if (!mood.ok()) return mood;
    return memory_.ListRevisions(name, before, count);
  }
  void Subscribe(Subscriber subscriber) override {
    subscriber_ = std::move(subscriber);
  }
  absl::Status Health() const override { return mood; }

  // A change past the catalog: by another replica, in a file.
  StoredRevision Outside(const Change& change) {
    StoredRevision stored = *memory_.Commit(change);
    Tell(stored);
    return stored;
  }
  void Tell(const StoredRevision& stored) {
    subscriber_({memory_.Load()->sequence, {stored}});
  }

  absl::Status mood;
  bool echo = false;
  int reads = 0;
  std::function<void()> during_load;

 private:
  const std::string name_;
  const bool writable_;
  MemoryStore memory_;
  Subscriber subscriber_;
};

class Catalogs : public testing::Test {
 protected:
  Catalogs() {
    options_.now = [this] { return now_ += absl::Seconds(1); };
    auto writable = std::make_unique<MoodyStore>("memory", true);
    auto files = std::make_unique<MoodyStore>("directory", false);
    writable_ = writable.get();
    files_ = files.get();
    held_writable_ = std::move(writable);
    held_files_ = std::move(files);
  }

  void Open() {
    std::vector<std::unique_ptr<Store>> read_only;
    read_only.push_back(std::move(held_files_));
    auto catalog = Catalog::Open(options_, std::move(held_writable_),
                                 std::move(read_only));
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    catalog_ = *std::move(catalog);
  }

  ProfilePtr Create(absl::string_view id, double temperature) {
    auto written = catalog_->Create(id, WithTemperature(temperature));
    EXPECT_TRUE(written.ok()) << written.status();
    return written.ok() ? written->after : nullptr;
  }

  absl::StatusOr<Written> Update(absl::string_view name, double temperature,
                                 absl::string_view etag = "") {
    return catalog_->Update(name, etag, [&](v1::Profile* profile) {
      profile->mutable_default_params()->set_temperature(temperature);
      return absl::OkStatus();
    });
  }

  std::string CodeOfGet(absl::string_view name) {
    return Code(catalog_->Get(name).status());
  }

  std::vector<std::string> Names(const absl::StatusOr<ProfilePage>& page) {
    std::vector<std::string> names;
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return names;
    for (const auto& profile : page->profiles) names.push_back(profile->name());
    return names;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  CatalogOptions options_;
  std::unique_ptr<Store> held_writable_;
  std::unique_ptr<Store> held_files_;
  MoodyStore* writable_ = nullptr;
  MoodyStore* files_ = nullptr;
  std::unique_ptr<Catalog> catalog_;
};

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

TEST_F(Catalogs, ListsInPagesThatStayInOrderWhileProfilesComeAndGo) {
  Open();
  for (const char* id : {"d", "b", "a", "c", "e"}) Create(id, 1);
  const auto first = catalog_->List(2, "", "");
  EXPECT_THAT(Names(first), ElementsAre("profiles/a", "profiles/b"));
  Create("aa", 1);
  ASSERT_TRUE(catalog_->Delete("c", "").ok());
  const auto second = catalog_->List(2, first->next_page_token, "");
  EXPECT_THAT(Names(second), ElementsAre("profiles/d", "profiles/e"));
  EXPECT_EQ(second->next_page_token, "");
  EXPECT_EQ(Names(catalog_->List(5000, "", "")).size(), 5u);
}

TEST_F(Catalogs, BadPagesAreRefused) {
  Open();
  for (const char* id : {"a", "b", "c"}) Create(id, 1);
  ASSERT_TRUE(Update("a", 2).ok());
  const auto code = [](const absl::StatusOr<ProfilePage>& page) {
    return Code(page.status());
  };
  const std::string token = catalog_->List(1, "", "")->next_page_token;
  const std::string other =
      catalog_->ListRevisions("a", 1, "")->next_page_token;
  EXPECT_EQ(code(catalog_->List(-1, "", "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, "x", "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, "!", "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, token, "model=\"m\"")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->List(1, other, "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->ListRevisions("b", 1, other)), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->ListRevisions("a", -1, "")), "INVALID_ARGUMENT");
  EXPECT_EQ(code(catalog_->ListRevisions("zz", 1, "")), "NOT_FOUND");
}

TEST_F(Catalogs, PagesEndBeforeAClientsMessageIsFull) {
  Open();
  v1::Profile large;
  large.set_description(std::string(16'000, 'x'));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(catalog_->Create(absl::StrCat("p", i), large).ok());
  }
  std::string token;
  size_t count = 0, pages = 0;
  do {
    const auto page = catalog_->List(1000, token, "");
    size_t bytes = 0;
    for (const auto& profile : page->profiles) bytes += profile->ByteSizeLong();
    EXPECT_LE(bytes, 1u << 20);
    count += page->profiles.size();
    token = page->next_page_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(count, 100u);
  EXPECT_EQ(pages, 2u);
}

TEST_F(Catalogs, ListsRevisionsInPages) {
  Open();
  Create("a", 1);
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(Update("a", i).ok());
  std::string token;
  std::vector<std::string> seen;
  do {
    const auto page = catalog_->ListRevisions("a", 2, token);
    for (const auto& profile : page->profiles) {
      seen.push_back(profile->revision());
    }
    token = page->next_page_token;
  } while (!token.empty());
  EXPECT_THAT(seen, ElementsAre("5", "4", "3", "2", "1"));
}

TEST_F(Catalogs, Filters) {
  Open();
  const auto make = [&](absl::string_view id, const char* team,
                        std::vector<std::string> models) {
    v1::Profile content;
    if (team != nullptr) (*content.mutable_labels())["team"] = team;
    (*content.mutable_labels())["a.b/c"] = "q\"\\";
    for (auto& model : models) content.add_models(model);
    ASSERT_TRUE(catalog_->Create(id, content).ok());
  };
  make("a", "search", {"m", "n"});
  make("b", "search", {});
  make("c", "ads", {"m"});
  make("d", nullptr, {"n"});
  const auto names = [&](absl::string_view filter) {
    std::string joined;
    for (const auto& name : Names(catalog_->List(0, "", filter))) {
      joined += name.back();
    }
    return joined;
  };
  EXPECT_EQ(names(""), "abcd");
  EXPECT_EQ(names("  "), "abcd");
  EXPECT_EQ(names("labels.team=\"search\""), "ab");
  EXPECT_EQ(names("labels.team = \"search\"  AND\tmodel=\"m\" "), "ab");
  EXPECT_EQ(names("model=\"m\""), "abc");
  EXPECT_EQ(names("model=\"m\" AND model=\"n\""), "ab");
  EXPECT_EQ(names("model=\"m\" AND labels.team=\"ads\""), "c");
  EXPECT_EQ(names("labels.team=\"\""), "");
  EXPECT_EQ(names("labels.\"a.b/c\"=\"q\\\"\\\\\""), "abcd");
  EXPECT_EQ(names("labels.none=\"x\""), "");
}

TEST_F(Catalogs, BadFiltersNameTheColumn) {
  Open();
  const std::pair<std::string, const char*> bad[] = {
      {"x=\"y\"", "filter: labels or model is expected at column 1"},
      {"labels=\"y\"", "filter: a dot and a key is expected at column 7"},
      {"labels.=\"y\"", "filter: a key is expected at column 8"},
      {"labels.a:\"y\"", "filter: = is expected at column 9"},
      {"labels.a=y",
       "filter: a value in double quotes is expected at column 10"},
      {"labels.a=\"y", "filter: a closing quote is expected at column 12"},
      {"model=\"a\" OR model=\"b\"",
       "filter: AND or the end is expected at column 11"},
      {"model=\"a\" AND", "filter: a space is expected at column 11"},
      {"model=\"a\" AND ", "filter: labels or model is expected at column 15"},
      {"model=\"a\"AND model=\"b\"",
       "filter: AND or the end is expected at column 10"},
      {"labels.\"a", "filter: a closing quote is expected at column 10"},
  };
  for (const auto& [filter, error] : bad) {
    const auto page = catalog_->List(0, "", filter);
    EXPECT_EQ(Code(page.status()), "INVALID_ARGUMENT") << filter;
    EXPECT_EQ(std::string(page.status().message()), error) << filter;
  }
  EXPECT_EQ(Code(catalog_->List(0, "", std::string(2000, ' ')).status()),
            "INVALID_ARGUMENT");
}

}  // namespace
}  // namespace logitd
