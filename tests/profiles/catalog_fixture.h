// A catalog over two stores whose moods the test makes.
#ifndef LOGITD_TESTS_PROFILES_CATALOG_FIXTURE_H_
#define LOGITD_TESTS_PROFILES_CATALOG_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/profiles/catalog.h"
#include "service/profiles/memory_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {

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

}  // namespace logitd

#endif  // LOGITD_TESTS_PROFILES_CATALOG_FIXTURE_H_
