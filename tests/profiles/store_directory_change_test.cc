// The folder of YAML files: half-written files, swaps, files that go.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "tests/profiles/store_directory_fixture.h"

namespace logitd {
namespace {

// Written byte by byte, in place, slowly: what is in force is old or new.
TEST_F(DirectoryStores, AHalfWrittenFileIsNeverInForce) {
  WriteFile(folder_ / "a.yaml", YamlOf(0.1));
  Open();
  const std::string text =
      "description: new\ndefault_params: {temperature: 0.75}\n";
  std::ofstream file(folder_ / "a.yaml", std::ios::trunc);
  for (const char c : text) {
    file << c << std::flush;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_EQ(Temperature("a"), 0.1);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_EQ(Temperature("a"), 0.1) << "its writer still has it open";
  file.close();
  ASSERT_TRUE(Becomes("a", 0.75));
  std::lock_guard<std::mutex> lock(mu_);
  EXPECT_EQ(changes_.size(), 1u) << "something in between was in force";
}

// Each prefix of a file, whole on disk: the old content, or what it says.
TEST_F(DirectoryStores, EveryTruncationLeavesAProfileInForce) {
  const std::string text = "description: d\n" + YamlOf(0.125);
  WriteFile(folder_ / "a.yaml", text);
  Open();
  for (size_t size = 0; size < text.size(); size += 3) {
    std::filesystem::resize_file(folder_ / "a.yaml", 0);
    WriteFile(folder_ / "a.yaml", text.substr(0, size));
    ASSERT_EQ(store_->Load()->profiles.size(), 1u) << size;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ASSERT_EQ(store_->Load()->profiles.size(), 1u) << size;
  }
}

TEST_F(DirectoryStores, ARenamingEditorDeletesNothing) {
  WriteFile(folder_ / "a.yaml", YamlOf(0.1));
  options_.settle = absl::Seconds(1);
  Open();
  std::filesystem::rename(folder_ / "a.yaml", folder_ / "a.yaml~");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  WriteFile(folder_ / "a.yaml", YamlOf(0.2));
  ASSERT_TRUE(Becomes("a", 0.2));
  std::lock_guard<std::mutex> lock(mu_);
  EXPECT_EQ(changes_.size(), 1u);
  EXPECT_FALSE(changes_[0].deleted);
}

TEST_F(DirectoryStores, AFolderThatGoesChangesNothingAndMayComeBack) {
  const std::string path = folder_ / "profiles";
  std::filesystem::create_directory(path);
  WriteFile(path + "/a.yaml", YamlOf(0.1));
  options_.path = path;
  Open();
  std::filesystem::rename(path, folder_ / "aside");
  ASSERT_TRUE(
      Eventually([&] { return absl::IsUnavailable(store_->Health()); }));
  EXPECT_EQ(Temperature("a"), 0.1);
  std::filesystem::create_directory(path);
  WriteFile(path + "/a.yaml", YamlOf(0.2));
  EXPECT_TRUE(Becomes("a", 0.2));
  EXPECT_TRUE(IsHealthy()) << HealthText();
}

TEST_F(DirectoryStores, KeepsSixteenRevisions) {
  WriteFile(folder_ / "a.yaml", YamlOf(1));
  Open();
  for (int i = 2; i <= 20; ++i) {
    WriteFile(folder_ / "a.yaml", YamlOf(i));
    ASSERT_TRUE(Becomes("a", i));
  }
  const auto listed = store_->ListRevisions("profiles/a", "", 100);
  ASSERT_EQ(listed->size(), 16u);
  EXPECT_EQ(listed->back().profile.default_params().temperature(), 5);
  const auto page = store_->ListRevisions(
      "profiles/a", (*listed)[13].profile.revision(), 100);
  EXPECT_EQ(page->size(), 2u);
  // An old content again is the old revision, in front.
  WriteFile(folder_ / "a.yaml", YamlOf(10));
  ASSERT_TRUE(Becomes("a", 10));
  EXPECT_EQ(store_->ListRevisions("profiles/a", "", 100)->size(), 16u);
}

// What Kubernetes does, while a reader looks: never a mix of two versions.
TEST_F(DirectoryStores, SymlinkSwapsAreSeenWhole) {
  constexpr int kVersions = 150;
  constexpr int kFiles = 10;
  const auto version = [](int v) {
    std::map<std::string, std::string> files;
    for (int i = 0; i < kFiles; ++i) {
      files[absl::StrCat("p", i, ".yaml")] = YamlOf(v);
    }
    return files;
  };
  Swap(0, version(1));
  Open();
  std::atomic<bool> done = false;
  std::atomic<int> looks = 0;
  std::thread reader([&] {
    double last = 0;
    while (!done) {
      const auto loaded = store_->Load();
      ASSERT_EQ(loaded->profiles.size(), size_t{kFiles});
      const double first =
          loaded->profiles[0].profile.default_params().temperature();
      for (const auto& stored : loaded->profiles) {
        ASSERT_EQ(stored.profile.default_params().temperature(), first);
      }
      ASSERT_GE(first, last) << "an old version came back";
      last = first;
      ++looks;
    }
  });
  for (int v = 1; v < kVersions; ++v) {
    Swap(v, version(v + 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(v % 20));
  }
  EXPECT_TRUE(Becomes("p0", kVersions));
  done = true;
  reader.join();
  EXPECT_GT(looks, 100);
  std::lock_guard<std::mutex> lock(mu_);
  EXPECT_GT(changes_.size(), 10u * kFiles) << "hardly a version was seen";
  EXPECT_TRUE(IsHealthy()) << HealthText();
}

TEST_F(DirectoryStores, AKeyThatLeavesTheConfigMapIsDeleted) {
  Swap(0, {{"a.yaml", YamlOf(0.1)}, {"b.yaml", YamlOf(0.1)}});
  Open();
  Swap(1, {{"a.yaml", YamlOf(0.2)}});
  ASSERT_TRUE(Becomes("b", -1));
  EXPECT_EQ(Temperature("a"), 0.2);
}

TEST_F(DirectoryStores, ABurstEndsInTheLastState) {
  Open();
  for (int round = 1; round <= 20; ++round) {
    for (int i = 0; i < 50; ++i) {
      WriteFile(folder_ / absl::StrCat("p", i, ".yaml"), YamlOf(round));
    }
  }
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Becomes(absl::StrCat("p", i), 20)) << i;
  }
}

}  // namespace
}  // namespace logitd
