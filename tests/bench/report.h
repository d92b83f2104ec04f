// The printed table and the verdicts. Prints to standard output; keeps counts.
// Not thread-safe.
//
// A line is: what was timed; min, p10 and p50 in microseconds; the ratio that
// the design sets a bar for (p10 over p10); the bar; met, NOT MET, or "-" where
// there is no bar. A line that could not run counts as not met.

#ifndef LOGITD_TESTS_BENCH_REPORT_H_
#define LOGITD_TESTS_BENCH_REPORT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/stopwatch.h"

namespace logitd::bench {

// A ratio against its bar.
struct Verdict {
  double ratio = 0;
  std::optional<double> limit;  // none: no bar
  bool at_least = false;        // else at most
};

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
  // "N of M bars met", with the names of those that were not.
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
