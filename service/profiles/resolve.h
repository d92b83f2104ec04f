// Resolve: what a profile and a request come to, for the base and each phase.
//
// built-in (off) < profile default < phase default < request; then the clamps
// of profile and phase; then profile force, then phase force. A level's value
// replaces the lower one whole, but banned_ids, bad_words, suppressed_ids,
// begin_suppressed_ids, stop_ids and stop_sequences unite, allowed_ids
// intersect, and the bias is per id, the highest level winning. A knob of a
// higher level turns off those of lower ones that it conflicts with
// (conflict.h); against a force it is an error.
//
// A clamp compares effects and refuses or changes only what is really outside.
// Every REJECT clamp is asked; the rest intersect. A forced knob is not
// clamped, as Create keeps it inside, but a value that the caller asked for is
// still refused by a REJECT. The profile's own default under a force is never
// used and never refused; without one, Create keeps it inside its REJECTs. Pins
// of the owner win over phases of a request: there profile force comes last.
//
// Pure; thread-safe; allocates. Cost: some times the size of what goes in.
#ifndef LOGITD_SERVICE_PROFILES_RESOLVE_H_
#define LOGITD_SERVICE_PROFILES_RESOLVE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "logitd/v1/params.pb.h"
#include "logitd/v1/profiles.pb.h"
#include "logitd/v1/session.pb.h"
#include "service/limits.h"

namespace logitd {

struct ResolvedParams {
  v1::SamplingParams params;  // what is not at its off value
  // Of each field that any level set, also when it came to its off value.
  std::vector<v1::Provenance> provenance;
  std::vector<v1::Clamped> clamped;  // in force: not what force replaced
};

struct ResolvedPhase {
  v1::Phase phase;  // name, enter, leave and within
  ResolvedParams resolved;
};

struct Resolution {
  ResolvedParams base;
  std::vector<ResolvedPhase> phases;
};

// What the arithmetic bears.
Limits HardLimits();

// `profile` may be nullptr, else it passed Validate. The request and its phases
// are checked here, before any clamp can hide what is wrong; lists that unite
// may grow over `limits`, which ReadParams of the result says.
// INVALID_ARGUMENT "params.top_p: ...", "phases[0].enter: ..." or the field of
// the profile that does not go with the request; RESOURCE_EXHAUSTED: a list
// over its limit, or the lists of all phases together.
absl::StatusOr<Resolution> Resolve(const v1::Profile* profile,
                                   const v1::SamplingParams& request,
                                   absl::Span<const v1::Phase> request_phases,
                                   uint32_t vocab_size,
                                   const Limits& limits = HardLimits());

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_RESOLVE_H_
