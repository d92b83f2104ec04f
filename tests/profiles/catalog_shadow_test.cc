// Files over stored profiles: who is counted, and what watchers are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/profiles/catalog.h"
#include "service/profiles/memory_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Read-only to the catalog; the test is the one who edits.
class FileStore : public MemoryStore {
 public:
  bool writable() const override { return false; }
  void Subscribe(Subscriber subscriber) override {
    subscriber_ = std::move(subscriber);
  }
  bool Claims(absl::string_view name) const override { return name == bad; }
  void Edit(const Change& change) {
    const StoredRevision stored = *Commit(change);
    subscriber_({Load()->sequence, {stored}});
  }

  std::string bad;  // the name of a file that is not good

 private:
  Subscriber subscriber_;
};

class ShadowedProfiles : public testing::Test {
 protected:
  void SetUp() override {
    options_.profiles_max = 2;
    auto files = std::make_unique<FileStore>();
    files_ = files.get();
    std::vector<std::unique_ptr<Store>> read_only;
    read_only.push_back(std::move(files));
    catalog_ = *Catalog::Open(options_, std::make_unique<MemoryStore>(),
                              std::move(read_only));
    watcher_ = *catalog_->Watch("", nullptr);
    Drain();
  }

  absl::Status Create(const std::string& id) {
    return catalog_->Create(id, WithTemperature(1)).status();
  }
  void Update(const std::string& id, double temperature) {
    const auto edit = [&](v1::Profile* profile) {
      profile->mutable_default_params()->set_temperature(temperature);
      return absl::OkStatus();
    };
    ASSERT_TRUE(catalog_->Update(id, "", edit).ok());
  }
  void AddFile(const std::string& id, const std::string& before = "") {
    files_->Edit(PutChange("profiles/" + id, WithTemperature(7), before));
  }
  void RemoveFile(const std::string& id, const std::string& before) {
    files_->Edit(DeleteChange("profiles/" + id, before));
  }

  // "REVISION a@2 at 7": 7 is the temperature of files.
  std::vector<std::string> Drain() {
    std::vector<std::string> events;
    while (auto item = watcher_->Next(absl::ZeroDuration())) {
      std::string text = v1::WatchEvent_Name(item->event).substr(12);
      if (item->profile != nullptr) {
        absl::StrAppend(&text, " ", item->profile->name().substr(9), "@",
                        item->profile->revision());
      }
      if (item->profile != nullptr && item->profile->has_default_params()) {
        absl::StrAppend(&text, " at ",
                        item->profile->default_params().temperature());
      }
      events.push_back(text);
    }
    return events;
  }

  CatalogOptions options_;
  FileStore* files_ = nullptr;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Watcher> watcher_;
};

TEST_F(ShadowedProfiles, AreToldAsPresentWhenTheFileGoes) {
  ASSERT_TRUE(Create("x").ok());
  Update("x", 2);
  EXPECT_THAT(Drain(), ElementsAre("REVISION x@1 at 1", "REVISION x@2 at 2"));
  AddFile("x");
  EXPECT_THAT(Drain(), ElementsAre("REVISION x@1 at 7"));
  RemoveFile("x", "1");
  EXPECT_THAT(Drain(), ElementsAre("DELETED x@1", "PRESENT x@2 at 2"));
  EXPECT_EQ((*catalog_->Get("x"))->revision(), "2");
  EXPECT_EQ(catalog_->size(), 1u);
  Update("x", 3);
  ASSERT_TRUE(catalog_->Delete("x", "").ok());
  EXPECT_THAT(Drain(), ElementsAre("REVISION x@3 at 3", "DELETED x@3"));
  EXPECT_EQ(catalog_->size(), 0u);
}

TEST_F(ShadowedProfiles, AFileAloneIsDeletedAndNothingElse) {
  AddFile("x");
  RemoveFile("x", "1");
  EXPECT_THAT(Drain(), ElementsAre("REVISION x@1 at 7", "DELETED x@1"));
}

TEST_F(ShadowedProfiles, CannotBeMadeWhereAFileIsBad) {
  files_->bad = "profiles/x";
  const absl::Status refused = Create("x");
  EXPECT_EQ(Code(refused), "FAILED_PRECONDITION");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("read-only store"));
  EXPECT_TRUE(Create("y").ok());
  files_->bad = "";
  EXPECT_TRUE(Create("x").ok());
}

TEST_F(ShadowedProfiles, CountUnderMaxProfilesAndFilesDoNot) {
  AddFile("f");
  AddFile("g");
  ASSERT_TRUE(Create("a").ok());
  ASSERT_TRUE(Create("b").ok());
  AddFile("b");  // is stored all the same
  const absl::Status full = Create("c");
  EXPECT_EQ(Code(full), "RESOURCE_EXHAUSTED");
  EXPECT_THAT(std::string(full.message()), HasSubstr("--max_profiles"));
  ASSERT_TRUE(catalog_->Delete("a", "").ok());
  EXPECT_TRUE(Create("c").ok());
}

}  // namespace
}  // namespace logitd
