// The folder of YAML files: swaps, half-written files, files that go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "service/profiles/directory_store.h"
#include "service/profiles/profile_file.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string YamlOf(double temperature) {
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

TEST_F(DirectoryStores, LoadsWhatIsThereAtTheStart) {
  WriteFile(folder_ / "a.yaml", YamlOf(0.1));
  WriteFile(folder_ / "b.yml", YamlOf(0.2));
  WriteFile(folder_ / "c.json", "{\"default_params\": {\"temperature\": 0.3}}");
  WriteFile(folder_ / "README.md", "no profile");
  WriteFile(folder_ / ".hidden.yaml", "no: profile");
  std::filesystem::create_directory(folder_ / "folder");
  Open();
  const auto loaded = store_->Load();
  ASSERT_EQ(loaded->profiles.size(), 3u);
  const v1::Profile& a = loaded->profiles[0].profile;
  EXPECT_EQ(a.name(), "profiles/a");
  EXPECT_EQ(a.source(), "directory");
  EXPECT_THAT(a.revision(), testing::MatchesRegex("sha256-[0-9a-f]{16}"));
  EXPECT_EQ(a.etag().front(), '"');
  EXPECT_GT(a.update_time().seconds(), 1'700'000'000);
  EXPECT_EQ(Temperature("c"), 0.3);
  EXPECT_TRUE(IsHealthy()) << HealthText();
  EXPECT_FALSE(store_->writable());
  EXPECT_EQ(Code(store_->Commit(DeleteChange("profiles/a", "")).status()),
            "FAILED_PRECONDITION");
}

TEST_F(DirectoryStores, TheRevisionIsTheHashOfTheBytes) {
  WriteFile(folder_ / "a.yaml", "description: x\n");
  Open();
  // printf 'description: x\n' | sha256sum | cut -c 1-16
  EXPECT_EQ(store_->Load()->profiles[0].profile.revision(),
            "sha256-af91de3766d413b0");
}

TEST_F(DirectoryStores, AMissingFolderIsRefused) {
  options_.path = folder_ / "nowhere";
  const auto store = DirectoryStore::Open(options_);
  EXPECT_EQ(Code(store.status()), "FAILED_PRECONDITION");
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("nowhere"));
}

TEST_F(DirectoryStores, FollowsFilesThatComeChangeAndGo) {
  Open();
  WriteFile(folder_ / "a.yaml", YamlOf(0.1));
  ASSERT_TRUE(Becomes("a", 0.1));
  WriteFile(folder_ / "a.yaml", YamlOf(0.2));
  ASSERT_TRUE(Becomes("a", 0.2));
  WriteFile(folder_ / "staged", YamlOf(0.3));
  std::filesystem::rename(folder_ / "staged", folder_ / "a.yaml");
  ASSERT_TRUE(Becomes("a", 0.3));
  std::filesystem::remove(folder_ / "a.yaml");
  ASSERT_TRUE(Becomes("a", -1));
  std::lock_guard<std::mutex> lock(mu_);
  ASSERT_EQ(changes_.size(), 4u);
  EXPECT_TRUE(changes_[3].deleted);
  EXPECT_EQ(changes_[3].profile.revision(), changes_[2].profile.revision());
  EXPECT_TRUE(
      store_->GetRevision("profiles/a", changes_[0].profile.revision()).ok());
}

TEST_F(DirectoryStores, RescansWhereInotifySaysNothing) {
  std::filesystem::create_directory(folder_ / "below");
  WriteFile(folder_ / "below/real", YamlOf(0.1));
  ASSERT_EQ(symlink("below/real", (folder_ / "a.yaml").c_str()), 0);
  Open();
  EXPECT_EQ(Temperature("a"), 0.1);
  WriteFile(folder_ / "below/real", YamlOf(0.25));
  EXPECT_TRUE(Becomes("a", 0.25));
}

