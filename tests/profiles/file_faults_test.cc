// All that is wrong with a profile file is told at once, also with what only
// servers set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "service/profiles/profile_file.h"

namespace logitd {
namespace {

using google::protobuf::util::MessageDifferencer;

std::vector<std::string> FaultsOf(absl::string_view text,
                                  Fields fields = Fields::kContent) {
  v1::Profile profile;
  std::vector<std::string> faults;
  for (const Violation& fault :
       ReadProfileText(text, "chat", fields, &profile)) {
    faults.push_back(absl::StrCat(fault.field, ": ", fault.description));
  }
  return faults;
}

TEST(ProfileFileFaults, TellsAllFaultsInTheirOrder) {
  const std::string text =
      "labls: {a: b}\n"
      "default_params:\n  temprature: 1\n  top_p: warm\n  top_k: ~\n"
      "  eos_ids: [x, 1, -1]\n"
      "default_params: {top_p: y}\n"
      "force_params: &a {top_p: 1}\n"
      "labels: {a: 1, \"b: c\": 2, a: 3}\n"
      "clamps: [{knob: [], mode: 1}, 7]\n"
      "etag: x\n"
      "name: profiles/other\n";
  EXPECT_THAT(
      FaultsOf(text),
      testing::ElementsAre(
          "labls: unknown key, the nearest known one is labels (line 1)",
          "default_params.temprature: unknown key, the nearest known one is "
          "temperature (line 3)",
          "default_params.top_p: \"warm\" is not a number (line 4)",
          "default_params.top_k: null is no value: leave the key out or give "
          "it one (line 5)",
          "default_params.eos_ids[0]: \"x\" is not a whole number (line 6)",
          "default_params.eos_ids: id -1 at index 2 is outside [0, 1048576) "
          "(line 6)",
          "default_params: is there twice (line 7)",
          "force_params: anchors are refused: write the value out (line 8)",
          "labels.a: 1 is not text: put it into quotes (line 9)",
          "labels.b: c: 2 is not text: put it into quotes (line 9)",
          "labels.a: is there twice (line 9)",
          "clamps[0].knob: a list is not text (line 10)",
          "clamps[0].mode: 1 is not a name: write CLAMP_MODE_CLAMP (line 10)",
          "clamps[1]: 7 is not a map of fields (line 10)",
          "etag: the server sets it, a file may not (line 11)",
          "name: \"profiles/other\" is not \"profiles/chat\", as the file is "
          "called (line 12)"));
  EXPECT_EQ(ParseProfile(text, "chat").status().message(), FaultsOf(text)[0]);
}

TEST(ProfileFileFaults, TellsNoMoreFaultsThanAnybodyReads) {
  std::string text;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&text, "k", i, ": 1\n");
  EXPECT_EQ(FaultsOf(text).size(), kViolationsMax);
}

TEST(ProfileFileFaults, TakesWhatAServerSentAndKeepsItsEtag) {
  v1::Profile sent;
  sent.set_name("profiles/chat");
  sent.set_etag("\"1-0\"");
  sent.set_revision("1");
  sent.mutable_create_time()->set_seconds(1'700'000'000);
  sent.mutable_update_time()->set_seconds(1'700'000'000);
  sent.mutable_update_time()->set_nanos(120'000'000);
  sent.set_source("sqlite");
  auto* warning = sent.add_warnings();
  warning->set_rule("no-task");
  warning->set_severity(v1::LINT_SEVERITY_INFO);
  const auto read =
      ParseProfile(WriteJson(sent, Fields::kAll), "chat", Fields::kAll);
  ASSERT_TRUE(read.ok()) << read.status();
  v1::Profile kept;
  kept.set_name("profiles/chat");
  kept.set_etag("\"1-0\"");
  EXPECT_TRUE(MessageDifferencer::Equals(*read, kept)) << read->DebugString();
}

// They are dropped, and still no garbage passes.
TEST(ProfileFileFaults, ChecksWhatOnlyServersSetAsTheRest) {
  const auto faults = [](const char* text) {
    return FaultsOf(text, Fields::kAll);
  };
  EXPECT_THAT(faults("etag: ~\nrevision: [1, 2]\nsource: &a x\n"
                     "create_time: now\nupdate_time: [1]\n"
                     "warnings: [{rule: a, rule: b, severty: x}, !!x {}]\n"
                     "etag: y\n"),
              testing::ElementsAre(
                  "etag: null is no value: leave the key out or give it one "
                  "(line 1)",
                  "revision: a list is not text (line 2)",
                  "source: anchors are refused: write the value out (line 3)",
                  "create_time: \"now\" is not a time (line 4)",
                  "update_time: a list is not a time (line 5)",
                  "warnings[0].rule: is there twice (line 6)",
                  "warnings[0].severty: unknown key, the nearest known one is "
                  "severity (line 6)",
                  "warnings[1]: tags are refused: write the value without one "
                  "(line 6)",
                  "etag: is there twice (line 7)"));
  EXPECT_THAT(
      faults("etag: 1\n"),
      testing::ElementsAre("etag: 1 is not text: put it into quotes (line 1)"));
}

}  // namespace
}  // namespace logitd
