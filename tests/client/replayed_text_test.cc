// What logitctl replay says of what it found.

#include "service/client/logitctl/replayed_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "service/client/logitctl/exit_code.h"

namespace logitd::logitctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

client::Replayed Same() {
  client::Replayed replayed;
  replayed.same = 7;
  replayed.appended = 2;
  return replayed;
}

TEST(ReplayedText, TellsWhatThereIs) {
  const std::string text = ReplayedText(Same());
  EXPECT_THAT(text, HasSubstr("       7  drawn tokens follow"));
  EXPECT_THAT(text, HasSubstr("       2  tokens were appended"));
  EXPECT_THAT(text, Not(HasSubstr("given")));
  EXPECT_THAT(text, Not(HasSubstr("first")));
  EXPECT_TRUE(Verdict(Same()).ok());
}

TEST(ReplayedText, NamesTheFirstThatDiffersIn80Columns) {
  client::Replayed replayed = Same();
  replayed.other = replayed.other_rows = replayed.unchecked = 131072;
  replayed.token = {131071, 131070, 262143, 262142};
  replayed.row = {131069, 131068, 0xabc, ~std::uint64_t{0}};
  const std::string text = ReplayedText(replayed);
  EXPECT_THAT(text, HasSubstr("first token: 131071, of row 131070, was 262143, "
                              "now follows 262142"));
  EXPECT_THAT(text, HasSubstr("was 0000000000000abc, is ffffffffffffffff"));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(line.size(), 80u) << line;
  }
  const std::string json = ReplayedJson(replayed);
  EXPECT_THAT(json, HasSubstr("\"first_token\": {\"index\": 131071, "
                              "\"row\": 131070, \"recorded\": 262143"));
  EXPECT_THAT(json, HasSubstr("\"recorded\": \"0000000000000abc\""));
}

TEST(ReplayedText, TellsRowsFromTheSampler) {
  const auto verdict = [](std::optional<std::uint32_t> token,
                          std::optional<std::uint32_t> row) {
    client::Replayed replayed = Same();
    if (token.has_value()) {
      replayed.other = 1;
      replayed.token = {*token, 0, 1, 2};
    }
    if (row.has_value()) {
      replayed.other_rows = 1;
      replayed.row = {*row, 0, 1, 2};
    }
    const absl::Status status = Verdict(replayed);
    EXPECT_EQ(ExitCodeOf(status), kDiffers);
    return std::string(status.message());
  };
  EXPECT_THAT(verdict({}, 3), HasSubstr("the same tokens follow"));
  EXPECT_THAT(verdict(3, 3), HasSubstr("the rows have changed, and other"));
  EXPECT_THAT(verdict(3, {}), HasSubstr("the sampler has changed"));
  EXPECT_THAT(verdict(3, 4), HasSubstr("the sampler has changed"));
}

}  // namespace
}  // namespace logitd::logitctl
