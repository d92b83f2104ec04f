#include "tests/sampler/dialect_named_cases.h"

namespace logitd::tests {

std::vector<NamedDialectCase> NamedDialectCases() {
  named_dialects::Collector all;
  named_dialects::AddOrders(&all);
  named_dialects::AddPenalties(&all);
  named_dialects::AddCuts(&all);
  named_dialects::AddBans(&all);
  named_dialects::AddTemperatures(&all);
  named_dialects::AddLacking(&all);
  named_dialects::AddLackingCuts(&all);
  return all.Take();
}

}  // namespace logitd::tests
