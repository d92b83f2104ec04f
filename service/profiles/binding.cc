#include "service/profiles/binding.h"

#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/convert_params.h"
#include "service/profiles/validate_params.h"
#include "service/profiles/validate_violation.h"
#include "service/session/field_path.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

// "chat" of "profiles/chat@3".
std::string IdOf(absl::string_view name) {
  absl::ConsumePrefix(&name, "profiles/");
  return std::string(name.substr(0, name.find('@')));
}

bool IsAllowed(const std::string& name, const ProfileRules& rules) {
  return rules.allowed.empty() || rules.allowed.count(IdOf(name)) > 0;
}

absl::Status OfProfile(const v1::Profile& profile, const absl::Status& status) {
  return InField(
      absl::StrCat("profile: ", profile.name(), "@", profile.revision(), ", "),
      status);
}

// What resolution tells of a field of the profile itself.
absl::Status IfOfProfile(const v1::Profile* profile,
                         const absl::Status& status) {
  if (profile == nullptr) return status;
  for (const char* part : {"default_params.", "force_params.", "clamps["}) {
    if (absl::StartsWith(status.message(), part)) {
      return OfProfile(*profile, status);
    }
  }
  const bool has_phases = profile->phases_size() > 0;
  return has_phases && absl::StartsWith(status.message(), "phases[")
             ? OfProfile(*profile, status)
             : status;
}

// "default_params." of a level; empty: the caller's.
absl::string_view PartOf(v1::ParamLevel level) {
  switch (level) {
    case v1::PARAM_LEVEL_PROFILE_DEFAULT:
    case v1::PARAM_LEVEL_PHASE_DEFAULT:
      return "default_params.";
    case v1::PARAM_LEVEL_PROFILE_FORCE:
    case v1::PARAM_LEVEL_PHASE_FORCE:
      return "force_params.";
    default:
      return "";
  }
}

v1::ParamLevel LevelOf(absl::string_view knob, const ResolvedParams& resolved) {
  for (const v1::Provenance& from : resolved.provenance) {
    if (from.knob() == knob) return from.level();
  }
  return v1::PARAM_LEVEL_UNSPECIFIED;
}

absl::StatusOr<std::vector<TokenIds>> ReadSequences(
    const std::string& field,
    const google::protobuf::RepeatedPtrField<v1::TokenSequence>& wire) {
  std::vector<TokenIds> sequences;
  for (const v1::TokenSequence& sequence : wire) {
    LOGITD_ASSIGN_OR_RETURN(
        TokenIds ids,
        ReadIds(absl::StrCat(field, "[", sequences.size(), "].tokens"),
                sequence.tokens()));
    sequences.push_back(std::move(ids));
  }
  return sequences;
}

}  // namespace

bool MustFetch(const std::string& name, const ProfileRules& rules) {
  return !name.empty() && IsAllowed(name, rules) &&
         !rules.catalog->IsInMemory(name);
}

absl::StatusOr<ProfilePtr> ChooseProfile(const std::string& name,
                                         const ProfileRules& rules,
                                         const FetchedProfile& fetched) {
  if (name.empty() && rules.pinned_default) return rules.pinned_default;
  const std::string& chosen = name.empty() ? rules.default_profile : name;
  if (chosen.empty()) {
    if (!rules.required) return nullptr;
    return absl::PermissionDeniedError(
        "profile: required by --require_profile");
  }
  if (!name.empty() && !IsAllowed(name, rules)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "profile: ", Quote(name), " is not among --allowed_profiles"));
  }
  auto profile =
      chosen == fetched.name ? fetched.profile : rules.catalog->Get(chosen);
  if (profile.ok()) return profile;
  absl::string_view why = profile.status().message();
  absl::ConsumePrefix(&why, "name: ");
  return absl::Status(
      profile.status().code(),
      absl::StrCat("profile: ", why,
                   name.empty() ? " (this server's --default_profile)" : ""));
}

