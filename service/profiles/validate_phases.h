// ValidatePhases: what is wrong with the phases of a profile or a request, each
// by itself and among themselves. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_VALIDATE_PHASES_H_
#define LOGITD_SERVICE_PROFILES_VALIDATE_PHASES_H_

#include <cstdint>
#include <vector>

#include "logitd/v1/params.pb.h"
#include "service/limits.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

// Appends to *violations; fields begin with "phases[i].".
void ValidatePhases(const std::vector<const v1::Phase*>& phases,
                    const Limits& limits, uint32_t vocab_size,
                    Violations* violations);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_VALIDATE_PHASES_H_
