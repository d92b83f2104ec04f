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

bool HasNumber(const Knob& knob) {
  return !knob.is_repeated() && (knob.cpp_type() == Knob::CPPTYPE_DOUBLE ||
                                 knob.cpp_type() == Knob::CPPTYPE_UINT32 ||
                                 knob.cpp_type() == Knob::CPPTYPE_BOOL);
}

// Of what a level turned off too: a pin must be seen where it acts.
void AddProvenance(const Levels& levels, uint32_t vocab_size,
                   ResolvedParams* resolved) {
  const auto add = [&](const Knob& field, const Giver& giver) {
    v1::Provenance& provenance = resolved->provenance.emplace_back();
    provenance.set_knob(field.name());
    provenance.set_level(giver.level);
    provenance.set_rule(giver.rule);
    if (IsSet(levels.params(), field) || !HasNumber(field)) return;
    provenance.set_off_value(
        EffectOf(levels.params(), field, vocab_size).least);
  };
  for (const auto& [number, giver] : levels.givers()) {
    add(KnobAt(number), giver);
    if (number == kBiasIdsField) add(KnobAt(kBiasValuesField), giver);
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
        {request, v1::PARAM_LEVEL_REQUEST, "request", "params.", true});
  }
  return layers;
}

Layers LayersOf(const v1::Profile* profile, const v1::Phase& phase, int index,
                bool is_own, const v1::SamplingParams* request) {
  Layers layers = LayersOf(profile, request);
  const std::string name = absl::StrCat("phase ", phase.name());
  const std::string path = absl::StrCat("phases[", index, "].");
  layers.below.insert(layers.below.begin() + (profile != nullptr ? 1 : 0),
                      {&phase.default_params(), v1::PARAM_LEVEL_PHASE_DEFAULT,
                       absl::StrCat(name, " default"),
                       absl::StrCat(path, "default_params."), is_own});
  // The owner's pins hold against phases that a caller makes.
  layers.forces.insert(is_own ? layers.forces.begin() : layers.forces.end(),
                       {&phase.force_params(), v1::PARAM_LEVEL_PHASE_FORCE,
                        absl::StrCat(name, " force"),
                        absl::StrCat(path, "force_params."), is_own});
  AddClamps(phase, name, path, &layers.clamps);
  return layers;
}

absl::StatusOr<Levels> LevelsBelow(const Layers& layers) {
  Levels levels;
  for (const Level& level : layers.below) {
    LOGITD_RETURN_IF_ERROR(levels.Add(level));
    LOGITD_RETURN_IF_ERROR(levels.TurnOffConflicts(level));
  }
  return levels;
}

v1::SamplingParams ForcedBy(const Layers& layers) {
  v1::SamplingParams forced;
  for (const Level& force : layers.forces) TakeKnobs(*force.params, &forced);
  return forced;
}

absl::StatusOr<ResolvedParams> ResolveOne(const Layers& layers,
                                          uint32_t vocab_size,
                                          Rejects rejects) {
  LOGITD_ASSIGN_OR_RETURN(Levels levels, LevelsBelow(layers));
  const v1::SamplingParams forced = ForcedBy(layers);
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
  AddProvenance(levels, vocab_size, &resolved);
  resolved.params = levels.params();
  return resolved;
}

}  // namespace logitd
