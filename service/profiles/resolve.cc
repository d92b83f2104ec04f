#include "service/profiles/resolve.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/knobs.h"
#include "sampler/params.h"
#include "sampler/status_macros.h"
#include "service/convert_params.h"
#include "service/profiles/resolve_one.h"
#include "service/profiles/validate_params.h"
#include "service/profiles/validate_phases.h"
#include "service/session/field_path.h"

namespace logitd {
namespace {

absl::Status CheckRequest(const v1::SamplingParams& request,
                          absl::Span<const v1::Phase> phases,
                          uint32_t vocab_size, const Limits& limits) {
  Params params;
  LOGITD_RETURN_IF_ERROR(
      InField("params.", ReadParams(request, limits, &params)));
  LOGITD_RETURN_IF_ERROR(InField("params.", Validate(params, vocab_size)));
  Violations violations;
  std::vector<const v1::Phase*> list;
  for (const v1::Phase& phase : phases) {
    const size_t index = list.size();
    list.push_back(&phase);
    if (index >= kPhasesMax) continue;
    ValidateKnown(absl::StrCat("phases[", index, "]."), phase, &violations);
  }
  ValidatePhases(list, limits, vocab_size, &violations);
  if (violations.empty()) return absl::OkStatus();
  return ToStatus(violations.front());
}

uint64_t IdsIn(const v1::SamplingParams& params) {
  return params.ByteSizeLong() / sizeof(uint32_t);
}

// Each phase has the lists of the base and its own: many phases over a long
// list would make much of little.
absl::Status CheckTogether(const v1::Profile* profile,
                           const v1::SamplingParams& request,
                           absl::Span<const v1::Phase> request_phases,
                           const Limits& limits) {
  uint64_t base = IdsIn(request);
  uint64_t count = 1 + request_phases.size();
  uint64_t own = 0;
  const auto add = [&own](const v1::Phase& phase) {
    own += IdsIn(phase.default_params()) + IdsIn(phase.force_params());
  };
  for (const v1::Phase& phase : request_phases) add(phase);
  if (profile != nullptr) {
    base += IdsIn(profile->default_params()) + IdsIn(profile->force_params());
    count += static_cast<uint64_t>(profile->phases_size());
    for (const v1::Phase& phase : profile->phases()) add(phase);
  }
  const uint64_t all = base * count + own;
  if (count == 1 || all <= uint64_t{limits.max_ids} * 2) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "phases: the base and ", count - 1, " phases hold ", all,
      " ids together, more than twice --max_ids ", limits.max_ids));
}

// Clamps and forces of a stored profile were checked when it was stored.
absl::StatusOr<ResolvedPhase> ResolvePhase(const v1::Phase& phase,
                                           const Layers& layers,
                                           uint32_t vocab_size, bool is_own) {
  if (is_own) {
    const Violations violations =
        CheckClamps(layers.clamps, layers.forces, vocab_size);
    if (!violations.empty()) return ToStatus(violations.front());
  }
  ResolvedPhase resolved;
  LOGITD_ASSIGN_OR_RETURN(resolved.resolved,
                          ResolveOne(layers, vocab_size, Rejects::kYes));
  resolved.phase.set_name(phase.name());
  resolved.phase.set_within(phase.within());
  *resolved.phase.mutable_enter() = phase.enter();
  *resolved.phase.mutable_leave() = phase.leave();
  return resolved;
}

}  // namespace

Limits HardLimits() {
  Limits limits;
  limits.max_ids = kIdsMax;
  limits.max_bias = kBiasMax;
  limits.max_stop_sequences = kStopSequencesMax;
  return limits;
}

absl::StatusOr<Resolution> Resolve(const v1::Profile* profile,
                                   const v1::SamplingParams& request,
                                   absl::Span<const v1::Phase> request_phases,
                                   uint32_t vocab_size, const Limits& limits) {
  LOGITD_RETURN_IF_ERROR(
      CheckRequest(request, request_phases, vocab_size, limits));
  const bool is_own = !request_phases.empty();
  if (profile != nullptr && profile->phases_size() > 0 && is_own) {
    return absl::InvalidArgumentError(absl::StrCat(
        "phases: must be empty, ", profile->name(), " has phases of its own"));
  }
  LOGITD_RETURN_IF_ERROR(
      CheckTogether(profile, request, request_phases, limits));
  Resolution resolution;
  LOGITD_ASSIGN_OR_RETURN(
      resolution.base,
      ResolveOne(LayersOf(profile, &request), vocab_size, Rejects::kYes));
  const auto add = [&](const v1::Phase& phase) -> absl::Status {
    const int index = static_cast<int>(resolution.phases.size());
    LOGITD_ASSIGN_OR_RETURN(
        ResolvedPhase resolved,
        ResolvePhase(phase, LayersOf(profile, phase, index, is_own, &request),
                     vocab_size, is_own));
    resolution.phases.push_back(std::move(resolved));
    return absl::OkStatus();
  };
  for (const v1::Phase& phase : request_phases) {
    LOGITD_RETURN_IF_ERROR(add(phase));
  }
  if (profile != nullptr) {
    for (const v1::Phase& phase : profile->phases()) {
      LOGITD_RETURN_IF_ERROR(add(phase));
    }
  }
  return resolution;
}

}  // namespace logitd