TEST_F(DirectoryStores, ABadFileTakesNoNameFromAGoodOne) {
  WriteFile(folder_ / "a.json", "nonsense: 1\n");
  WriteFile(folder_ / "a.yaml", YamlOf(0.1));
  Open();
  EXPECT_EQ(Temperature("a"), 0.1);
  EXPECT_THAT(HealthText(), HasSubstr("a.json: nonsense: unknown key"));
  EXPECT_THAT(HealthText(), Not(HasSubstr("a.yaml")));
  WriteFile(folder_ / "a.yaml", YamlOf(0.2));
  ASSERT_TRUE(Becomes("a", 0.2));
  // A good one of the same id waits, also while the one in force is changed,
  // and when that is bad.
  WriteFile(folder_ / "a.json", YamlOf(0.3));
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(HealthText(), "a.json: name: a.yaml has it");
  }));
  WriteFile(folder_ / "a.yaml", YamlOf(0.4));
  ASSERT_TRUE(Becomes("a", 0.4));
  WriteFile(folder_ / "a.yaml", "nonsense: 1\n");
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(HealthText(), "a.yaml: nonsense: unknown key");
  }));
  EXPECT_EQ(Temperature("a"), 0.4);
  std::filesystem::remove(folder_ / "a.yaml");
  ASSERT_TRUE(Becomes("a", 0.3));
  EXPECT_TRUE(Eventually([&] { return IsHealthy(); }));
  std::lock_guard<std::mutex> lock(mu_);
  for (const StoredRevision& change : changes_) {
    EXPECT_FALSE(change.deleted);
  }
  EXPECT_EQ(changes_.size(), 3u);  // 0.2, 0.4, 0.3
}

// Else a profile could be stored under its name, and be hidden when the file is
// mended.
TEST_F(DirectoryStores, ABadFileClaimsItsName) {
  WriteFile(folder_ / "a.yaml", "nonsense: 1\n");
  WriteFile(folder_ / "b.yaml", YamlOf(0.1));
  Open();
  EXPECT_TRUE(store_->Claims("profiles/a"));
  EXPECT_FALSE(store_->Claims("profiles/b"));
  EXPECT_FALSE(store_->Claims("profiles/c"));
  std::filesystem::remove(folder_ / "a.yaml");
  EXPECT_TRUE(Eventually([&] { return !store_->Claims("profiles/a"); }));
}

// As when a volume is not mounted any more.
TEST_F(DirectoryStores, AnotherFolderThatIsEmptyChangesNothing) {
  options_.path = folder_ / "mounted";
  std::filesystem::create_directory(options_.path);
  WriteFile(options_.path + "/a.yaml", YamlOf(0.1));
  Open();
  ASSERT_TRUE(Becomes("a", 0.1));
  std::filesystem::rename(options_.path, folder_ / "aside");
  std::filesystem::create_directory(options_.path);
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(HealthText(), "another folder than before");
  }));
  EXPECT_EQ(Temperature("a"), 0.1);
  // One with files is a new version, and so is one whose files were removed.
  WriteFile(options_.path + "/b.yaml", YamlOf(0.2));
  ASSERT_TRUE(Becomes("b", 0.2));
  ASSERT_TRUE(Becomes("a", -1));
  std::filesystem::remove(options_.path + "/b.yaml");
  ASSERT_TRUE(Becomes("b", -1));
  EXPECT_TRUE(Eventually([&] { return IsHealthy(); }));
}

TEST_F(DirectoryStores, MoreFilesThanAreLookedAtRemoveNothing) {
  options_.files_max = 2;
  WriteFile(folder_ / "x.yaml", YamlOf(0.1));
  Open();
  for (const char* file : {"a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml"}) {
    WriteFile(folder_ / file, YamlOf(0.2));
  }
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(HealthText(), "2 profile files are too many");
  }));
  ASSERT_TRUE(Becomes("a", 0.2));
  EXPECT_EQ(Temperature("x"), 0.1);
  EXPECT_EQ(store_->Load()->profiles.size(), 2u);
}

// Whoever fills the folder must not choose what else the server reads.
TEST_F(DirectoryStores, ALinkOutOfTheFolderIsNotFollowed) {
  const TempFolder elsewhere;
  WriteFile(elsewhere / "secret", "token: hunter2\n");
  WriteFile(elsewhere / "good.yaml", YamlOf(0.1));
  const std::string up =
      "../" + std::filesystem::path(elsewhere.path()).filename().string();
  const std::pair<std::string, std::string> links[] = {
      {"a.yaml", elsewhere / "secret"},
      {"b.yaml", elsewhere / "good.yaml"},
      {"c.yaml", up + "/good.yaml"},
      {"d.yaml", "b.yaml"},
  };
  for (const auto& [link, target] : links) {
    ASSERT_EQ(symlink(target.c_str(), (folder_ / link).c_str()), 0);
  }
  WriteFile(folder_ / "e.yaml", YamlOf(0.3));
  Open();
  EXPECT_EQ(store_->Load()->profiles.size(), 1u);
  EXPECT_EQ(Temperature("e"), 0.3);
  for (const auto& [link, target] : links) {
    EXPECT_THAT(HealthText(),
                HasSubstr(link + ": file: leads out of the folder"));
  }
  EXPECT_THAT(HealthText(), Not(HasSubstr("hunter2")));
}

