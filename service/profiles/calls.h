// ProfileCalls: the methods of ProfileService, without a transport.
//
// Checks who may write, validates and lints, asks the catalog, and audits every
// write, refused ones too. Errors read "<field>: <why>"; what is wrong with a
// profile comes as field violations, all of them. May wait for the store's
// disk: not for gRPC's threads. Thread-safe.
#ifndef LOGITD_SERVICE_PROFILES_CALLS_H_
#define LOGITD_SERVICE_PROFILES_CALLS_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/empty.pb.h"
#include "logitd/v1/profiles.pb.h"
#include "service/audit_log.h"
#include "service/limits.h"
#include "service/profiles/catalog.h"
#include "service/write_policy.h"

namespace logitd {

class ProfileCalls {
 public:
  // All but the limits must outlive the object.
  ProfileCalls(const Limits& limits, const AdminTokens& tokens,
               Catalog* catalog, AuditLog* audit)
      : limits_(limits), tokens_(tokens), catalog_(*catalog), audit_(*audit) {}

  template <class Response>
  using Answer = absl::StatusOr<Response>;

  Answer<v1::Profile> Create(const v1::CreateProfileRequest& request,
                             const Caller& caller);
  Answer<v1::Profile> Get(const v1::GetProfileRequest& request,
                          const Caller& caller);
  Answer<v1::ListProfilesResponse> List(const v1::ListProfilesRequest& request,
                                        const Caller& caller);
  Answer<v1::Profile> Update(const v1::UpdateProfileRequest& request,
                             const Caller& caller);
  Answer<google::protobuf::Empty> Delete(
      const v1::DeleteProfileRequest& request, const Caller& caller);
  Answer<v1::ListProfileRevisionsResponse> ListRevisions(
      const v1::ListProfileRevisionsRequest& request, const Caller& caller);
  Answer<v1::Profile> Rollback(const v1::RollbackProfileRequest& request,
                               const Caller& caller);
  Answer<v1::LintProfileResponse> Lint(const v1::LintProfileRequest& request,
                                       const Caller& caller);

  // PERMISSION_DENIED: who calls may not write.
  absl::Status CheckMayWrite(const Caller& caller) const {
    return CheckWriter(caller, tokens_).status();
  }

  // Of a write whose request could not be read: nobody knows what it named.
  void AuditUnread(const std::string& method, const Caller& caller,
                   const absl::Status& why);

  Catalog& catalog() { return catalog_; }

 private:
  // What `write` answers to who may write. What is refused is audited here, a
  // change where it is done.
  template <class Write>
  auto Audited(const char* method, const std::string& name,
               const Caller& caller, const Write& write)
      -> decltype(write(std::string()));
  void AuditRefused(const std::string& who, const std::string& method,
                    const std::string& name, const absl::Status& why);
  v1::Profile WithWarnings(v1::Profile profile) const;
  v1::Profile Done(const char* method, const std::string& who,
                   const Written& written, bool validate_only);

  const Limits limits_;
  const AdminTokens& tokens_;
  Catalog& catalog_;
  AuditLog& audit_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILES_CALLS_H_
