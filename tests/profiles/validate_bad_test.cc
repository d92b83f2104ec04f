// Bad profile files are refused, and there is one for every knob and bound.
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "sampler/knobs.h"
#include "service/convert_params.h"
#include "service/profiles/knob.h"
#include "service/profiles/lint.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/validate.h"
#include "tests/profiles/bad_files.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;

absl::Status CheckFile(const std::string& text, const std::string& stem) {
  const auto profile = ParseProfile(text, stem);
  if (!profile.ok()) return profile.status();
  return ToStatus(Validate(*profile, Limits()));
}

// As at open: what a flag of the server limits, and the rest.
absl::StatusCode CodeOf(const std::string& expected) {
  return absl::StrContains(expected, " are more than --") ||
                 absl::StrContains(expected, " tokens are more than ")
             ? absl::StatusCode::kResourceExhausted
             : absl::StatusCode::kInvalidArgument;
}

// "knob=what it takes" for a switch or an enum, whose error says it; else "".
std::string RangeIn(const std::string& error) {
  const std::vector<std::string> parts =
      absl::StrSplit(error, absl::MaxSplits(": ", 1));
  if (parts.size() < 2 || !absl::StartsWith(parts[0], "default_params.")) {
    return "";
  }
  const std::string knob = parts[0].substr(strlen("default_params."));
  if (absl::StrContains(error, " is neither true nor false")) {
    return knob + "=false, true";
  }
  const std::vector<std::string> values = absl::StrSplit(error, ", it is ");
  if (values.size() < 2 || !absl::StrContains(error, "is not a value of")) {
    return "";
  }
  const std::string list = absl::StrReplaceAll(
      values[1].substr(0, values[1].find(" (")),
      {{" or ", ", "}, {absl::AsciiStrToUpper(knob) + "_", ""}});
  return absl::StrCat(knob, "=", list);
}

TEST(BadFiles, AreRefusedWithTheErrorTheyTell) {
  const auto files = BadFiles();
  EXPECT_GT(files.size(), 100u);
  std::vector<std::string> ranges;  // for tests/semantics_table.sh
  for (const auto& [name, file] : files) {
    const absl::Status status = CheckFile(file.text, file.stem);
    EXPECT_EQ(status.code(), CodeOf(file.expected)) << name;
    EXPECT_EQ(std::string(status.message()), file.expected) << name;
    const std::string range = RangeIn(file.expected);
    if (!range.empty()) ranges.push_back(range);
  }
  RecordProperty("range", absl::StrJoin(ranges, "\n"));
}

// A file whose name says something else than its error helps nobody.
TEST(BadFiles, AboutAKnobNameItInTheirError) {
  const auto check = [&](const std::string& knob, const auto& files) {
    const std::string stem = absl::StrReplaceAll(knob, {{"_", "-"}});
    for (const auto& [name, file] : files) {
      if (!absl::StartsWith(name, stem + "-")) continue;
      EXPECT_TRUE(absl::StrContains(file.expected, knob)) << name;
    }
  };
  const auto files = BadFiles();
  for (const RealKnob& knob : kRealKnobs) check(knob.name, files);
  for (const CountKnob& knob : kCountKnobs) check(knob.name, files);
}

std::set<std::string> Needed() {
  std::set<std::string> needed;
  const auto need = [&](const char* knob,
                        std::initializer_list<const char*> faults) {
    for (const char* fault : faults) {
      needed.insert(
          absl::StrReplaceAll(absl::StrCat(knob, "-", fault), {{"_", "-"}}));
    }
  };
  for (const RealKnob& knob : kRealKnobs) {
    need(knob.name, {"below-min", "above-max"});
  }
  for (const CountKnob& knob : kCountKnobs) {
    need(knob.name, {"below-min", "above-max"});
  }
  for (const IdsKnob& knob : kIdsKnobs) {
    need(knob.name, {"above-vocabulary", "no-whole-id"});
  }
  for (const SwitchKnob& knob : kSwitchKnobs) need(knob.name, {"no-switch"});
  // The knobs of a shape of their own, by the numbers in knobs.h.
  const auto* type = v1::SamplingParams::descriptor();
  const auto name = [&](int number) {
    return type->FindFieldByNumber(number)->name().c_str();
  };
  need(name(kBiasIdsField), {"above-vocabulary", "no-whole-id", "twice"});
  need(name(kBiasValuesField), {"below-min", "above-max", "too-few"});
  for (const SequencesKnob& knob : kSequencesKnobs) {
    need(knob.name, {"empty", "too-long", "too-many", "above-vocabulary"});
  }
  need(name(kForcedTokensField), {"above-vocabulary", "no-whole-id"});
  need(name(kThinkingBudgetField),
       {"without-start", "without-end", "max-tokens-above-max", "no-whole-id",
        "that-never-begins", "that-never-ends"});
  need(name(kSchedulesField),
       {"of-unknown-knob", "of-a-window", "without-shape", "without-points",
        "value-above-max", "fraction-of-a-count", "that-goes-back",
        "min-above-max", "beside-a-constant", "twice", "outside-clamp"});
  need(name(kOnConflictField), {"unknown-value"});
  need(name(kOnEmptyField), {"unknown-value"});
  need(name(kOnNonFiniteField), {"unknown-value"});
  return needed;
}

