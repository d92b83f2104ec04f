// What logitctl replay says of what it found.

#include "service/client/logitctl/replayed_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "service/client/logitctl/exit_code.h"
#include "service/client/messages.h"

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
  EXPECT_TRUE(Verdict(Same(), false).ok());
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

TEST(ReplayedText, TellsThatTheTextHasEnded) {
  client::Replayed replayed = Same();
  replayed.other = 1;
  replayed.token = {3, 2, 77, client::kNone};
  EXPECT_THAT(ReplayedText(replayed),
              HasSubstr("was 77, now the text has ended"));
  EXPECT_THAT(ReplayedJson(replayed), HasSubstr("\"found\": null"));
  EXPECT_THAT(ReplayedText(replayed, true),
              HasSubstr("parts at token: 3, of row 2, was 77, the text has"));
  EXPECT_THAT(ReplayedText(replayed, true),
              HasSubstr("would have been others"));
}

TEST(ReplayedText, TellsWhatHasChanged) {
  const auto verdict = [](client::Replayed replayed, bool has_other_rules) {
    const absl::Status status = Verdict(replayed, has_other_rules);
    EXPECT_EQ(ExitCodeOf(status), status.ok() ? kOk : kDiffers);
    return std::string(status.message());
  };
  client::Replayed replayed = Same();
  EXPECT_EQ(verdict(replayed, false), "");
  replayed.is_whole = false;
  EXPECT_THAT(verdict(replayed, false), HasSubstr("the receipt has changed"));
  EXPECT_THAT(verdict(replayed, true), HasSubstr("the receipt has changed"));

  replayed = Same();
  replayed.other_rows = 1;
  replayed.row = {3, 3, 1, 2};
  EXPECT_THAT(verdict(replayed, false), HasSubstr("the same tokens follow"));
  EXPECT_THAT(verdict(replayed, true), HasSubstr("of another generation"));
  replayed.other = 1;
  replayed.token = {3, 3, 1, 2, true};
  EXPECT_THAT(verdict(replayed, false),
              HasSubstr("the rows have changed, and other"));
  replayed.token->has_other_row = false;
  EXPECT_THAT(verdict(replayed, false), HasSubstr("the sampler has changed"));
  replayed.token->is_guided = true;
  EXPECT_THAT(verdict(replayed, false), HasSubstr("the guidance rows"));
  replayed.other_rows = 0;
  EXPECT_EQ(verdict(replayed, true), "");

  replayed = client::Replayed();
  replayed.unchecked = 4;
  EXPECT_THAT(verdict(replayed, false), HasSubstr("nothing could be checked"));
  replayed.same = 1;
  EXPECT_EQ(verdict(replayed, false), "");
}

}  // namespace
}  // namespace logitd::logitctl
