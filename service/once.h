// OnceCall: one SampleOnce call: n draws of one row, without a session.
//
// Draw k is the next token of fork k of the session that `open` describes;
// several draws run in parallel on the workers.
#ifndef LOGITD_SERVICE_ONCE_H_
#define LOGITD_SERVICE_ONCE_H_

#include <atomic>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "logitd/v1/sampling.pb.h"
#include "service/environment.h"
#include "service/step.h"
#include "service/unary_call.h"

namespace logitd {

class OnceCall final : public UnaryCall {
 public:
  OnceCall(const Environment& env, std::atomic<uint32_t>* calls, Caller caller,
           const grpc::ByteBuffer& request, grpc::ByteBuffer* response);

 private:
  google::protobuf::Message* request() override { return &request_; }
  const v1::OpenSession& open() const override { return request_.open(); }
  absl::StatusOr<size_t> Prepare(Session session) override;
  bool RunPart(size_t task, Workspace* workspace) override;
  StepOutcome WriteAnswer() override;
  const google::protobuf::Message& answer() const override { return answer_; }

  absl::Status ReadEntryFields();

  v1::SampleOnceRequest request_;
  v1::SampleOnceResponse answer_;
  std::optional<Session> session_;
  Entry entry_;
  Row row_;
  std::vector<StepEntry> draws_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_ONCE_H_
