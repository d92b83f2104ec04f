#include "tests/sampler/knob_notes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/sampler/knob_list.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {
namespace {

void RecordOf(const char* key, std::string Knob::*text,
              const std::vector<std::string>& names) {
  std::vector<std::string> lines;
  for (const Knob& knob : AllKnobs()) {
    if (std::count(names.begin(), names.end(), knob.name) > 0) {
      lines.push_back(absl::StrCat(knob.name, "=", knob.*text));
    }
  }
  EXPECT_EQ(lines.size(), names.size()) << "a knob that is not in the list";
  testing::Test::RecordProperty(key, absl::StrJoin(lines, "\n"));
}

bool IsSame(const Ran& a, const Ran& b) {
  if (a.status != b.status) return false;
  return !a.status.ok() || Difference(a.outcome, b.outcome).empty();
}

}  // namespace

std::vector<std::string> KnobsThatDecide(Case c, const Ran& ran,
                                         CaseRunner* runner) {
  std::vector<std::string> names;
  if (std::getenv("LOGITD_KNOB_NOTES") == nullptr) return names;
  const Params params = c.params;
  for (const Knob& knob : AllKnobs()) {
    if (!knob.is_on(params)) continue;
    c.params = params;
    knob.take_away(&c.params);
    if (!IsSame(ran, runner->Run(c))) names.push_back(knob.name);
  }
  return names;
}

void Comparisons::Add(const std::string& knob, double error) {
  Sum& sum = sums_[knob];
  ++sum.rows;
  sum.worst_error = std::max(sum.worst_error, error);
}

void Comparisons::Add(const std::vector<std::string>& knobs, double error) {
  for (const std::string& knob : knobs) Add(knob, error);
}

void Comparisons::Record(const std::string& key) const {
  std::vector<std::string> lines;
  for (const auto& [knob, sum] : sums_) {
    lines.push_back(absl::StrCat(knob, "=", sum.rows, " ", sum.worst_error));
  }
  testing::Test::RecordProperty(key, absl::StrJoin(lines, "\n"));
}

void RecordRanges(const std::vector<std::string>& knobs) {
  RecordOf("range", &Knob::range, knobs);
}

void RecordOffValues(const std::vector<std::string>& knobs) {
  RecordOf("off", &Knob::off, knobs);
}

}  // namespace logitd::tests
