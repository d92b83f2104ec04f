// Profiles as logitctl shows them: names, findings, differences.

#include "service/client/logitctl/profile_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/files.h"
#include "service/client/logitctl/profile_diff.h"
#include "service/profiles/profile_file.h"
#include "tests/client/folder.h"
#include "tests/client/parse_profile.h"
#include "tests/client/shell.h"

namespace logitd::logitctl {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ProfileNames, AreTheSameWithAndWithoutTheCollection) {
  EXPECT_EQ(ProfileName("code"), "profiles/code");
  EXPECT_EQ(ProfileName("profiles/code@3"), "profiles/code@3");
  EXPECT_EQ(ProfileId("profiles/code@3"), "code");
  EXPECT_EQ(ProfileId("code"), "code");
  EXPECT_EQ(StemOf("a/code.yaml"), "code");
  EXPECT_EQ(StemOf("-"), "");
}

TEST(AdminTarget, IsBesideAUnixSocketOnly) {
  EXPECT_EQ(AdminTargetOf("unix:/x/logitd.sock"), "unix:/x/logitd-admin.sock");
  EXPECT_EQ(AdminTargetOf("localhost:7070"), "localhost:7070");
}

TEST(ProfileText, OfAProfileCanBeReadBack) {
  v1::Profile profile = Parse("default_params: {top_p: 0.9}");
  profile.set_revision("3");
  profile.set_etag("\"abc\"");
  const std::string text = AnnotatedYaml(profile);
  EXPECT_THAT(text, StartsWith("# profiles/p@3, etag \"abc\""));
  EXPECT_THAT(Diff(profile, Parse(text)), IsEmpty());
  EXPECT_THAT(ProfileTable({profile}), HasSubstr("\np   3 "));
}

TEST(ProfileText, OfSeveralIsATableDocumentsOrAnArray) {
  v1::Profile older = Parse("default_params: {top_p: 0.9}");
  older.set_revision("1");
  v1::Profile newer = Parse("default_params: {top_p: 0.8}");
  newer.set_revision("2");
  const std::vector<v1::Profile> both = {newer, older};
  EXPECT_EQ(ProfilesText(both, "table"), ProfileTable(both));
  EXPECT_EQ(ProfilesText(both, "json"),
            absl::StrCat("[", WriteJson(newer, Fields::kAll), ", ",
                         WriteJson(older, Fields::kAll), "]\n"));
  EXPECT_EQ(ProfilesText({}, "json"), "[]\n");
  EXPECT_EQ(ProfilesText(both, "yaml"),
            absl::StrCat("---\n", AnnotatedYaml(newer), "---\n",
                         AnnotatedYaml(older)));
}

TEST(ProfileText, OfAnEventIsALineAndAnObject) {
  v1::WatchProfilesResponse event;
  event.set_event(v1::WATCH_EVENT_SYNCED);
  event.set_resume_token("7");
  EXPECT_EQ(EventText(event), "SYNCED\n");
  EXPECT_EQ(EventJson(event),
            "{\"event\": \"SYNCED\", \"profile\": null, \"revision\": null, "
            "\"resume_token\": \"7\"}\n");
  event.set_event(v1::WATCH_EVENT_DELETED);
  event.mutable_profile()->set_name("profiles/p");
  event.mutable_profile()->set_revision("3");
  event.clear_resume_token();
  EXPECT_EQ(EventText(event), "DELETED profiles/p@3\n");
  EXPECT_EQ(EventJson(event),
            "{\"event\": \"DELETED\", \"profile\": \"profiles/p\", "
            "\"revision\": \"3\", \"resume_token\": null}\n");
}

TEST(ProfileText, OfAFindingHasTheFixBelow) {
  v1::LintFinding finding;
  finding.set_rule("dead-knob");
  finding.set_severity(v1::LINT_SEVERITY_WARNING);
  finding.set_field("default_params.top_p");
  finding.set_message("does nothing.");
  finding.set_fix("Remove it.");
  EXPECT_EQ(FindingText(finding),
            "warning dead-knob default_params.top_p: does nothing.\n"
            "  fix: Remove it.\n");
}

TEST(ProfileFile, ThatCannotBeReadIsAUsageError) {
  const auto missing = ReadProfile("/nowhere/p.yaml", "");
  EXPECT_EQ(ExitCodeOf(missing.status()), kUsage);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("/nowhere/p.yaml: No such file"));
}

