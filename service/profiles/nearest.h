// Nearest: which name was probably meant.
#ifndef LOGITD_SERVICE_PROFILES_NEAREST_H_
#define LOGITD_SERVICE_PROFILES_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace logitd {

// The shortest name that goes on where `name`, or its singular, stops; else the
// one that differs least from it in letters added, dropped or replaced; the
// first of several. Case does not matter. Empty: none is near. Pure.
std::string Nearest(absl::string_view name,
                    const std::vector<std::string>& names);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_NEAREST_H_
