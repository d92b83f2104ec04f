// Counts the heap allocations of a program, by replacing operator new: for
// programs that link the target logitd_counting_heap. Thread-safe.

#ifndef LOGITD_TESTS_SUPPORT_COUNTING_HEAP_H_
#define LOGITD_TESTS_SUPPORT_COUNTING_HEAP_H_

#include <cstdint>

namespace logitd::tests {

// False under a sanitizer, which brings an operator new of its own: then the
// count stays 0 and a test of it has nothing to say.
bool CountsAllocations();

// Calls of any operator new since the start.
std::uint64_t AllocationCount();

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SUPPORT_COUNTING_HEAP_H_