absl::StatusOr<ProfilePtr> NewestOf(const Binding& binding,
                                    const ProfileRules& rules) {
  if (binding.profile == nullptr) {
    return absl::FailedPreconditionError("rebind: the session has no profile");
  }
  if (binding.by_default && rules.pinned_default) return rules.pinned_default;
  auto profile = rules.catalog->Get(binding.profile->name());
  if (profile.ok()) return profile;
  return absl::FailedPreconditionError(
      absl::StrCat("rebind: ", profile.status().message()));
}

absl::StatusOr<std::shared_ptr<const Binding>> Bind(
    ProfilePtr profile, v1::SamplingParams request,
    std::vector<v1::Phase> request_phases, uint32_t vocab_size,
    const Limits& limits, bool by_default) {
  if (profile != nullptr) {
    Violations unknown;  // what a newer server has stored
    ValidateKnown("", *profile, &unknown);
    const absl::Status known = ToStatus(unknown);
    if (!known.ok()) return OfProfile(*profile, known);
  }
  auto binding = std::make_shared<Binding>();
  auto resolution =
      Resolve(profile.get(), request, request_phases, vocab_size, limits);
  if (!resolution.ok()) return IfOfProfile(profile.get(), resolution.status());
  binding->resolution = *std::move(resolution);
  binding->profile = std::move(profile);
  binding->by_default = by_default;
  binding->request = std::move(request);
  binding->request_phases = std::move(request_phases);
  return binding;
}

absl::Status Binding::Blame(const absl::Status& status) const {
  absl::string_view rest = status.message();
  const ResolvedParams* resolved = &resolution.base;
  std::string phase;
  if (!absl::ConsumePrefix(&rest, "params.")) {
    size_t index = 0;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(rest, absl::MaxSplits("].", 1));
    absl::string_view number = parts.first;
    if (!absl::ConsumePrefix(&number, "phases[") ||
        !absl::SimpleAtoi(number, &index) ||
        index >= resolution.phases.size()) {
      return status;
    }
    resolved = &resolution.phases[index].resolved;
    phase = absl::StrCat(parts.first, "].");
    rest = parts.second;
  }
  const absl::string_view knob = rest.substr(0, rest.find_first_of(".[:"));
  const v1::ParamLevel level = LevelOf(knob, *resolved);
  const absl::string_view part = PartOf(level);
  const bool is_knob = v1::SamplingParams::descriptor()->FindFieldByName(
                           std::string(knob)) != nullptr;
  if (part.empty()) {  // a trigger is the phase's own, a knob the caller's
    return is_knob ? status : IfOfProfile(profile.get(), status);
  }
  const bool of_phase = level == v1::PARAM_LEVEL_PHASE_DEFAULT ||
                        level == v1::PARAM_LEVEL_PHASE_FORCE;
  const absl::Status blamed(status.code(),
                            absl::StrCat(of_phase ? phase : "", part, rest));
  return IfOfProfile(profile.get(), blamed);
}

absl::Status ReadBinding(const Binding& binding, const Limits& limits,
                         Params* params, std::vector<PhaseParams>* phases) {
  const absl::Status base =
      ReadParams(binding.resolution.base.params, limits, params);
  if (!base.ok()) return binding.Blame(InField("params.", base));
  for (const ResolvedPhase& from : binding.resolution.phases) {
    const std::string path = absl::StrCat("phases[", phases->size(), "].");
    PhaseParams phase;
    phase.name = from.phase.name();
    phase.within = from.phase.within();
    for (const auto& [name, from_wire, into] :
         {std::make_tuple("enter", &from.phase.enter(), &phase.enter),
          std::make_tuple("leave", &from.phase.leave(), &phase.leave)}) {
      auto sequences = ReadSequences(path + name, *from_wire);
      if (!sequences.ok()) return binding.Blame(sequences.status());
      *into = *std::move(sequences);
    }
    const absl::Status read =
        ReadParams(from.resolved.params, limits, &phase.params);
    if (!read.ok()) return binding.Blame(InField(path, read));
    phases->push_back(std::move(phase));
  }
  return absl::OkStatus();
}

}  // namespace logitd
