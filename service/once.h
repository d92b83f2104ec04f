// OnceCall: one SampleOnce call: n draws of one row, without a session.
//
// A gRPC reactor that deletes itself. Draw k is the next token of fork k of the
// session that `open` describes; several draws run in parallel on the workers.
#ifndef LOGITD_SERVICE_ONCE_H_
#define LOGITD_SERVICE_ONCE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "logitd/v1/sampling.pb.h"
#include "service/environment.h"
#include "service/log_call.h"
#include "service/step.h"
#include "service/transport/rows.h"

namespace logitd {

class OnceCall final : public grpc::ServerUnaryReactor, private Batch {
 public:
  // Who calls, and how long it waits for the answer.
  struct Caller {
    std::shared_ptr<Account> account;
    absl::Duration patience;
    TraceContext trace;
  };

  // `calls` counts those in flight; at most --max_streams.
  OnceCall(const Environment& env, std::atomic<uint32_t>* calls, Caller caller,
           const grpc::ByteBuffer& request, grpc::ByteBuffer* response);
  ~OnceCall() override;

 private:
  void OnCancel() override;
  void OnDone() override { delete this; }
  bool RunTask(size_t task, Workspace* workspace) override;
  void AfterTasks(Workspace* workspace) override;

  absl::Status Read(const grpc::ByteBuffer& request);
  absl::Status LetIn(uint64_t bytes, uint64_t draws);
  void Begin();
  // Opens the session and draws, or ends the call, on a thread that has this
  // workspace. *this may be gone.
  void Start(Workspace* workspace);
  absl::Status Prepare();
  void Refuse(const absl::Status& status);
  absl::Status ReadEntryFields();
  absl::Status Answer();

  const Environment env_;
  std::atomic<uint32_t>* const calls_;
  grpc::ByteBuffer* const response_;
  const std::shared_ptr<Account> account_;
  const absl::Duration patience_;
  const CallLog log_;
  const Clock::time_point arrived_;
  RequestTimes times_;
  v1::SampleOnceRequest request_;
  FetchedProfile fetched_;
  Ticket ticket_;
  bool is_to_start_ = false;  // on a worker
  std::optional<Session> session_;
  Entry entry_;
  Row row_;
  std::vector<StepEntry> draws_;
  std::atomic<bool> stopping_{false};
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_ONCE_H_
