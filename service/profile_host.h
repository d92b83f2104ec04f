// ProfileHost: the profiles of one server, from its settings: stores, catalog,
// audit log, tokens, and the threads of its calls.
//
// Thread-safe after Open. Outlives every call.
#ifndef LOGITD_SERVICE_PROFILE_HOST_H_
#define LOGITD_SERVICE_PROFILE_HOST_H_

#include <memory>

#include "absl/status/statusor.h"
#include "service/audit_log.h"
#include "service/config.h"
#include "service/executor.h"
#include "service/profiles/binding.h"
#include "service/profiles/calls.h"
#include "service/profiles/catalog.h"
#include "service/write_policy.h"

namespace logitd {

class ProfileHost {
 public:
  // Any error is one line for stderr: which setting, and what is wrong.
  static absl::StatusOr<std::unique_ptr<ProfileHost>> Open(
      const Config& config);

  // What Open would refuse, and also files of --profile_dir that are not in
  // force, damaged revisions and a default that is not there. Changes nothing,
  // and may run beside a server.
  static absl::Status Check(const Config& config);

  // NOT_FOUND: --default_profile is not there, so that sessions that name none
  // could not open.
  absl::Status CheckDefault() const;

  const ProfileRules& rules() const { return rules_; }
  Catalog& catalog() { return *catalog_; }
  ProfileCalls& calls() { return *calls_; }
  Executor& executor() { return executor_; }

 private:
  ProfileHost(AdminTokens tokens, const Limits& limits);

  const AdminTokens tokens_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<ProfileCalls> calls_;
  ProfileRules rules_;
  Executor executor_;  // ends first: its tasks use all of the above
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_PROFILE_HOST_H_
