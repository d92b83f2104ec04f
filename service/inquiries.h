// Inquiries: what one request of a stream asks about its sessions, checks first
// and then explanations, one after the other.
//
// Knows the contract and sessions; no gRPC, no threads. Reused from request to
// request. Confined to the stream's thread.
#ifndef LOGITD_SERVICE_INQUIRIES_H_
#define LOGITD_SERVICE_INQUIRIES_H_

#include <atomic>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "logitd/v1/sampling.pb.h"
#include "service/environment.h"
#include "service/inquiry.h"
#include "service/session/session_table.h"

namespace logitd {

// Of each kind in one request. Fixed by the contract.
inline constexpr int kInquiriesMax = 16;

// RESOURCE_EXHAUSTED for more than that.
absl::Status CheckInquiries(const v1::SampleRequest& request);

class Inquiries {
 public:
  // What has not begun when `stopping` is set is CANCELLED.
  Inquiries(const Environment& env, const std::atomic<bool>& stopping)
      : env_(env), stopping_(stopping) {}

  // Goes on for a turn with what `reply` has no answers to; an error is told in
  // its answer. True when all is answered. Neither message may be changed
  // before.
  bool RunTurn(v1::SampleRequest* request, SessionTable* table,
               Workspace* workspace, v1::SampleResponse* reply);

 private:
  // The next one; false: there is none.
  bool Begin(v1::SampleRequest* request, SessionTable* table,
             v1::SampleResponse* reply);
  template <class Kind, class Element, class Answer>
  void Make(const char* list, int index, Element* element, SessionTable* table,
            Answer* answer);

  const Environment& env_;
  const std::atomic<bool>& stopping_;
  absl::StatusOr<std::unique_ptr<Inquiry>> now_ = nullptr;
  std::function<void(const absl::Status&)> fail_;  // writes into its answer
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_INQUIRIES_H_
