// Clamps: limits of profile and phase, put together and applied.
//
// A clamp that is not valid in itself (validate_clamps.h) limits nothing here.
// Pure; thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_RESOLVE_CLAMPS_H_
#define LOGITD_SERVICE_PROFILES_RESOLVE_CLAMPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "logitd/v1/params.pb.h"
#include "logitd/v1/session.pb.h"
#include "service/profiles/resolve_levels.h"
#include "service/profiles/validate_violation.h"

namespace logitd {

// A clamp, which outlives it, and how it is called.
struct NamedClamp {
  const v1::Clamp* clamp;
  std::string rule;  // "phase tool clamps[0]"
  std::string path;  // "phases[1].clamps[0]"
};
using NamedClamps = std::vector<NamedClamp>;

// The clamp's limits inside the knob's range; of top_k at most vocab_size,
// which every least value lets through. Nothing: the clamp is not valid.
std::optional<NumberRange> LimitsOf(const v1::Clamp& clamp,
                                    uint32_t vocab_size);

// INVALID_ARGUMENT: a value outside a REJECT clamp. `forced` is what the forces
// set: of such a knob only what the caller himself asked for is judged, for the
// profile's own value is never used.
absl::Status CheckRejects(const NamedClamps& clamps,
                          const v1::SamplingParams& forced,
                          const Levels& levels, uint32_t vocab_size);

// Values of the profile's own levels outside a REJECT clamp: whoever sets
// nothing would be refused. But what a force replaces, and what no level set.
Violations CheckDefaults(const NamedClamps& clamps,
                         const v1::SamplingParams& forced, const Levels& levels,
                         uint32_t vocab_size);

// Brings what is outside to the nearest limit, but no forced knob.
void ApplyClamps(const NamedClamps& clamps, const v1::SamplingParams& forced,
                 uint32_t vocab_size, Levels* levels,
                 std::vector<v1::Clamped>* clamped);

// Clamps that leave nothing, and forces outside clamps. `forces` are from the
// lowest to the highest.
Violations CheckClamps(const NamedClamps& clamps,
                       const std::vector<Level>& forces, uint32_t vocab_size);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_RESOLVE_CLAMPS_H_
