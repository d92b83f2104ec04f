// Profiles as logitctl shows them: names, findings, differences.

#include "service/client/logitctl/profile_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/logitctl/profile_diff.h"
#include "service/profiles/profile_file.h"
#include "tests/client/shell.h"

namespace logitd::logitctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

v1::Profile Parse(const std::string& yaml) {
  auto profile = ParseProfile(yaml, "p");
  EXPECT_TRUE(profile.ok()) << profile.status();
  return profile.value_or(v1::Profile());
}

std::vector<std::string> Lines(const std::string& before,
                               const std::string& after) {
  std::vector<std::string> lines;
  for (const Change& change : Diff(Parse(before), Parse(after))) {
    lines.push_back(ChangeText(change));
  }
  return lines;
}

std::string Warning(const std::string& before, const std::string& after) {
  return ManyKnobsWarning(Diff(Parse(before), Parse(after)));
}

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

TEST(ProfileDiff, NamesFieldAndBothValues) {
  EXPECT_THAT(
      Lines("default_params: {top_p: 0.9}", "default_params: {top_p: 0.95}"),
      ElementsAre("default_params.top_p: 0.9 -> 0.95"));
  EXPECT_THAT(Lines("description: a", "labels: {task: code}"),
              ElementsAre("description: \"a\" -> absent",
                          "labels.task: absent -> \"code\""));
  EXPECT_THAT(Lines("force_params: {banned_ids: [1, 2]}",
                    "force_params: {banned_ids: [1]}"),
              ElementsAre("force_params.banned_ids: [1, 2] -> [1]"));
  EXPECT_THAT(
      Lines("clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_CLAMP}]",
            "clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_REJECT}]"),
      ElementsAre("clamps[0].mode: CLAMP_MODE_CLAMP -> CLAMP_MODE_REJECT"));
}

TEST(ProfileDiff, ShowsWhatNoServerWouldTake) {
  EXPECT_THAT(Lines("description: a",
                    "description: a\n"
                    "default_params: {eos_ids: \"AP8=\", on_empty: 7}"),
              ElementsAre("default_params.eos_ids: absent -> "
                          "\"\\\\x00\\\\xff\"",
                          StartsWith("default_params.on_empty: absent -> ")));
}

TEST(ProfileDiff, SeesAKnobThatIsSetToZero) {
  EXPECT_THAT(Lines("description: a",
                    "description: a\ndefault_params: {temperature: 0}"),
              ElementsAre("default_params.temperature: absent -> 0"));
}

TEST(ProfileDiff, TakesNoNoticeOfWhatTheServerAdds) {
  v1::Profile stored = Parse("default_params: {top_p: 0.9}");
  stored.set_etag("\"1\"");
  stored.set_revision("7");
  stored.set_source("memory");
  stored.mutable_update_time()->set_seconds(1);
  stored.add_warnings()->set_rule("some");
  EXPECT_THAT(Diff(stored, Parse("default_params: {top_p: 0.9}")), IsEmpty());
}

TEST(ProfileDiff, WarnsOfTwoKnobsAtOnce) {
  const std::string before = "default_params: {top_p: 0.9, temperature: 1}";
  EXPECT_EQ(Warning(before, "default_params: {top_p: 0.8, temperature: 0.5}"),
            "two knobs changed at once: you will not know which one did it");
  EXPECT_THAT(Warning(before, "force_params: {top_k: 3}"), StartsWith("3 "));
  EXPECT_EQ(Warning(before,
                    "description: it\n"
                    "default_params: {top_p: 0.8, temperature: 1}"),
            "");
  EXPECT_EQ(Warning("clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_CLAMP}]",
                    "clamps: [{knob: top_k, min: 1, mode: CLAMP_MODE_CLAMP}]"),
            "")
      << "one clamp is one change";
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

// Exit code 2 before anybody is asked: there is nobody.
TEST(ProfileCommands, JudgeTheCommandLineBeforeConnecting) {
  const auto run = [](const std::string& arguments) {
    return client::Shell("LOGITD_TARGET=unix:/nowhere/s.sock " +
                         client::Logitctl() + " " + arguments);
  };
  for (const char* arguments :
       {"profiles", "profiles bogus", "profiles get", "profiles list -o xml",
        "profiles update p", "profiles update p --set top_p=1",
        "profiles update p --set default_params.bogus=1",
        "profiles create p -f /nowhere/p.yaml", "profiles watch --count 0",
        "profiles diff p q -f /nowhere/p.yaml", "profiles revisions",
        "profiles revisions p --count 0", "profiles watch -o yaml", "resolve",
        "resolve --vocab-size 9 --top-p x", "lint", "lint /nowhere/p.yaml"}) {
    EXPECT_EQ(run(arguments).exit_code, 2)
        << arguments << ": " << run(arguments).output;
  }
  for (const char* arguments :
       {"profiles list", "profiles revisions p", "profiles watch -o json",
        "profiles watch --resume x", "profiles delete p",
        "resolve --vocab-size 9"}) {
    EXPECT_EQ(run(arguments).exit_code, 3) << arguments;
  }
}

}  // namespace
}  // namespace logitd::logitctl
