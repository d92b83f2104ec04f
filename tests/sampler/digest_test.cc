// Every target gives the golden digest, and one wrong number would change it.
#include "tests/sampler/digest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/sampler/targets.h"

namespace logitd::tests {
namespace {

std::string Golden() {
  std::ifstream file(LOGITD_SOURCE_DIR "/tests/golden/digest.txt");
  std::string line;
  while (std::getline(file, line) && (line.empty() || line[0] == '#')) {
  }
  return line;
}

std::string Text(const Digest& digest) {
  return absl::StrFormat("%016x cases=%d", digest.value, digest.cases);
}

class DigestOfCases : public OnEachTarget {};

TEST_P(DigestOfCases, IsTheGoldenOne) {
  const Digest digest = DigestOf(kernels());
  EXPECT_GE(digest.cases, 1000);
  EXPECT_EQ(Text(digest), Golden());
}

TEST_P(DigestOfCases, ChangesWithOneUlpOfAMass) {
  constexpr int kCases = 300;  // the planted mistake lies among them
  const Digest right = DigestOf(kernels(), kCases);
  const Digest wrong = DigestOf(WithPlantedMistake(kernels()), kCases);
  EXPECT_EQ(right.cases, wrong.cases);
  EXPECT_NE(right.value, wrong.value);
}

LOGITD_ON_EACH_TARGET(DigestOfCases);

}  // namespace
}  // namespace logitd::tests
