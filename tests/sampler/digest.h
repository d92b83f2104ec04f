// The digest: one number over everything the sampler says about a fixed list of
// cases, the same on every target.
//
// Every token, number, list, flag and error text goes into it, number by number
// as bits. Uses no GoogleTest, file or libm, so that it runs on any processor.
// Confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_DIGEST_H_
#define LOGITD_TESTS_SAMPLER_DIGEST_H_

#include <cstdint>
#include <vector>

#include "sampler/kernels/kernels.h"
#include "tests/sampler/cases.h"
#include "tests/sampler/digest_cases.h"

namespace logitd::tests {

struct Digest {
  uint64_t value = 0;
  int cases = 0;
};

// Of one case: all that was said, or the error, and how the generation ended.
uint64_t DigestOf(const Ran& ran);
// Of many, in their order.
Digest InOrder(const std::vector<uint64_t>& digests);

// Over all cases, or the first `cases_max` of them.
Digest DigestOf(const kernels::KernelTable& kernels,
                int cases_max = kDigestCases);

// The same kernels with a mistake: ten masses that weigh() returns are one ulp
// of an fp32 too large. Confined to one thread; valid until the next call.
const kernels::KernelTable& WithPlantedMistake(
    const kernels::KernelTable& kernels);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_DIGEST_H_
