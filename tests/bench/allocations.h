// Counts heap allocations of this program, by replacing operator new. Linked
// into the bench only. Thread-safe.

#ifndef LOGITD_TESTS_BENCH_ALLOCATIONS_H_
#define LOGITD_TESTS_BENCH_ALLOCATIONS_H_

#include <cstdint>

namespace logitd::bench {

// Calls of any operator new since the start.
std::uint64_t AllocationCount();

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_ALLOCATIONS_H_
