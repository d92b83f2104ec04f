// Bad profile files, one for each thing that can be wrong, named after it.
//
// Each file begins with `# Expected: <error>`; a second line `# File: <stem>`
// gives another name than its own (%00 is a zero byte, - is nothing but a
// dash).
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "sampler/knobs.h"
#include "service/profiles/lint.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/validate.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

using testing::IsOk;

struct BadFile {
  std::string text;
  std::string stem;
  std::string expected;
};

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::map<std::string, BadFile> BadFiles() {
  std::map<std::string, BadFile> files;
  const std::string folder =
      absl::StrCat(LOGITD_SOURCE_DIR, "/tests/profiles/bad");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    BadFile file = {ReadAll(entry.path()), stem, ""};
    const std::vector<std::string> lines = absl::StrSplit(file.text, '\n');
    absl::string_view first = lines[0];
    EXPECT_TRUE(absl::ConsumePrefix(&first, "# Expected: ")) << stem;
    file.expected = std::string(first);
    absl::string_view second;
    if (lines.size() > 1) second = lines[1];
    if (absl::ConsumePrefix(&second, "# File: ")) {
      file.stem =
          absl::StrReplaceAll(second, {{"%00", absl::string_view("\0", 1)}});
    }
    files[stem] = std::move(file);
  }
  return files;
}

absl::Status CheckFile(const std::string& text, const std::string& stem) {
  const auto profile = ParseProfile(text, stem);
  if (!profile.ok()) return profile.status();
  return ToStatus(Validate(*profile, Limits()));
}

TEST(BadFiles, AreRefusedWithTheErrorTheyTell) {
  const auto files = BadFiles();
  EXPECT_GT(files.size(), 100u);
  for (const auto& [name, file] : files) {
    const absl::Status status = CheckFile(file.text, file.stem);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(std::string(status.message()), file.expected) << name;
  }
}

TEST(BadFiles, AreToldInTheSameWordsByLint) {
  int parsed = 0;
  for (const auto& [name, file] : BadFiles()) {
    const auto profile = ParseProfile(file.text, file.stem);
    if (!profile.ok()) continue;
    ++parsed;
    const auto findings = Lint(*profile, Limits());
    ASSERT_FALSE(findings.empty()) << name;
    EXPECT_EQ(findings[0].rule(), kInvalidRule) << name;
    EXPECT_EQ(findings[0].severity(), v1::LINT_SEVERITY_ERROR) << name;
    EXPECT_EQ(absl::StrCat(findings[0].field(), ": ", findings[0].message()),
              file.expected)
        << name;
  }
  EXPECT_GT(parsed, 50);
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
  need(name(kStopSequencesField),
       {"empty", "too-long", "too-many", "above-vocabulary"});
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

TEST(Presets, AreValidAndLintWithoutWarnings) {
  const std::string folder =
      absl::StrCat(LOGITD_SOURCE_DIR, "/deploy/profiles");
  std::set<std::string> stems;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string stem = entry.path().stem().string();
    stems.insert(stem);
    const auto profile = ParseProfile(ReadAll(entry.path()), stem);
    ASSERT_THAT(profile, IsOk()) << stem;
    EXPECT_FALSE(profile->description().empty()) << stem;
    for (const v1::LintFinding& finding : Lint(*profile, Limits())) {
      EXPECT_EQ(finding.severity(), v1::LINT_SEVERITY_INFO)
          << stem << " " << finding.ShortDebugString();
    }
  }
  EXPECT_EQ(stems, std::set<std::string>({"balanced", "brainstorm",
                                          "casual-chat", "code", "creative",
                                          "greedy", "strict-extraction"}));
}

}  // namespace
}  // namespace logitd
