// The self-test before serving: this build on this processor computes what the
// specification says. A millisecond; thread-safe.
#ifndef LOGITD_SERVICE_SELF_TEST_H_
#define LOGITD_SERVICE_SELF_TEST_H_

#include "absl/status/status.h"
#include "sampler/kernels/kernels.h"

namespace logitd {

// INTERNAL, naming what differs: Philox from its published answer, or a small
// row through all stages between `kernels` and every other table at hand.
absl::Status SelfTest(const kernels::KernelTable& kernels);

}  // namespace logitd

#endif  // LOGITD_SERVICE_SELF_TEST_H_
