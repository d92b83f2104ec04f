// Conflict: two knobs that cannot both act, in one table.
//
// Who meets a conflict decides by the levels of the two knobs; here is only
// whether there is one. Immutable; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_CONFLICT_H_
#define LOGITD_SERVICE_PROFILES_CONFLICT_H_

#include <cstdint>

#include "absl/types/span.h"
#include "logitd/v1/params.pb.h"
#include "service/profiles/knob.h"

namespace logitd {

struct Conflict {
  int a;  // field numbers in SamplingParams
  int b;
  // True if these two values do not go together. Both knobs are set.
  bool (*holds)(const v1::SamplingParams& params, const Knob& a, const Knob& b);
  const char* why;
};

absl::Span<const Conflict> Conflicts();

// True if both knobs are set and do not go together.
bool Holds(const Conflict& conflict, const v1::SamplingParams& params);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_CONFLICT_H_
