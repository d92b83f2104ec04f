#include "service/session/rules.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/fingerprint.h"
#include "sampler/status_macros.h"
#include "service/session/field_path.h"

namespace logitd {

absl::StatusOr<std::shared_ptr<const SessionRules>> SessionRules::Compile(
    Params base, std::vector<PhaseParams> phases, uint32_t vocab_size,
    const Limits& limits) {
  auto rules = std::make_shared<SessionRules>();
  rules->plans.reserve(phases.size() + 1);
  auto plan = Plan::Compile(std::move(base), vocab_size);
  if (!plan.ok()) return InField("params.", plan.status());
  rules->plans.push_back(*std::move(plan));
  if (!phases.empty()) {
    LOGITD_ASSIGN_OR_RETURN(
        rules->phases,
        PhaseTable::Create(phases, vocab_size, limits.max_stop_sequences));
  }
  std::vector<FingerprintPhase> shapes;
  for (uint32_t i = 0; i < phases.size(); ++i) {
    plan = Plan::Compile(std::move(phases[i].params), vocab_size);
    if (!plan.ok()) {
      return InField(absl::StrCat("phases[", i, "]."), plan.status());
    }
    rules->plans.push_back(*std::move(plan));
    shapes.push_back({&rules->plans.back(), rules->phases->within(i + 1),
                      &phases[i].enter, &phases[i].leave});
  }
  rules->lines = FingerprintLines(rules->base(), shapes);
  rules->fingerprint = Fingerprint(rules->lines);
  return rules;
}

}  // namespace logitd
