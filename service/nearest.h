// Nearest: which name was probably meant.
#ifndef LOGITD_SERVICE_NEAREST_H_
#define LOGITD_SERVICE_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace logitd {

// The name that differs least from `name` in letters added, dropped or
// replaced; the first of several. Empty: none is near. Pure.
std::string Nearest(absl::string_view name,
                    const std::vector<std::string>& names);

}  // namespace logitd

#endif  // LOGITD_SERVICE_NEAREST_H_
