// The table of knobs in sampler/README.md says what sampler/knobs.h says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/sampler/knob_list.h"

namespace logitd::tests {
namespace {

using Cells = std::vector<std::string>;

// The rows of the table of knobs by their first cell.
std::map<std::string, Cells> RowsOfKnobs() {
  std::ifstream page(LOGITD_SOURCE_DIR "/sampler/README.md");
  std::map<std::string, Cells> rows;
  bool is_inside = false;
  for (std::string line; std::getline(page, line);) {
    if (absl::StartsWith(line, "## ")) is_inside = line == "## Knobs";
    if (!is_inside || !absl::StartsWith(line, "| `")) continue;
    Cells cells = absl::StrSplit(line, '|');
    for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
    EXPECT_TRUE(rows.emplace(cells.at(1), cells).second) << line;
  }
  return rows;
}

TEST(SpecificationPage, HasTheRangeAndTheOffValueOfEveryKnob) {
  const std::map<std::string, Cells> rows = RowsOfKnobs();
  EXPECT_EQ(rows.size(), AllKnobs().size());
  for (const Knob& knob : AllKnobs()) {
    const auto row = rows.find(absl::StrCat("`", knob.name, "`"));
    ASSERT_NE(row, rows.end()) << knob.name;
    const Cells& cells = row->second;
    ASSERT_EQ(cells.size(), 7u) << knob.name;
    EXPECT_FALSE(cells[2].empty()) << knob.name;
    if (!knob.range.empty()) {
      EXPECT_EQ(cells[2], knob.range) << knob.name;
    }
    EXPECT_EQ(cells[3], knob.off) << knob.name;
  }
}

}  // namespace
}  // namespace logitd::tests
