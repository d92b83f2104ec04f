#include "service/profiles/lint_tasks.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "service/profiles/knob.h"

namespace logitd {

std::string Interval::Text() const {
  return absl::StrCat(Digits(min), " to ", Digits(max));
}

bool Band::Has(absl::string_view task) const {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

const std::vector<Band>& Bands() {
  static const auto* const bands = new std::vector<Band>{
      {{"extraction", "json", "facts"}, {0, 0.4}, {0.8, 0.95}},
      {{"chat", "drafting"}, {0.6, 1}, {0.9, 1}},
      {{"ideas", "brainstorm"}, {1.1, 2}, {0.95, 1}},
      // The nearest thing to a quotation.
      {{"retrieval"}, {0, 0.1}, {0, 1}},
      // Above 1 these are right by luck.
      {{"math", "law", "medicine", "code", "data", "structured-data"},
       {0, 1},
       {0, 1}},
  };
  return *bands;
}

std::vector<std::string> KnownTasks() {
  std::vector<std::string> known;
  for (const Band& band : Bands()) {
    known.insert(known.end(), band.tasks.begin(), band.tasks.end());
  }
  return known;
}

bool IsStructured(absl::string_view task) {
  constexpr absl::string_view kStructured[] = {"extraction", "json", "code",
                                               "data", "structured-data"};
  return std::find(std::begin(kStructured), std::end(kStructured), task) !=
         std::end(kStructured);
}

}  // namespace logitd
