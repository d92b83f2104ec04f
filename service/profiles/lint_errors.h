// Errors of the linter: which rule a violation breaks, and what to do.
//
// Violations tell what is wrong in the words that a request gets; the id and
// the fix are made of those words, so that they are the same wherever the
// violation came from. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_LINT_ERRORS_H_
#define LOGITD_SERVICE_PROFILES_LINT_ERRORS_H_

#include <string>
#include <vector>

#include "service/profiles/validate_violation.h"

namespace logitd {

struct ErrorRule {
  const char* id;
  std::string fix;
};

ErrorRule ErrorRuleOf(const Violation& violation);

// All that ErrorRuleOf may give, but kInvalidRule.
std::vector<std::string> ErrorRuleIds();

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_LINT_ERRORS_H_