TEST(ProfileText, OfATableMovesNoCursor) {
  v1::Profile profile;
  profile.set_name("profiles/p");
  profile.set_description("a\x1b[2J\tb\x7f\xc2\x9b it's \"so\"\nsecond line");
  (*profile.mutable_labels())["k"] = "\r";
  EXPECT_THAT(
      ProfileTable({profile}),
      AllOf(HasSubstr("k=\\u000d"),
            EndsWith("a\\u001b[2J\\u0009b\\u007f\\u009b it's \"so\"\n")));
}

// Where ReadText puts its text.
std::string NamedFile() {
  static const client::Folder folder({});
  return folder.path() + "/named.yaml";
}

// Writes the text, reads it as ReadProfile(path, id).
absl::StatusOr<v1::Profile> ReadText(const std::string& text,
                                     const std::string& id) {
  EXPECT_TRUE(WriteFile(NamedFile(), text).ok());
  return ReadProfile(NamedFile(), id);
}

TEST(ProfileFile, HasTheIdThatItIsGivenOrItsStem) {
  EXPECT_EQ(ReadText("description: a", "")->name(), "profiles/named");
  EXPECT_EQ(ReadText("description: a", "copy")->name(), "profiles/copy");
  EXPECT_EQ(ReadText("name: profiles/copy", "profiles/copy")->name(),
            "profiles/copy");
  EXPECT_THAT(std::string(ReadText("name: profiles/x", "").status().message()),
              HasSubstr("as the file is called"));
  EXPECT_THAT(
      std::string(ReadText("name: profiles/x", "copy").status().message()),
      EndsWith("named.yaml: name: \"profiles/x\" is not \"profiles/copy\": "
               "remove `name` or give it the same id"));
  EXPECT_EQ(ExitCodeOf(ReadText("description: a", "Not-An-Id").status()),
            kUsage);
}

TEST(ProfileFile, IsToldAllThatIsWrongWithItALineEach) {
  const auto read = ReadText(
      "labls: {}\nname: profiles/x\n"
      "default_params: {top_p: warm}\n",
      "copy");
  EXPECT_EQ(ExitCodeOf(read.status()), kUsage);
  const std::string path = NamedFile() + ": ";
  EXPECT_EQ(
      read.status().message(),
      absl::StrCat(
          path,
          "labls: unknown key, the nearest known one is labels (line 1)\n",
          path, "default_params.top_p: \"warm\" is not a number (line 3)\n",
          path,
          "name: \"profiles/x\" is not \"profiles/copy\": remove `name` "
          "or give it the same id"));
}

client::Outcome Lint(const std::string& path) {
  return client::Shell(absl::StrCat(client::Logitctl(), " lint ", path));
}

TEST(Lint, TakesTheProfilesOfAFolderByName) {
  const client::Folder folder({{"c.json", "{\"description\": \"c\"}"},
                               {"a.yaml", "description: a\n"},
                               {"b.yml", "description: b\n"},
                               {".hidden.yaml", "no: profile"},
                               {"d.txt", "no profile"}});
  const client::Outcome outcome = Lint(folder.path());
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output,
            absl::StrCat(folder.path(), "/a.yaml: nothing found\n",
                         folder.path(), "/b.yml: nothing found\n",
                         folder.path(), "/c.json: nothing found\n"));
  const client::Outcome none = Lint(client::Folder({}).path());
  EXPECT_EQ(none.exit_code, kUsage);
  EXPECT_THAT(none.output, HasSubstr("no profiles in "));
}

TEST(Lint, SaysThatMoreMayFollowWhereAKeyHidesTheValues) {
  constexpr char kMore[] = "Once these are mended, the values are judged too.";
  const client::Folder folder(
      {{"key.yaml", "labls: {}\ndefault_params: {top_p: 7}\n"},
       {"value.yaml", "default_params: {top_p: 7}\n"}});
  EXPECT_THAT(Lint(folder.path() + "/key.yaml").output, HasSubstr(kMore));
  EXPECT_THAT(Lint(folder.path() + "/value.yaml").output,
              Not(HasSubstr(kMore)));
}

TEST(ProfileIds, OfWritesNameNoRevision) {
  EXPECT_TRUE(CheckPlainId("profiles/code").ok());
  EXPECT_EQ(ExitCodeOf(CheckPlainId("code@1")), kUsage);
}

}  // namespace
}  // namespace logitd::logitctl
