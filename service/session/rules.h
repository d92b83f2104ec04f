// SessionRules: what open and update make of a session's parameters.
//
// Plans, phases and fingerprint belong together: they are made and replaced as
// one. Immutable, thread-safe, shared by a session and its forks. Knows no
// protobuf, no gRPC.
#ifndef LOGITD_SERVICE_SESSION_RULES_H_
#define LOGITD_SERVICE_SESSION_RULES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sampler/params.h"
#include "sampler/plan.h"
#include "service/limits.h"
#include "service/session/phases.h"

namespace logitd {

struct SessionRules {
  // Errors read "params.<knob>: <why>", "phases[i].<knob>: <why>".
  static absl::StatusOr<std::shared_ptr<const SessionRules>> Compile(
      Params base, std::vector<PhaseParams> phases, uint32_t vocab_size,
      const Limits& limits);

  const Plan& base() const { return plans[0]; }
  // Tokens before the next one that a switch of phases may look at.
  uint32_t trigger_lookback() const { return phases ? phases->lookback() : 0; }

  std::vector<Plan> plans;                   // the base's, then each phase's
  std::shared_ptr<const PhaseTable> phases;  // nullptr: none
  std::vector<std::string> lines;            // of the fingerprint
  std::string fingerprint;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_RULES_H_
