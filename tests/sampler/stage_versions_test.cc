// What a fingerprint may hold of stages is what the specification lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sampler/fingerprint.h"
#include "sampler/knobs.h"

namespace logitd::tests {
namespace {

TEST(StageVersions, AreTheSpecificationsStagesInItsOrderEachAtOne) {
  std::ifstream file(LOGITD_SOURCE_DIR "/sampler/README.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  size_t at = page.find("in pipeline order (", page.find("\n## Fingerprint"));
  ASSERT_NE(at, std::string::npos);
  const size_t end = page.find(')', at);
  std::vector<std::string> stages;
  while ((at = page.find('`', at)) < end) {
    const size_t close = page.find('`', at + 1);
    stages.push_back(page.substr(at + 1, close - at - 1) + "=1");
    at = close + 1;
  }
  EXPECT_GT(stages.size(), 30u);
  EXPECT_EQ(StageVersions(), stages);
}

// At the least value that is on.
TEST(StageVersions, OfNgramsBeginAtOneToken) {
  Params params;
  params.no_repeat_ngram = 1;
  EXPECT_THAT(FingerprintLines(*Plan::Compile(params, 100)),
              ::testing::Contains("no_repeat_ngram=1"));
}

TEST(StageVersions, OfAPlanWithoutKnobsAreOfWhatAlwaysRuns) {
  const std::vector<std::string> lines =
      FingerprintLines(*Plan::Compile(Params(), 100));
  EXPECT_THAT(lines, ::testing::ElementsAre(kSemantics, "core=0", "check=1",
                                            "hard_bans=1", "draw=1"));
}

TEST(FingerprintOfLists, NamesTheirIdsRisingAndOnce) {
  for (const IdsKnob& knob : kIdsKnobs) {
    Params params;
    params.*knob.value = {7, 3, 7, 12};
    const std::vector<std::string> lines =
        FingerprintLines(*Plan::Compile(params, 100));
    EXPECT_THAT(lines, ::testing::Contains(::testing::EndsWith("=3,7,12")))
        << knob.name;
  }
}

TEST(FingerprintOfPhases, SaysWhereEachBeginsAndEnds) {
  using ::testing::Contains;
  using ::testing::HasSubstr;
  using ::testing::Not;
  const Plan plan = *Plan::Compile(Params(), 100);
  const std::vector<TokenIds> enter = {{7}, {5, 6}, {7}}, leave = {{8}}, none;
  const std::vector<std::string> lines = FingerprintLines(
      plan, {{{&plan, 0, &enter, &leave}, {&plan, 1, &leave, &none}}});
  EXPECT_THAT(lines, Contains("phase1.enter=5,6;7"));
  EXPECT_THAT(lines, Contains("phase1.leave=8"));
  EXPECT_THAT(lines, Contains("phase1.check=1"));
  EXPECT_THAT(lines, Contains("phase2.draw=1"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("phase1.within"))));
  EXPECT_THAT(lines, Contains("phase2.within=1"));
  EXPECT_THAT(lines, Contains("phase2.enter=8"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("phase2.leave"))));
}

}  // namespace
}  // namespace logitd::tests
