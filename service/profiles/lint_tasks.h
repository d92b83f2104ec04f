// The tasks that the linter knows by label, and the values at which each is at
// home. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_LINT_TASKS_H_
#define LOGITD_SERVICE_PROFILES_LINT_TASKS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace logitd {

// Ends belong to it.
struct Interval {
  double min;
  double max;

  bool Has(double value) const { return value >= min && value <= max; }
  std::string Text() const;  // "0.6 to 1"
};

struct Band {
  std::vector<std::string> tasks;
  Interval temperature;
  Interval top_p;

  bool Has(absl::string_view task) const;
};

enum BandIndex {
  kExtractionBand,
  kChatBand,
  kIdeasBand,
  kRetrievalBand,
  kPreciseBand
};
const std::vector<Band>& Bands();

// All names, band by band.
std::vector<std::string> KnownTasks();
// Its output repeats braces, keys and names.
bool IsStructured(absl::string_view task);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_LINT_TASKS_H_
