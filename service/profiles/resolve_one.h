// ResolveOne: the base, or one phase, of what levels and clamps come to; and
// the levels of a profile by name. Used to resolve, to validate and to lint.
// Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_RESOLVE_ONE_H_
#define LOGITD_SERVICE_PROFILES_RESOLVE_ONE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "logitd/v1/profiles.pb.h"
#include "service/profiles/resolve.h"
#include "service/profiles/resolve_clamps.h"
#include "service/profiles/resolve_levels.h"

namespace logitd {

// All that the base or a phase is made of. What it points to outlives it.
struct Layers {
  std::vector<Level> below;   // lowest first; what a clamp acts on
  std::vector<Level> forces;  // lowest first
  NamedClamps clamps;
};

// The layers of the base: `profile` may be nullptr.
Layers LayersOf(const v1::Profile* profile, const v1::SamplingParams* request);
// The layers of a phase, the index-th of the profile's or, if `is_own`, of the
// request's.
Layers LayersOf(const v1::Profile* profile, const v1::Phase& phase, int index,
                bool is_own, const v1::SamplingParams* request);

// All that clamps act on. INVALID_ARGUMENT: levels that do not go together.
absl::StatusOr<Levels> LevelsBelow(const Layers& layers);
// What the forces come to, lists as the highest gives them.
v1::SamplingParams ForcedBy(const Layers& layers);

// kNo: as if there were no REJECT clamps.
enum class Rejects { kNo, kYes };
absl::StatusOr<ResolvedParams> ResolveOne(const Layers& layers,
                                          uint32_t vocab_size, Rejects rejects);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_RESOLVE_ONE_H_
