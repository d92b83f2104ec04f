// ValidateTogether: what does not go together in the base or a phase of a
// profile: clamps, forces, defaults, knobs of two levels. Appends what is not
// there yet. Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_VALIDATE_TOGETHER_H_
#define LOGITD_SERVICE_PROFILES_VALIDATE_TOGETHER_H_

#include <cstdint>

#include "service/profiles/resolve_one.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

void ValidateTogether(const Layers& layers, uint32_t vocab_size,
                      Violations* violations);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_VALIDATE_TOGETHER_H_
