// The arithmetic of sampler/README.md, "Arithmetic", one number at a time: a
// second copy to hold the kernels against, bit for bit.
//
// Written from that page; knows nothing of the kernels. Pure, thread-safe,
// O(V); allocates nothing. Needs -ffp-contract=off, as everything here.
#ifndef LOGITD_TESTS_SUPPORT_KERNELS_SCALAR_H_
#define LOGITD_TESTS_SUPPORT_KERNELS_SCALAR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logitd::tests {

// exp_f, log_d and exp_d.
float ScalarExpF(float d);
double ScalarLogD(double x);
double ScalarExpD(double x);

// The sum of one block: `count` <= 128 terms, the missing ones +0.
float ScalarBlockSum(const float* terms, size_t count);

// The sum of terms by id, +0 for non-members: mass() when they are weights.
double ScalarSum(const std::vector<float>& terms);

// E = -log_d(u) of a noise.
double ScalarExponential(uint64_t noise);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SUPPORT_KERNELS_SCALAR_H_
