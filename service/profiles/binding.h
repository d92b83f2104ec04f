// Binding: where a session's parameters came from.
//
// The revision of a profile that the session pins, what the caller asked for,
// and what the two came to. Immutable; shared by the forks of a session and
// kept by it, so that an update can resolve again. Thread-safe. Errors read
// "<field>: <why>", the field as in OpenSession.
#ifndef LOGITD_SERVICE_PROFILES_BINDING_H_
#define LOGITD_SERVICE_PROFILES_BINDING_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "logitd/v1/profiles.pb.h"
#include "service/limits.h"
#include "service/profiles/catalog.h"
#include "service/profiles/resolve.h"
#include "service/session/session.h"

namespace logitd {

// Which profiles sessions may have. The catalog outlives it.
struct ProfileRules {
  const Catalog* catalog = nullptr;
  std::string default_profile;    // empty: none
  ProfilePtr pinned_default;      // if default_profile names a revision
  std::set<std::string> allowed;  // ids; empty: all
  bool required = false;
};

struct Binding final : Origin {
  ProfilePtr profile;       // nullptr: none
  bool by_default = false;  // the open named none
  v1::SamplingParams request;
  std::vector<v1::Phase> request_phases;
  uint32_t vocab_size = 0;
  Resolution resolution;

  // "profile: profiles/chat@3, default_params.banned_ids: ..." where a value of
  // the profile is wrong.
  absl::Status Blame(const absl::Status& status) const override;
};

// A revision that was read from its store for an open that names it.
struct FetchedProfile {
  std::string name;  // as the open has it; empty: nothing was fetched
  absl::StatusOr<ProfilePtr> profile = ProfilePtr();
};

// True: ChooseProfile would read from a store, and perhaps wait for a disk.
bool MustFetch(const std::string& name, const ProfileRules& rules);

// The profile that an open of this name gets; nullptr: none. What was fetched
// under the name is taken. Errors: as OpenSession.profile says.
absl::StatusOr<ProfilePtr> ChooseProfile(const std::string& name,
                                         const ProfileRules& rules,
                                         const FetchedProfile& fetched);
// The newest revision of a bound profile; of one that --default_profile bound
// and pinned, that one. FAILED_PRECONDITION: it is gone, or there is none.
absl::StatusOr<ProfilePtr> NewestOf(const Binding& binding,
                                    const ProfileRules& rules);

// Resolves. INVALID_ARGUMENT, FAILED_PRECONDITION: what does not go together,
// "params.<knob>: ..." or, of the profile's part in it, as Binding::Blame.
absl::StatusOr<std::shared_ptr<const Binding>> Bind(
    ProfilePtr profile, v1::SamplingParams request,
    std::vector<v1::Phase> request_phases, uint32_t vocab_size,
    const Limits& limits, bool by_default);

// Every session that the service opened has one.
inline const Binding& BindingOf(const Session& session) {
  return static_cast<const Binding&>(*session.origin());
}

// A bound session's parameters, and those of its phases. Errors as Bind.
absl::Status ReadBinding(const Binding& binding, const Limits& limits,
                         Params* params, std::vector<PhaseParams>* phases);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_BINDING_H_
