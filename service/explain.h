// Explanation: what the pipeline does to one row, and what it would do with
// other parameters, for a session that does not move.
//
// Explains, then tries the alternatives, then sweeps. Explaining costs some
// twenty reads of the row.
#ifndef LOGITD_SERVICE_EXPLAIN_H_
#define LOGITD_SERVICE_EXPLAIN_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "logitd/v1/sampling.pb.h"
#include "service/environment.h"
#include "service/inquiry.h"
#include "service/session/session.h"
#include "service/sweep.h"

namespace logitd {

class Explanation final : public Inquiry {
 public:
  // Writes all of `answer` but its error and `opened`.
  Explanation(const v1::ExplainRequest* request, uint64_t /*session_id*/,
              const Session& session, const Environment& env,
              v1::ExplainResponse* answer)
      : request_(*request), env_(env), answer_(*answer), session_(session) {
    session_.DropRecord();
  }

  absl::StatusOr<bool> RunTurn(Workspace* workspace) override;

 private:
  absl::Status Read();
  absl::Status Explain(Workspace* workspace);
  void TryNext(Workspace* workspace);
  Trial MakeTrial() const;

  const v1::ExplainRequest& request_;
  const Environment& env_;
  v1::ExplainResponse& answer_;
  Session session_;
  Row row_;
  uint32_t top_n_ = 0;
  TokenIds ids_;
  bool is_explained_ = false;
  std::optional<KnobSweep> sweep_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_EXPLAIN_H_
