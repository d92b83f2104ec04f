// What undoes a write, what is no write, and what may not be written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "service/profiles/catalog.h"
#include "service/profiles/memory_store.h"
#include "service/profiles/sqlite_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using testing::HasSubstr;

// Over each store that can be written.
class CatalogUndo : public ::testing::TestWithParam<const char*> {
 protected:
  CatalogUndo() { Open({}); }

  void Open(const CatalogOptions& options) {
    catalog_ = *Catalog::Open(options, NewStore(), {});
  }
  std::unique_ptr<Store> NewStore() {
    catalog_.reset();  // lets go of its folder
    if (GetParam() == std::string("memory")) {
      return std::make_unique<MemoryStore>();
    }
    folder_ = std::make_unique<TempFolder>();
    return *SqliteStore::Open(folder_->path(), {});
  }

  static v1::Profile Warm(double temperature) {
    v1::Profile profile;
    profile.mutable_default_params()->set_temperature(temperature);
    return profile;
  }
  absl::StatusOr<Written> Set(double temperature, const std::string& etag = "",
                              bool validate_only = false) {
    const auto edit = [temperature](v1::Profile* profile) {
      profile->mutable_default_params()->set_temperature(temperature);
      return absl::OkStatus();
    };
    return catalog_->Update("chat", etag, edit, validate_only);
  }
  double Temperature() {
    return (*catalog_->Get("chat"))->default_params().temperature();
  }

  std::unique_ptr<TempFolder> folder_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_P(CatalogUndo, WhatChangesNothingMakesNoRevision) {
  ASSERT_TRUE(catalog_->Create("chat", Warm(0.1)).ok());
  const uint64_t changes = catalog_->change_count();
  for (const bool validate_only : {true, false}) {
    const auto written = Set(0.1, "", validate_only);
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_EQ(written->before, written->after);
    EXPECT_EQ(written->after->revision(), "1");
    const auto rolled = catalog_->Rollback("chat", "1", "", validate_only);
    ASSERT_TRUE(rolled.ok()) << rolled.status();
    EXPECT_EQ(rolled->after->revision(), "1");
  }
  EXPECT_EQ(catalog_->change_count(), changes);
  EXPECT_EQ(Code(Set(0.1, "\"1-0\"").status()), "ABORTED");
  EXPECT_EQ((*Set(0.2)).after->revision(), "2");
}

TEST_P(CatalogUndo, RollbackBringsBackADeletedProfile) {
  ASSERT_TRUE(catalog_->Create("chat", Warm(0.1)).ok());
  ASSERT_TRUE(Set(0.2).ok());
  const std::string etag = (*catalog_->Get("chat"))->etag();
  ASSERT_TRUE(catalog_->Delete("chat", "").ok());
  EXPECT_EQ(Code(catalog_->Get("chat").status()), "NOT_FOUND");
  const auto guarded = catalog_->Rollback("chat", "1", etag);
  EXPECT_EQ(Code(guarded.status()), "ABORTED");
  EXPECT_THAT(std::string(guarded.status().message()),
              HasSubstr("but profiles/chat is deleted"));
  EXPECT_EQ(Code(catalog_->Rollback("chat", "7", "").status()),
            "FAILED_PRECONDITION");
  EXPECT_TRUE(catalog_->Rollback("chat", "1", "", true).ok());
  EXPECT_EQ(Code(catalog_->Get("chat").status()), "NOT_FOUND");
  const auto written = catalog_->Rollback("chat", "1", "");
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->before, nullptr);
  EXPECT_EQ(written->after->revision(), "3");
  EXPECT_EQ(Temperature(), 0.1);
  EXPECT_EQ(catalog_->ListRevisions("chat", 0, "")->profiles.size(), 3u);
}

TEST_P(CatalogUndo, WhatNeverWasCannotBeBroughtBack) {
  EXPECT_EQ(Code(catalog_->Rollback("chat", "1", "").status()), "NOT_FOUND");
}

TEST_P(CatalogUndo, WhatIsBroughtBackNeedsRoom) {
  CatalogOptions options;
  options.profiles_max = 1;
  Open(options);
  ASSERT_TRUE(catalog_->Create("chat", Warm(0.1)).ok());
  ASSERT_TRUE(catalog_->Delete("chat", "").ok());
  ASSERT_TRUE(catalog_->Create("code", Warm(0.2)).ok());
  const auto refused = catalog_->Rollback("chat", "1", "");
  EXPECT_EQ(Code(refused.status()), "RESOURCE_EXHAUSTED");
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("name: there are 1 profiles already (--max_profiles)"));
}

TEST_P(CatalogUndo, WhatWasBroughtBackIsThereAfterARestart) {
  if (GetParam() == std::string("memory")) return;  // it keeps nothing
  ASSERT_TRUE(catalog_->Create("chat", Warm(0.1)).ok());
  ASSERT_TRUE(catalog_->Delete("chat", "").ok());
  ASSERT_TRUE(catalog_->Rollback("chat", "1", "").ok());
  catalog_.reset();
  catalog_ = *Catalog::Open({}, *SqliteStore::Open(folder_->path(), {}), {});
  EXPECT_EQ((*catalog_->Get("chat"))->revision(), "2");
}

TEST_P(CatalogUndo, ADeletionCanBeTried) {
  ASSERT_TRUE(catalog_->Create("chat", Warm(0.1)).ok());
  const auto tried = catalog_->Delete("chat", "", true);
  ASSERT_TRUE(tried.ok()) << tried.status();
  EXPECT_EQ(tried->before->revision(), "1");
  EXPECT_EQ(Temperature(), 0.1);
  EXPECT_EQ(Code(catalog_->Delete("chat", "\"1-0\"", true).status()),
            "ABORTED");
  EXPECT_EQ(Code(catalog_->Delete("code", "", true).status()), "NOT_FOUND");
}

TEST_P(CatalogUndo, TheDefaultIsNotDeleted) {
  for (const char* name : {"chat", "profiles/chat"}) {
    CatalogOptions options;
    options.undeletable = name;
    Open(options);
    ASSERT_TRUE(catalog_->Create("chat", Warm(0.1)).ok());
    ASSERT_TRUE(catalog_->Create("chatty", Warm(0.1)).ok());
    for (const bool validate_only : {true, false}) {
      const auto refused = catalog_->Delete("chat", "", validate_only);
      EXPECT_EQ(Code(refused.status()), "FAILED_PRECONDITION");
      EXPECT_THAT(std::string(refused.status().message()),
                  HasSubstr("--default_profile"));
    }
    EXPECT_EQ(Temperature(), 0.1);
    EXPECT_TRUE(catalog_->Delete("chatty", "").ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Over, CatalogUndo,
                         ::testing::Values("memory", "sqlite"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace logitd
