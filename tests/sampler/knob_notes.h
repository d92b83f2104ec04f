// What a test found out about knobs, written down as a property of that test:
// tests/semantics_table.sh makes its table of them.
//
// Knows GoogleTest. Confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_KNOB_NOTES_H_
#define LOGITD_TESTS_SAMPLER_KNOB_NOTES_H_

#include <map>
#include <string>
#include <vector>

#include "tests/sampler/cases.h"

namespace logitd::tests {

// The knobs without which the answer to the case would be another; none unless
// LOGITD_KNOB_NOTES is set, for it takes one more run for each knob that is on.
// `ran` is that answer. Any target will do, since all give the same bits.
std::vector<std::string> KnobsThatDecide(Case c, const Ran& ran,
                                         CaseRunner* runner);

// Rows on which a knob decided something and that were compared with a
// textbook, and the worst distance from it.
class Comparisons {
 public:
  void Add(const std::string& knob, double error);
  void Add(const std::vector<std::string>& knobs, double error);
  // As the property `key`: "top_p=2411 3.2e-07", a line for each knob.
  void Record(const std::string& key) const;

 private:
  struct Sum {
    int rows = 0;
    double worst_error = 0;
  };
  std::map<std::string, Sum> sums_;
};

// The ranges, and the off values, of the knobs that this test tried:
// "top_p=(0, 1]", a line for each.
void RecordRanges(const std::vector<std::string>& knobs);
void RecordOffValues(const std::vector<std::string>& knobs);

// The names in one of the tables of sampler/knobs.h.
template <class Table>
std::vector<std::string> NamesIn(const Table& table) {
  std::vector<std::string> names;
  for (const auto& knob : table) names.push_back(knob.name);
  return names;
}

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_KNOB_NOTES_H_
