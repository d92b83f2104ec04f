// What a writable store keeps at most. It must remember every name it ever had,
// else a revision's number could come twice.
#ifndef LOGITD_SERVICE_PROFILES_STORE_LIMITS_H_
#define LOGITD_SERVICE_PROFILES_STORE_LIMITS_H_

#include <cstddef>

namespace logitd {

struct StoreLimits {
  size_t revisions_max = 1000;  // --max_revisions of one name; the oldest go
  size_t names_max = 100'000;   // --max_profile_names: deleted ones too
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_STORE_LIMITS_H_
