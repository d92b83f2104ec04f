// How much a test may take.
#ifndef LOGITD_TESTS_SUPPORT_EFFORT_H_
#define LOGITD_TESTS_SUPPORT_EFFORT_H_

#include <cstdlib>

namespace logitd::tests {

// LOGITD_LONG=1: more samples.
inline bool IsLong() { return std::getenv("LOGITD_LONG") != nullptr; }

// LOGITD_QUIET=1: nothing else runs here, so bounds of time say something.
inline bool IsQuiet() { return std::getenv("LOGITD_QUIET") != nullptr; }

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SUPPORT_EFFORT_H_
