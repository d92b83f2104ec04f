// The folder of YAML files: what is there, what is bad, what is told.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "tests/profiles/store_directory_fixture.h"

namespace logitd {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace logitd
