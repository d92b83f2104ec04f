#include "service/profiles/resolve_one.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sampler/knobs.h"
#include "sampler/status_macros.h"

namespace logitd {
namespace {

template <class Owner>  // Profile or Phase
void AddClamps(const Owner& owner, absl::string_view name,
               absl::string_view path, NamedClamps* clamps) {
  for (int i = 0; i < owner.clamps_size(); ++i) {
    clamps->push_back({&owner.clamps(i), absl::StrCat(name, " clamps[", i, "]"),
                       absl::StrCat(path, "clamps[", i, "]")});
  }
}

void AddProvenance(const Levels& levels, ResolvedParams* resolved) {
  std::vector<const Knob*> fields;
  const v1::SamplingParams& params = levels.params();
  params.GetReflection()->ListFields(params, &fields);
  for (const Knob* field : fields) {
    const bool is_bias = field->number() == kBiasValuesField;
    const Giver& giver =
        *levels.GiverOf(is_bias ? KnobAt(kBiasIdsField) : *field);
    v1::Provenance& provenance = resolved->provenance.emplace_back();
    provenance.set_knob(field->name());
    provenance.set_level(giver.level);
    provenance.set_rule(giver.rule);
  }
}

NamedClamps WithoutRejects(NamedClamps clamps) {
  std::erase_if(clamps, [](const NamedClamp& named) {
    return named.clamp->mode() == v1::CLAMP_MODE_REJECT;
  });
  return clamps;
}

}  // namespace

Layers LayersOf(const v1::Profile* profile, const v1::SamplingParams* request) {
  Layers layers;
  if (profile != nullptr) {
    layers.below.push_back({&profile->default_params(),
                            v1::PARAM_LEVEL_PROFILE_DEFAULT, "profile default",
                            "default_params."});
    layers.forces.push_back({&profile->force_params(),
                             v1::PARAM_LEVEL_PROFILE_FORCE, "profile force",
                             "force_params."});
    AddClamps(*profile, "profile", "", &layers.clamps);
  }
  if (request != nullptr) {
    layers.below.push_back(
        {request, v1::PARAM_LEVEL_REQUEST, "request", "params."});
  }
  return layers;
}

Layers LayersOf(const v1::Profile* profile, const v1::Phase& phase, int index,
                bool is_own, const v1::SamplingParams* request) {
  Layers layers = LayersOf(profile, request);
  const std::string name = absl::StrCat("phase ", phase.name());
  const std::string path = absl::StrCat("phases[", index, "].");
  layers.below.insert(
      layers.below.begin() + (profile != nullptr ? 1 : 0),
      {&phase.default_params(), v1::PARAM_LEVEL_PHASE_DEFAULT,
       absl::StrCat(name, " default"), absl::StrCat(path, "default_params.")});
  // The owner's pins hold against phases that a caller makes.
  layers.forces.insert(
      is_own ? layers.forces.begin() : layers.forces.end(),
      {&phase.force_params(), v1::PARAM_LEVEL_PHASE_FORCE,
       absl::StrCat(name, " force"), absl::StrCat(path, "force_params.")});
  AddClamps(phase, name, path, &layers.clamps);
  return layers;
}

absl::StatusOr<ResolvedParams> ResolveOne(const Layers& layers,
                                          uint32_t vocab_size,
                                          Rejects rejects) {
  Levels levels;
  for (const Level& level : layers.below) {
    LOGITD_RETURN_IF_ERROR(levels.Add(level));
    LOGITD_RETURN_IF_ERROR(levels.TurnOffConflicts(level));
  }
  v1::SamplingParams forced;
  for (const Level& force : layers.forces) forced.MergeFrom(*force.params);
  const bool asks = rejects == Rejects::kYes;
  if (asks) {
    LOGITD_RETURN_IF_ERROR(
        CheckRejects(layers.clamps, forced, levels, vocab_size));
  }
  ResolvedParams resolved;
  ApplyClamps(asks ? layers.clamps : WithoutRejects(layers.clamps), forced,
              vocab_size, &levels, &resolved.clamped);
  for (const Level& force : layers.forces) {
    LOGITD_RETURN_IF_ERROR(levels.Add(force));
  }
  LOGITD_RETURN_IF_ERROR(levels.CheckConflicts());
  levels.DropOff(vocab_size);
  AddProvenance(levels, &resolved);
  resolved.params = levels.params();
  return resolved;
}

}  // namespace logitd
