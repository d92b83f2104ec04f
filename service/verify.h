// Verification: whether tokens, or drafts, follow from rows, for a session that
// does not move.
//
// A step on a copy of the session: entries of mode GIVEN, one behind the other,
// or the step that the request carries. Not counted in the metrics of rows.
#ifndef LOGITD_SERVICE_VERIFY_H_
#define LOGITD_SERVICE_VERIFY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "logitd/v1/sampling.pb.h"
#include "service/environment.h"
#include "service/inquiry.h"
#include "service/session/session_table.h"
#include "service/step.h"

namespace logitd {

class Verification final : public Inquiry {
 public:
  // `session_id` is what a step in `request` calls the session. Takes the
  // request's bytes; writes all of `answer` but its error and `opened`.
  Verification(v1::VerifyRequest* request, uint64_t session_id,
               const Session& session, const Environment& env,
               v1::VerifyResponse* answer);

  absl::StatusOr<bool> RunTurn(Workspace* workspace) override;

 private:
  absl::Status Prepare();
  // `tokens` as a step.
  absl::Status MakeStep();
  absl::Status CheckIds() const;
  absl::Status Answer();

  v1::VerifyRequest& request_;
  const uint64_t session_id_;
  const Environment& env_;
  v1::VerifyResponse& answer_;
  Session copy_;  // until Prepare()
  SessionTable table_;
  StepRun step_;
  bool is_prepared_ = false;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_VERIFY_H_
