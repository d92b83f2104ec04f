// The page about profile files says what the code does.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "sampler/knobs.h"
#include "service/convert_params.h"
#include "service/profiles/knob.h"
#include "service/profiles/lint.h"
#include "service/profiles/lint_errors.h"
#include "service/profiles/lint_rules.h"
#include "service/profiles/lint_tasks.h"
#include "tests/profiles/store_support.h"

namespace logitd {
namespace {

const std::string& Page() {
  static const auto* const page = new std::string(
      ReadFile(LOGITD_SOURCE_DIR "/service/profiles/README.md"));
  return *page;
}

// The rows of the table below `head`: their cells, without blanks.
std::vector<std::vector<std::string>> Table(absl::string_view head) {
  std::vector<std::vector<std::string>> rows;
  const size_t at = Page().find(absl::StrCat("\n", head, "\n"));
  EXPECT_NE(at, std::string::npos) << head;
  if (at == std::string::npos) return rows;
  const std::vector<std::string> lines =
      absl::StrSplit(Page().substr(at + 1), '\n');
  for (size_t i = 2; i < lines.size() && absl::StartsWith(lines[i], "|"); ++i) {
    std::vector<std::string> cells = absl::StrSplit(lines[i], '|');
    for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
    rows.emplace_back(cells.begin() + 1, cells.end() - 1);
  }
  return rows;
}

std::string Code(absl::string_view word) {
  return absl::StrCat("`", word, "`");
}

std::string SeverityOf(const LintRule& rule) {
  return rule.severity == v1::LINT_SEVERITY_INFO ? "info" : "warning";
}

TEST(ProfilesPage, HasEveryRuleAndItsSeverity) {
  std::map<std::string, std::string> expected;
  for (const LintRule& rule : AllLintRules()) {
    expected[Code(rule.id)] = SeverityOf(rule);
  }
  for (const std::string& id : ErrorRuleIds()) expected[Code(id)] = "error";
  expected[Code(kInvalidRule)] = "error";
  std::map<std::string, std::string> told;
  for (const auto& row : Table("| Rule | Severity | It says |")) {
    ASSERT_EQ(row.size(), 3u) << row[0];
    EXPECT_TRUE(told.emplace(row[0], row[1]).second) << row[0] << " twice";
    EXPECT_FALSE(row[2].empty()) << row[0];
  }
  EXPECT_EQ(told, expected);
}

TEST(ProfilesPage, HasEveryTaskAndItsBand) {
  std::vector<std::vector<std::string>> expected;
  for (const Band& band : Bands()) {
    std::vector<std::string> tasks;
    for (const std::string& task : band.tasks) tasks.push_back(Code(task));
    expected.push_back({absl::StrJoin(tasks, ", "), band.temperature.Text(),
                        band.top_p.Text()});
  }
  EXPECT_EQ(Table("| Task | temperature | top_p |"), expected);
}

TEST(ProfilesPage, HasEveryFieldOfAFile) {
  std::vector<std::string> expected, told;
  const auto& type = *v1::Profile::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const std::string field = Code(type.field(i)->name());
    if (!IsOutputOnly(type.field(i)->number())) {
      expected.push_back(field);
    } else {
      EXPECT_TRUE(absl::StrContains(Page(), field)) << field;
    }
  }
  for (const auto& row : Table("| Field | |")) told.push_back(row[0]);
  EXPECT_EQ(told, expected);
}

// What a knob of this kind takes, where that is all there is to say.
std::string TakesOf(const Knob& knob) {
  if (const auto range = RangeOf(knob)) {
    return absl::StrCat(RangeText(*range), range->whole ? ", whole" : "");
  }
  if (knob.type() == Knob::TYPE_BOOL) return "`true`, `false`";
  if (knob.type() == Knob::TYPE_BYTES) return "token ids";
  if (knob.type() != Knob::TYPE_ENUM) return "";
  std::vector<std::string> names;
  for (int i = 1; i < knob.enum_type()->value_count(); ++i) {
    names.push_back(Code(knob.enum_type()->value(i)->name()));
  }
  return absl::StrJoin(names, ", ");
}

TEST(ProfilesPage, HasEveryKnob) {
  std::map<std::string, std::vector<std::string>> told;
  for (const auto& row : Table("| Group | Knob | Takes | Off |")) {
    ASSERT_EQ(row.size(), 4u) << row[1];
    EXPECT_TRUE(told.emplace(row[1], row).second) << row[1] << " twice";
  }
  const auto& type = *v1::SamplingParams::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const Knob& knob = *type.field(i);
    const std::string name = Code(knob.name());
    const auto row = told.find(name);
    ASSERT_NE(row, told.end()) << name;
    const std::string takes = TakesOf(knob);
    if (!takes.empty()) {
      EXPECT_EQ(row->second[2], takes) << name;
    }
    EXPECT_FALSE(row->second[2].empty() || row->second[3].empty()) << name;
    if (!RangeOf(knob)) continue;
    const double off = EffectOf(v1::SamplingParams(), knob, kCountMax).least;
    EXPECT_EQ(row->second[3], off == kCountMax ? "absent" : Digits(off))
        << name;
  }
}

TEST(ProfilesPage, HasEveryFieldOfAPhaseAClampAndASchedule) {
  for (const auto& [head, type] :
       {std::pair("| Field of a phase | |", v1::Phase::descriptor()),
        std::pair("| Field of a schedule | |", v1::Schedule::descriptor()),
        std::pair("| Field of a clamp | |", v1::Clamp::descriptor())}) {
    std::vector<std::string> expected, fields;
    for (int i = 0; i < type->field_count(); ++i) {
      expected.push_back(Code(type->field(i)->name()));
    }
    for (const auto& row : Table(head)) fields.push_back(row[0]);
    EXPECT_EQ(fields, expected);
  }
}

// Who copies one begins with a good file.
TEST(ProfilesPage, HasExamplesOfWhichTheLinterFindsOnlyWhatThePageTells) {
  constexpr char kFence[] = "\n```yaml\n";
  std::vector<std::string> found;
  int examples = 0;
  for (size_t at = Page().find(kFence); at != std::string::npos;
       at = Page().find(kFence, at + 1)) {
    const size_t begin = at + sizeof(kFence) - 1;
    const std::string text =
        Page().substr(begin, Page().find("```", begin) - begin);
    bool is_profile = false;
    for (const v1::LintFinding& finding :
         LintText(text, "example", Fields::kContent, Limits(), &is_profile)) {
      found.push_back(absl::StrCat(finding.rule(), " ", finding.field()));
    }
    ++examples;
  }
  EXPECT_EQ(examples, 3);
  EXPECT_EQ(found, std::vector<std::string>({"rejects-silence clamps[1]"}));
}

}  // namespace
}  // namespace logitd
