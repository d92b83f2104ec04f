// What differs between two profiles, as logitctl tells it.

#include "service/client/logitctl/profile_diff.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/client/parse_profile.h"

namespace logitd::logitctl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

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
  EXPECT_THAT(Lines("clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_CLAMP}]",
                    "clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_REJECT}]"),
              ElementsAre("clamps[top_p].mode: \"CLAMP_MODE_CLAMP\" -> "
                          "\"CLAMP_MODE_REJECT\""));
}

TEST(ProfileDiff, ShowsWhatNoServerWouldTake) {
  EXPECT_THAT(Lines("description: a",
                    "description: a\n"
                    "default_params: {eos_ids: \"AP8=\", on_empty: 7}"),
              ElementsAre("default_params.eos_ids: absent -> "
                          "\"\\\\x00\\\\xff\"",
                          StartsWith("default_params.on_empty: absent -> ")));
}

TEST(ProfileDiff, MovesNoCursor) {
  v1::Profile profile;
  (*profile.mutable_labels())["a\x1b"] = "\x1b";
  EXPECT_EQ(ChangeText(Diff(v1::Profile(), profile)[0]),
            "labels.a\\u001b: absent -> \"\\u001b\"");
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

TEST(ProfileDiff, FollowsClampsAndPhasesToOtherPlaces) {
  const std::string two =
      "clamps: [{knob: top_p, max: 0.9, mode: CLAMP_MODE_CLAMP}, "
      "{knob: top_k, max: 9, mode: CLAMP_MODE_CLAMP}]";
  EXPECT_THAT(
      Lines(two, "clamps: [{knob: top_k, max: 9, mode: CLAMP_MODE_CLAMP}]"),
      ElementsAre("clamps[top_p].knob: \"top_p\" -> absent",
                  "clamps[top_p].max: 0.9 -> absent",
                  "clamps[top_p].mode: \"CLAMP_MODE_CLAMP\" -> absent"));
  const std::string think = "{name: think, enter: [{tokens: [5]}]}";
  const std::string tool = "{name: tool, enter: [{tokens: [7]}]}";
  EXPECT_THAT(
      Lines("phases: [" + think + ", " + tool + "]", "phases: [" + tool + "]"),
      ElementsAre("phases[think].enter[0].tokens: [5] -> absent",
                  "phases[think].name: \"think\" -> absent"));
  EXPECT_THAT(Lines("phases: [" + think + ", " + tool + "]",
                    "phases: [" + tool + ", " + think + "]"),
              ElementsAre("phases: [\"think\", \"tool\"] -> "
                          "[\"tool\", \"think\"]"));
}

TEST(ProfileDiff, NumbersClampsOfOneKnob) {
  EXPECT_THAT(
      Lines("clamps: [{knob: top_p, max: 0.9, mode: CLAMP_MODE_CLAMP}]",
            "clamps: [{knob: top_p, max: 0.9, mode: CLAMP_MODE_CLAMP}, "
            "{knob: top_p, max: 0.8, mode: CLAMP_MODE_REJECT}]"),
      ElementsAre("clamps[top_p#2].knob: absent -> \"top_p\"",
                  "clamps[top_p#2].max: absent -> 0.8",
                  "clamps[top_p#2].mode: absent -> \"CLAMP_MODE_REJECT\""));
}

// Whatever a change is of, its sides are JSON values.
TEST(ProfileDiff, IsJson) {
  const v1::Profile before = Parse(
      "description: \"a \\\" b\"\n"
      "default_params: {on_empty: ON_EMPTY_RELAX, temperature: .inf}");
  const v1::Profile after = Parse(
      "labels: {task: code}\n"
      "default_params: {on_empty: ON_EMPTY_ERROR, temperature: .nan,\n"
      "                 ban_eos: true, logit_bias_ids: [7]}\n"
      "clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_CLAMP}]\n"
      "phases: [{name: think, enter: [{tokens: [5]}]}]");
  google::protobuf::Struct parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(
      DiffJson(before, after), &parsed);
  ASSERT_TRUE(status.ok()) << status << "\n" << DiffJson(before, after);
  std::map<std::string, std::string> sides;
  for (const auto& change :
       parsed.fields().at("changes").list_value().values()) {
    const auto& fields = change.struct_value().fields();
    sides[fields.at("field").string_value()] =
        fields.at("before").string_value() + " -> " +
        fields.at("after").string_value();
  }
  EXPECT_EQ(sides["default_params.on_empty"],
            "ON_EMPTY_RELAX -> ON_EMPTY_ERROR");
  EXPECT_EQ(sides["default_params.temperature"], "Infinity -> NaN");
  EXPECT_EQ(sides["clamps[top_p].mode"], " -> CLAMP_MODE_CLAMP");
  EXPECT_EQ(sides["description"], "a \" b -> ");
}

TEST(ManyKnobs, AreWarnedOf) {
  const std::string before = "default_params: {top_p: 0.9, temperature: 1}";
  EXPECT_EQ(Warning(before, "default_params: {top_p: 0.8, temperature: 0.5}"),
            "two knobs changed at once: you will not know which one did it");
  EXPECT_THAT(Warning(before, "force_params: {top_k: 3}"), StartsWith("3 "));
  EXPECT_THAT(
      Warning("clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_CLAMP}]",
              "clamps: [{knob: top_k, min: 1, mode: CLAMP_MODE_CLAMP}]"),
      StartsWith("two "));
  EXPECT_THAT(Warning("phases: [{name: a, enter: [{tokens: [5]}]}]",
                      "default_params: {top_p: 0.9}\n"
                      "phases: [{name: a, enter: [{tokens: [5]}],\n"
                      "          default_params: {top_p: 0.9}}]"),
              StartsWith("two "))
      << "a phase's knob is its own";
}

// What people change one at a time, however many fields and places it has.
TEST(ManyKnobs, AreNotOne) {
  const std::string clamps =
      "clamps: [{knob: top_k, max: 9, mode: CLAMP_MODE_CLAMP}, "
      "{knob: top_p, max: 1, mode: CLAMP_MODE_CLAMP}]";
  const std::string tool =
      "{name: tool, enter: [{tokens: [7]}], default_params: {temperature: 0}}";
  const std::string think =
      "{name: think, enter: [{tokens: [5]}], "
      "default_params: {temperature: 0.6, top_p: 0.9}}";
  const std::pair<std::string, std::string> ones[] = {
      {"default_params: {top_p: 0.9}",
       "description: it\ndefault_params: {top_p: 0.8}"},
      {"default_params: {logit_bias_ids: [1], logit_bias_values: [2]}",
       "default_params: {logit_bias_ids: [1, 3], logit_bias_values: [2, 1]}"},
      {"default_params: {top_p: 0.9}", "force_params: {top_p: 0.9}"},
      {"default_params: {top_p: 0.9}",
       "clamps: [{knob: top_p, max: 0.9, mode: CLAMP_MODE_CLAMP}]"},
      {clamps, "clamps: [{knob: top_p, max: 1, mode: CLAMP_MODE_CLAMP}]"},
      {"phases: [" + think + ", " + tool + "]", "phases: [" + tool + "]"},
      {"phases: [" + tool + "]", "phases: [" + think + ", " + tool + "]"},
      {"phases: [" + think + ", " + tool + "]",
       "phases: [" + tool + ", " + think + "]"},
  };
  for (const auto& [before, after] : ones) {
    EXPECT_THAT(Diff(Parse(before), Parse(after)), Not(IsEmpty()));
    EXPECT_EQ(Warning(before, after), "") << before << "\n" << after;
  }
}

}  // namespace
}  // namespace logitd::logitctl
