// Runs a test once for each kernel table that this processor can execute, its
// name in the test's name: TEST_P(Suite, ...) and LOGITD_ON_EACH_TARGET(Suite).
//
// Effort() shrinks repetitions where a sanitizer makes them slow. Knows
// GoogleTest. Tables are immutable; thread-safe.
#ifndef LOGITD_TESTS_SAMPLER_TARGETS_H_
#define LOGITD_TESTS_SAMPLER_TARGETS_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sampler/kernels/kernels.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LOGITD_TESTS_SLOW 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOGITD_TESTS_SLOW 1
#endif

namespace logitd::tests {

#if defined(LOGITD_TESTS_SLOW)
inline constexpr bool kSlow = true;
#else
inline constexpr bool kSlow = false;
#endif

// `full` repetitions, or a share of them (at least `least`) when each is slow.
constexpr int Effort(int full, int least = 1, int share = 20) {
  const int reduced = full / share > least ? full / share : least;
  return kSlow ? reduced : full;
}

using Target = const kernels::KernelTable*;

inline std::vector<Target> Targets() {
  const kernels::KernelList list = kernels::Available();
  return {list.tables, list.tables + list.count};
}

inline std::string TargetName(const testing::TestParamInfo<Target>& info) {
  return info.param->name;
}

// What a suite of one test per target derives from.
class OnEachTarget : public testing::TestWithParam<Target> {
 protected:
  const kernels::KernelTable& kernels() const { return *GetParam(); }
};

#define LOGITD_ON_EACH_TARGET(Suite)                                    \
  INSTANTIATE_TEST_SUITE_P(, Suite,                                     \
                           testing::ValuesIn(logitd::tests::Targets()), \
                           logitd::tests::TargetName)

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_TARGETS_H_
