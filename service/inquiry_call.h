// InquiryCall: one Explain or Verify call.
//
// Runs the inquiry in turns on the workers; ends early when the call is
// cancelled or over its deadline.
#ifndef LOGITD_SERVICE_INQUIRY_CALL_H_
#define LOGITD_SERVICE_INQUIRY_CALL_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "logitd/v1/sampling.pb.h"
#include "service/convert.h"
#include "service/environment.h"
#include "service/explain.h"
#include "service/inquiry.h"
#include "service/unary_call.h"
#include "service/verify.h"

namespace logitd {

template <class Kind, class Request, class Response>
class InquiryCall final : public UnaryCall {
 public:
  InquiryCall(const CallKind& kind, const Environment& env,
              std::atomic<uint32_t>* calls, Caller caller,
              const grpc::ByteBuffer& request, grpc::ByteBuffer* response)
      : UnaryCall(kind, env, calls, std::move(caller), response) {
    Begin(request);
  }

 private:
  google::protobuf::Message* request() override { return &request_; }
  const v1::OpenSession& open() const override { return request_.open(); }
  const google::protobuf::Message& answer() const override { return answer_; }

  absl::StatusOr<size_t> Prepare(Session session) override {
    if (request_.session_id() != 0) {
      return absl::InvalidArgumentError(
          "session_id: has a meaning on a stream only; set open");
    }
    WriteOpened(session, answer_.mutable_opened());
    inquiry_ = std::make_unique<Kind>(&request_, request_.open().session_id(),
                                      session, env(), &answer_);
    return 1;
  }

  bool RunPart(size_t, Workspace* workspace) override {
    const Clock::time_point began = Clock::now();
    absl::StatusOr<bool> done = false;
    if (stopping()) {
      done = absl::CancelledError("request: the call was cancelled");
    } else {
      done = inquiry_->RunTurn(workspace);
    }
    outcome_.error = done.status();
    const auto spent = Clock::now() - began;
    outcome_.busy_seconds += std::chrono::duration<double>(spent).count();
    return done.ok() && !*done;
  }

  StepOutcome WriteAnswer() override {
    outcome_.row_seconds = outcome_.busy_seconds;
    outcome_.part_run = outcome_.error.ok() ? 1 : 0;
    if (!outcome_.error.ok()) env().metrics.AddError(outcome_.error.code());
    return outcome_;
  }

  Request request_;
  Response answer_;
  std::unique_ptr<Inquiry> inquiry_;
  StepOutcome outcome_;
};

using ExplainCall =
    InquiryCall<Explanation, v1::ExplainRequest, v1::ExplainResponse>;
using VerifyCall =
    InquiryCall<Verification, v1::VerifyRequest, v1::VerifyResponse>;

extern const CallKind kExplainCall;
extern const CallKind kVerifyCall;

}  // namespace logitd

#endif  // LOGITD_SERVICE_INQUIRY_CALL_H_
