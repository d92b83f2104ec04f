#include "service/profiles/binding.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sampler/status_macros.h"
#include "service/convert_params.h"
#include "service/profiles/binding_blame.h"
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

// The default's revisions too: what a session was opened with opens it again.
bool IsAllowed(const std::string& name, const ProfileRules& rules) {
  const std::string id = IdOf(name);
  return rules.allowed.empty() || rules.allowed.count(id) > 0 ||
         (!rules.default_profile.empty() && id == IdOf(rules.default_profile));
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

absl::Status ReadInForce(const Resolution& resolution, const Limits& limits,
                         Params* params, std::vector<PhaseParams>* phases) {
  LOGITD_RETURN_IF_ERROR(
      InField("params.", ReadParams(resolution.base.params, limits, params)));
  for (const ResolvedPhase& from : resolution.phases) {
    const std::string path = absl::StrCat("phases[", phases->size(), "].");
    PhaseParams phase;
    phase.name = from.phase.name();
    phase.within = from.phase.within();
    LOGITD_ASSIGN_OR_RETURN(phase.enter,
                            ReadSequences(path + "enter", from.phase.enter()));
    LOGITD_ASSIGN_OR_RETURN(phase.leave,
                            ReadSequences(path + "leave", from.phase.leave()));
    LOGITD_RETURN_IF_ERROR(
        InField(path, ReadParams(from.resolved.params, limits, &phase.params)));
    phases->push_back(std::move(phase));
  }
  return absl::OkStatus();
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
    if (!unknown.empty()) return OfProfile(*profile, ToStatus(unknown));
  }
  auto binding = std::make_shared<Binding>();
  auto resolution =
      Resolve(profile.get(), request, request_phases, vocab_size, limits);
  if (!resolution.ok()) return IfOfProfile(profile.get(), resolution.status());
  binding->resolution = *std::move(resolution);
  binding->vocab_size = vocab_size;
  binding->profile = std::move(profile);
  binding->by_default = by_default;
  binding->request = std::move(request);
  binding->request_phases = std::move(request_phases);
  return binding;
}

absl::Status ReadBinding(const Binding& binding, const Limits& limits,
                         Params* params, std::vector<PhaseParams>* phases) {
  return binding.Blame(ReadInForce(binding.resolution, limits, params, phases));
}

}  // namespace logitd
