// A suite that tells a right draw from a wrong one by its tokens alone.
//
// A Drawer is a sampler under trial; a Trial draws from it, by the ten thousand
// and at points of its own choosing, and returns the p-value of what came
// against the distribution that the textbook oracle gives. Right samplers
// survive all trials at kAlpha; each known mistake is rejected by one. Confined
// to one thread; a trial takes about 0.1 s.
#ifndef LOGITD_TESTS_SAMPLER_TRIALS_H_
#define LOGITD_TESTS_SAMPLER_TRIALS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sampler/noise.h"
#include "sampler/params.h"
#include "tests/sampler/cases.h"

namespace logitd::tests {

// A sampler under trial. Open, then Draw as often as wanted.
class Drawer {
 public:
  virtual ~Drawer() = default;
  // The row, parameters and output of `c` are what Draw draws from.
  virtual void Open(const Case& c) = 0;
  virtual uint32_t Draw(const NoisePoint& at) = 0;
};

// The real one, through Sampler::Sample.
std::unique_ptr<Drawer> MakeSamplerDrawer(const kernels::KernelTable& kernels);

struct Trial {
  std::string name;
  // The p-value; 0 also for what cannot happen.
  double (*run)(Drawer* drawer);
};
const std::vector<Trial>& Trials();

// What the oracle says of each token of a case.
std::vector<double> DistributionOf(const Case& c);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_TRIALS_H_
