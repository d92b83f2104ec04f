// What a fingerprint may hold of stages is what the specification lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sampler/fingerprint.h"

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

}  // namespace
}  // namespace logitd::tests
