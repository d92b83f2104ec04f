// The printed table and the verdicts. Prints to standard output; keeps counts.
// Not thread-safe.
//
// A line is: what was timed; p10, p50 and p99 in microseconds; the ratio that
// is judged, of p10 to p10 and of p50 to p50; what it must be, for both; what
// is aimed at; met, NOT MET, or "-" where nothing is demanded. A line that
// could not run counts as not met, so that there are as many on every machine.

#ifndef LOGITD_TESTS_BENCH_REPORT_H_
#define LOGITD_TESTS_BENCH_REPORT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/stopwatch.h"

namespace logitd::bench {

// A ratio against what it must be.
struct Verdict {
  double ratio = 0;
  std::optional<double> must;  // none: nothing is demanded
  bool at_least = false;       // else at most
  std::optional<double> aim;
  std::optional<double> ratio_p50;  // none: there is one ratio only
};

// How many times `b` goes into `a`, by both quantiles.
Verdict Ratio(const Quantiles& a, const Quantiles& b,
              std::optional<double> must, std::optional<double> aim = {},
              bool at_least = false);

class Report {
 public:
  // The title starts with "word: ".
  void Section(const std::string& title, const std::string& ratio_name);
  void Note(const std::string& text);
  void Line(const std::string& work, const std::string& row,
            const Quantiles& times, const Verdict& verdict);
  // A bar without a time of its own, such as a growth law.
  void Ratio(const std::string& work, const std::string& row,
             const Verdict& verdict);
  void NotRun(const std::string& work, const std::string& why);
  // "must: N of M met", behind the names of those that were not.
  void Summary() const;

 private:
  std::string Judge(const std::string& name, const Verdict& verdict);
  void Miss(const std::string& name);

  std::string section_;  // its first word, for the summary
  std::size_t bars_ = 0;
  std::vector<std::string> not_met_;
};

// "peaked 151936"
std::string RowName(const std::string& shape, std::size_t vocab_size);

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_REPORT_H_
