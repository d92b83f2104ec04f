#include "service/client/logitctl/side_by_side.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "service/client/logitctl/json.h"

namespace logitd::logitctl {
namespace {

using ::testing::ElementsAre;

TEST(Wrap, BreaksAtWords) {
  EXPECT_THAT(Wrap("the cat sat on the mat", 7),
              ElementsAre("the cat", "sat on", "the mat"));
  EXPECT_THAT(Wrap("", 7), ElementsAre(""));
  EXPECT_THAT(Wrap("one\ntwo", 20), ElementsAre("one", "two"));
}

TEST(Wrap, CutsWordsThatAreTooLong) {
  EXPECT_THAT(Wrap("a abcdefgh i", 3),
              ElementsAre("a", "abc", "def", "gh", "i"));
  EXPECT_THAT(Wrap("ab", 0), ElementsAre("a", "b"));
}

TEST(SideBySide, PutsColumnsBesideEachOther) {
  const std::vector<Column> columns = {
      {"T 0", "the cat sat on the mat and slept", {"8 tokens"}},
      {"T 1", "the dog", {"2 tokens", "first 1 as at 0"}},
  };
  EXPECT_EQ(SideBySide(columns, 43),
            "T 0                    T 1\n"
            "--------------------   --------------------\n"
            "the cat sat on the     the dog\n"
            "mat and slept\n"
            "\n"
            "8 tokens               2 tokens\n"
            "                       first 1 as at 0\n");
}

TEST(SideBySide, StartsANewGroupWhereThePageIsTooNarrow) {
  const std::vector<Column> columns = {
      {"A", "a", {}}, {"B", "b", {}}, {"C", "c", {}}};
  const std::string page = SideBySide(columns, 40);
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    EXPECT_LE(line.size(), 40);
  }
  EXPECT_NE(page.find("\n\nC\n"), std::string::npos) << page;
  EXPECT_EQ(SideBySide({}, 80), "");
  EXPECT_NE(SideBySide(columns, 1), "");
}

TEST(RepeatShare, CountsWhatCompletesThreeThatCameBefore) {
  EXPECT_EQ(RepeatShare({}), 0);
  EXPECT_EQ(RepeatShare({1, 2, 3, 1, 2}), 0);
  EXPECT_EQ(RepeatShare({1, 2, 3, 1, 2, 3}), 1 / 6.0);
  EXPECT_EQ(RepeatShare({5, 5, 5, 5}), 1 / 4.0);
}

TEST(SharedTokens, CountsUpToTheFirstDifference) {
  EXPECT_EQ(SharedTokens({1, 2, 3}, {1, 2, 4, 5}), 2);
  EXPECT_EQ(SharedTokens({1, 2}, {1, 2, 3}), 2);
  EXPECT_EQ(SharedTokens({1}, {2, 1}), 0);
  EXPECT_EQ(SharedTokens({}, {}), 0);
}

TEST(Json, EscapesStrings) {
  EXPECT_EQ(JsonString("a \"b\" \\ \n \x01"),
            "\"a \\\"b\\\" \\\\ \\u000a \\u0001\"");
  EXPECT_EQ(JsonString("\x1b \x7f \xc2\x9b \xc2\xa0 \xc3\x9b"),
            "\"\\u001b \\u007f \\u009b \xc2\xa0 \xc3\x9b\"");
}

TEST(Json, WritesNumbersThatReadBack) {
  EXPECT_EQ(std::stod(JsonNumber(0.1)), 0.1);
  EXPECT_EQ(std::stod(JsonNumber(-1.0 / 3)), -1.0 / 3);
  EXPECT_EQ(JsonNumber(0.1), "0.1");
  EXPECT_EQ(std::stod(JsonNumber(0.123456789)), 0.123456789);
  EXPECT_EQ(JsonNumber(-0.0 / 0.0), "null");
  EXPECT_EQ(JsonNumber(-1 / 0.0), "\"-Infinity\"");
}

TEST(Json, WritesObjectsAndArrays) {
  EXPECT_EQ(JsonObject({{"a", "1"}, {"b", JsonArray({"2", "null"})}}),
            "{\"a\": 1, \"b\": [2, null]}");
  EXPECT_EQ(JsonObject({}), "{}");
}

}  // namespace
}  // namespace logitd::logitctl
