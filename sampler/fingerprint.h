// The fingerprint: names the semantics, the arithmetic and the parameters, so
// that equal fingerprints, seeds, histories and rows give equal tokens.
//
// Pure, thread-safe; allocates; made at open and update only. Lines and hash:
// sampler/README.md, "Fingerprint".
#ifndef LOGITD_SAMPLER_FINGERPRINT_H_
#define LOGITD_SAMPLER_FINGERPRINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "sampler/plan.h"

namespace logitd {

inline constexpr char kSemantics[] = "logitd/1";
// The version of exp, log, mass, race and noise. 0: no promise across builds.
inline constexpr uint32_t kCoreVersion = 0;

// Every stage built, with its version: "top_p=1".
std::vector<std::string> StageVersions();

// The lines: semantics, core, the plan's stages, then every parameter that is
// not at its off value, by field number.
std::vector<std::string> FingerprintLines(const Plan& plan);

// A phase as the fingerprint sees it: no name. What it points to outlives it.
struct FingerprintPhase {
  const Plan* plan;
  uint32_t within;  // number of the phase that it is entered from; 0: any
  const std::vector<TokenIds>* enter;
  const std::vector<TokenIds>* leave;
};

// The lines of the base; then those of phase 1, 2, ..., each behind "phase1.".
std::vector<std::string> FingerprintLines(
    const Plan& base, absl::Span<const FingerprintPhase> phases);

// First 16 hex digits of the SHA-256 of the lines, each ended by "\n".
std::string Fingerprint(const std::vector<std::string>& lines);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_FINGERPRINT_H_
