// Samplers that are wrong in one known way each, to try the trials on.
//
// Textbook pipeline and race; the mistake is in the parameters, in the kept set
// or in the noise. Confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_KNOWN_BUGS_H_
#define LOGITD_TESTS_SAMPLER_KNOWN_BUGS_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/sampler/trials.h"

namespace logitd::tests {

enum class Bug {
  kNone,
  kTemperatureFivePercentHigh,
  kTopPKeepsOneMore,
  kTopPDropsTheCrossingToken,
  kTopKKeepsOneFewer,
  kMinPDropsEquals,
  kPenaltiesCountedTwice,
  kPenaltiesForgotten,
  kTieGoesToTheLowerOfAPair,
  kLastIdNeverDrawn,
  kUniformOf24Bits,
  kBlocksIgnoreMass,
  kTokensReuseTheNoiseOfBlocks,
  kNoiseReusedOnTwoSteps,
  kPositionIgnored,
  kPositionIn16Bits,
  kSeedIn32Bits,
  kSeedPlusPosition,
  kAttemptIgnored,
  kForkKeepsTheParentsKey,
};

// Every bug but kNone, with a name for tests.
struct NamedBug {
  Bug bug;
  std::string name;
};
const std::vector<NamedBug>& KnownBugs();

// A sampler with that bug; with kNone a right one.
std::unique_ptr<Drawer> MakeBuggyDrawer(Bug bug);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_KNOWN_BUGS_H_