TEST_F(DirectoryStores, AVersionOutsideOfTheFolderIsNotTaken) {
  Swap(0, {{"a.yaml", YamlOf(0.1)}});
  Open();
  ASSERT_TRUE(Becomes("a", 0.1));
  const TempFolder elsewhere;
  WriteFile(elsewhere / "a.yaml", YamlOf(0.9));
  const std::string staged = folder_ / "..data_tmp";
  ASSERT_EQ(symlink(elsewhere.path().c_str(), staged.c_str()), 0);
  std::filesystem::rename(staged, folder_ / "..data");
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(HealthText(), "leads out of the folder");
  }));
  EXPECT_EQ(Temperature("a"), 0.1);
  std::filesystem::remove(folder_ / "..data");
  Swap(1, {{"a.yaml", YamlOf(0.2)}});
  EXPECT_TRUE(Becomes("a", 0.2));
  EXPECT_TRUE(Eventually([&] { return IsHealthy(); }));
}

TEST_F(DirectoryStores, ABadFileNeverRemovesAGoodProfile) {
  WriteFile(folder_ / "a.yaml", YamlOf(0.1));
  options_.validate = [](const v1::Profile& profile) {
    return profile.default_params().temperature() > 1
               ? absl::InvalidArgumentError("default_params: too hot")
               : absl::OkStatus();
  };
  Open();
  const std::pair<std::string, std::string> bad[] = {
      {"", "a.yaml: profile: the file is empty"},
      {"nonsense: 1\n", "a.yaml: nonsense: unknown key"},
      {"default_params: {top_p: abc}", "a.yaml: default_params.top_p: \"abc\""},
      {YamlOf(1.5), "a.yaml: default_params: too hot"},
      {std::string(1 << 20, 'x'), "has more than 65536 bytes"},
      {"description: \"" + std::string(17'000, 'x') + "\"\n",
       "--max_profile_bytes"},
  };
  for (const auto& [text, error] : bad) {
    WriteFile(folder_ / "a.yaml", text);
    ASSERT_TRUE(Eventually([&, e = error] {
      return absl::StrContains(HealthText(), e);
    })) << error
        << "\n"
        << HealthText();
    EXPECT_EQ(Code(store_->Health()), "INVALID_ARGUMENT");
    EXPECT_EQ(Temperature("a"), 0.1);
  }
  WriteFile(folder_ / "a.yaml", YamlOf(0.5));
  EXPECT_TRUE(Becomes("a", 0.5));
  EXPECT_TRUE(Eventually([&] { return IsHealthy(); })) << HealthText();
}

TEST_F(DirectoryStores, BadNamesAndDoubleOnesAreTold) {
  WriteFile(folder_ / "Chat.yaml", YamlOf(0.1));
  WriteFile(folder_ / "a.json", "{\"description\": \"json\"}");
  WriteFile(folder_ / "a.yaml", YamlOf(0.2));
  std::filesystem::create_directory(folder_ / "pipe.yaml");
  Open();
  EXPECT_EQ(store_->Load()->profiles.size(), 1u);
  EXPECT_THAT(HealthText(), HasSubstr("Chat.yaml: name: \"Chat\""));
  EXPECT_THAT(HealthText(), HasSubstr("a.yaml: name: a.json has it already"));
  EXPECT_THAT(HealthText(), HasSubstr("pipe.yaml: file: is no plain file"));
  std::filesystem::remove(folder_ / "a.json");
  EXPECT_TRUE(Becomes("a", 0.2));
}

TEST_F(DirectoryStores, FilesBeyondTheLimitAreTold) {
  options_.files_max = 2;
  for (const char* file : {"a.yaml", "b.yaml", "c.yaml"}) {
    WriteFile(folder_ / file, YamlOf(0.1));
  }
  Open();
  EXPECT_EQ(store_->Load()->profiles.size(), 2u);
  EXPECT_THAT(HealthText(), HasSubstr("c.yaml: profile: there are 2 already"));
  std::filesystem::remove(folder_ / "a.yaml");
  EXPECT_TRUE(Becomes("c", 0.1));
}

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
