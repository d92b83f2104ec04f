// Chi-square tests with a stated rate of false alarms.
//
// A run of all tests asks at most kVerdictsMax statistical questions, each at
// kAlpha, so that a right sampler fails a run of fresh seeds at most once in a
// million. Seeds are fixed: a pass stays a pass. Pure, thread-safe.
#ifndef LOGITD_TESTS_SAMPLER_STATISTICS_H_
#define LOGITD_TESTS_SAMPLER_STATISTICS_H_

#include <cstdint>
#include <vector>

namespace logitd::tests {

inline constexpr double kFalseAlarmsPerRun = 1e-6;
inline constexpr int kVerdictsMax = 64;
inline constexpr double kAlpha = kFalseAlarmsPerRun / kVerdictsMax;

// Of them those that draft_test.cc asks.
inline constexpr int kDraftQuestions = 16;

// P(X >= statistic) for X chi-square with that many degrees of freedom.
double ChiSquareTail(double statistic, double degrees);

// P(X >= count) for X Poisson with that mean.
double PoissonTail(uint64_t count, double mean);

// The p-value of counts against probabilities of the same cells. Cells that
// expect fewer than 50 are pooled. 0 when an impossible cell was hit.
double ChiSquareP(const std::vector<uint64_t>& counts,
                  const std::vector<double>& probabilities);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_STATISTICS_H_
