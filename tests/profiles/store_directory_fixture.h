// A folder of YAML files, the store that follows it, and what it told.
#ifndef LOGITD_TESTS_PROFILES_STORE_DIRECTORY_FIXTURE_H_
#define LOGITD_TESTS_PROFILES_STORE_DIRECTORY_FIXTURE_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/profiles/directory_store.h"
#include "tests/profiles/store_support.h"

namespace logitd {

inline std::string YamlOf(double temperature) {
  return absl::StrCat("default_params:\n  temperature: ", temperature, "\n");
}

class DirectoryStores : public testing::Test {
 protected:
  DirectoryStores() {
    options_.path = folder_.path();
    options_.rescan = absl::Milliseconds(200);
    options_.settle = absl::Milliseconds(30);
  }

  void Open() {
    auto store = DirectoryStore::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    const auto loaded = store_->Load();
    for (const StoredRevision& stored : loaded->profiles) Tell(stored);
    store_->Subscribe([this](ChangeBatch batch) {
      std::lock_guard<std::mutex> lock(mu_);
      EXPECT_GT(batch.sequence, last_sequence_);
      last_sequence_ = batch.sequence;
      for (auto& change : batch.changes) {
        changes_.push_back(change);
        Tell(change);
      }
    });
  }

  void Tell(const StoredRevision& stored) {
    told_[stored.profile.name()] =
        stored.deleted ? -1 : stored.profile.default_params().temperature();
  }

  // The temperature in force; -1: none.
  double Temperature(absl::string_view id) const {
    const auto loaded = store_->Load();
    for (const StoredRevision& stored : loaded->profiles) {
      if (stored.profile.name() == absl::StrCat("profiles/", id)) {
        return stored.profile.default_params().temperature();
      }
    }
    return -1;
  }

  // In force, and told to the subscriber, which comes a little later.
  bool Becomes(absl::string_view id, double temperature) {
    return Eventually([&] {
      std::lock_guard<std::mutex> lock(mu_);
      const auto told = told_.find(absl::StrCat("profiles/", id));
      return (told == told_.end() ? -1 : told->second) == temperature &&
             Temperature(id) == temperature;
    });
  }

  bool IsHealthy() const { return store_->Health().ok(); }
  std::string HealthText() const {
    return std::string(store_->Health().message());
  }

  // One version of a ConfigMap, as the kubelet puts it there: all files in a
  // folder of its own, then one rename.
  void Swap(int version, const std::map<std::string, std::string>& files) {
    const std::string data = absl::StrCat("..", version);
    std::filesystem::create_directory(folder_ / data);
    for (const auto& [file, text] : files) {
      WriteFile(absl::StrCat(folder_ / data, "/", file), text);
      const std::string link = folder_ / file;
      (void)!symlink(absl::StrCat("..data/", file).c_str(), link.c_str());
    }
    const std::string staged = folder_ / "..data_tmp";
    ASSERT_EQ(symlink(data.c_str(), staged.c_str()), 0);
    std::filesystem::rename(staged, folder_ / "..data");
    if (version > 0) {
      std::filesystem::remove_all(folder_ / absl::StrCat("..", version - 1));
    }
  }

  TempFolder folder_;
  DirectoryOptions options_;
  std::mutex mu_;
  uint64_t last_sequence_ = 0;
  std::vector<StoredRevision> changes_;
  std::map<std::string, double> told_;
  std::unique_ptr<DirectoryStore> store_;  // its thread uses the above
};

}  // namespace logitd

#endif  // LOGITD_TESTS_PROFILES_STORE_DIRECTORY_FIXTURE_H_