TEST(BadFiles, ThereIsOneForEveryKnobAndBound) {
  const auto files = BadFiles();
  for (const std::string& name : Needed()) {
    EXPECT_EQ(files.count(name), 1u)
        << "tests/profiles/bad/" << name << ".yaml is missing";
  }
  // Also a knob of a shape that Needed does not know.
  const auto* type = v1::SamplingParams::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const std::string prefix =
        absl::StrReplaceAll(type->field(i)->name(), {{"_", "-"}}) + "-";
    const auto file = files.lower_bound(prefix);
    EXPECT_TRUE(file != files.end() && absl::StartsWith(file->first, prefix))
        << "tests/profiles/bad has no " << prefix;
  }
}

// "<field>: <value> is outside <range>", the range that of the knob.
TEST(BadFiles, AboutABoundTellFieldValueAndRange) {
  size_t told = 0;
  const auto files = BadFiles();
  const auto check = [&](const char* name) {
    const std::string stem = absl::StrReplaceAll(name, {{"_", "-"}});
    const std::string range = RangeText(*RangeOf(*FindKnob(name)));
    for (const char* fault : {"-below-min", "-above-max"}) {
      const auto file = files.find(stem + fault);
      if (file == files.end()) continue;  // the next test tells
      const std::string& text = file->second.text;
      const size_t key = text.find(absl::StrCat("\n  ", name, ": "));
      ASSERT_NE(key, std::string::npos) << stem << fault;
      const size_t from = text.find(": ", key) + 2;
      const std::string value = text.substr(from, text.find('\n', from) - from);
      EXPECT_TRUE(absl::StartsWith(file->second.expected,
                                   absl::StrCat("default_params.", name, ": ",
                                                value, " is outside ", range)))
          << stem << fault << ": " << file->second.expected;
      ++told;
    }
  };
  for (const RealKnob& knob : kRealKnobs) check(knob.name);
  for (const CountKnob& knob : kCountKnobs) check(knob.name);
  EXPECT_EQ(told, 2 * (std::size(kRealKnobs) + std::size(kCountKnobs)));
}

TEST(BadFiles, EmptyIsRefused) {
  EXPECT_EQ(CheckFile("", "empty").code(), absl::StatusCode::kInvalidArgument);
}

TEST(BadFiles, OfAMebibyteAreRefusedUnread) {
  const std::string text(size_t{1} << 20, '#');
  const absl::Status status = CheckFile(text, "large");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "more than 65536 bytes"))
      << status.message();
}

TEST(Presets, AreValidAndLintWithoutAFinding) {
  const std::string folder =
      absl::StrCat(LOGITD_SOURCE_DIR, "/deploy/profiles");
  std::set<std::string> stems;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    stems.insert(stem);
    const auto profile = ParseProfile(ReadFile(entry.path()), stem);
    ASSERT_THAT(profile, IsOk()) << stem;
    EXPECT_FALSE(profile->description().empty()) << stem;
    EXPECT_EQ(profile->labels().count("task"), 1u) << stem;
    for (const v1::LintFinding& finding : Lint(*profile, Limits())) {
      ADD_FAILURE() << stem << " " << finding.ShortDebugString();
    }
  }
  EXPECT_EQ(stems, std::set<std::string>({"balanced", "brainstorm",
                                          "casual-chat", "code", "creative",
                                          "greedy", "strict-extraction"}));
}

}  // namespace
}  // namespace logitd
