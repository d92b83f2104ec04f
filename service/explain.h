// Explanations of rows, for the sessions of a stream.
//
// Knows the contract and sessions; no gRPC, no threads. Confined to the
// stream's thread; costs some twenty reads of the row and allocates.
#ifndef LOGITD_SERVICE_EXPLAIN_H_
#define LOGITD_SERVICE_EXPLAIN_H_

#include "absl/status/status.h"
#include "logitd/v1/sampling.pb.h"
#include "sampler/workspace.h"
#include "service/environment.h"
#include "service/session/session_table.h"

namespace logitd {

// Elements of one request. Fixed by the contract.
inline constexpr int kExplainMax = 16;

// RESOURCE_EXHAUSTED for more elements than that.
absl::Status CheckExplainSize(const v1::SampleRequest& request);

// Answers the next element that `reply` has no answer to; an error is told in
// its answer. Moves no session. True when all are answered.
bool ExplainNext(const v1::SampleRequest& request, const Environment& env,
                 SessionTable* table, Workspace* workspace,
                 v1::SampleResponse* reply);

}  // namespace logitd

#endif  // LOGITD_SERVICE_EXPLAIN_H_
