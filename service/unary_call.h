// UnaryCall: a call with a session of its own, from the bytes of its request to
// those of its answer.
//
// A gRPC reactor that deletes itself: reads, is let in or refused, fetches the
// profile, opens the session, and runs the tasks of whoever derives from it on
// the workers, a single short one on gRPC's thread.
#ifndef LOGITD_SERVICE_UNARY_CALL_H_
#define LOGITD_SERVICE_UNARY_CALL_H_

#include <array>
#include <atomic>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "logitd/v1/session.pb.h"
#include "service/environment.h"
#include "service/log_call.h"
#include "service/preflight.h"
#include "service/step.h"

namespace logitd {

// What a kind of call is, before its message is parsed.
struct CallKind {
  const char* name;  // of the method
  // What tells its work.
  std::array<AskedField, 3> asked = {};
  // Rows that it is worth, of what was asked.
  double (*rows)(const Preflight& seen);
  // Each of them is as long as all the bytes.
  bool is_one_row = true;
  // A single task may run on gRPC's thread.
  bool is_light = false;
};

class UnaryCall : public grpc::ServerUnaryReactor, private Batch {
 public:
  // Who calls, and how long it waits for the answer.
  struct Caller {
    std::shared_ptr<Account> account;
    absl::Duration patience;
    TraceContext trace;
  };

  ~UnaryCall() override;

 protected:
  // `calls` counts those in flight; at most --max_streams.
  UnaryCall(const CallKind& kind, const Environment& env,
            std::atomic<uint32_t>* calls, Caller caller,
            grpc::ByteBuffer* response);

  // Once, of a complete object. *this may be gone.
  void Begin(const grpc::ByteBuffer& bytes);

  const Environment& env() const { return env_; }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  // The message, to be parsed into.
  virtual google::protobuf::Message* request() = 0;
  virtual const v1::OpenSession& open() const = 0;
  // The session is there. Says how many tasks there are, at least one.
  virtual absl::StatusOr<size_t> Prepare(Session session) = 0;
  // As Batch::RunTask.
  virtual bool RunPart(size_t task, Workspace* workspace) = 0;
  // The time of the rows, and what went wrong with them.
  virtual StepOutcome WriteAnswer() = 0;
  // What WriteAnswer() wrote.
  virtual const google::protobuf::Message& answer() const = 0;

 private:
  void OnCancel() override { stopping_.store(true, std::memory_order_relaxed); }
  void OnDone() override { delete this; }
  bool RunTask(size_t task, Workspace* workspace) override;
  void AfterTasks(Workspace* workspace) override;

  absl::Status Read(const grpc::ByteBuffer& bytes);
  absl::Status LetIn(const Preflight& seen, uint64_t bytes);
  absl::StatusOr<size_t> OpenAndPrepare();
  // Opens the session and runs, or ends the call, on a thread that has this
  // workspace. *this may be gone.
  void Start(Workspace* workspace);
  void Refuse(const absl::Status& status);
  absl::Status Answer();

  const CallKind& kind_;
  const Environment env_;
  std::atomic<uint32_t>* const calls_;
  grpc::ByteBuffer* const response_;
  const std::shared_ptr<Account> account_;
  const absl::Duration patience_;
  const CallLog log_;
  const Clock::time_point arrived_;
  RequestTimes times_;
  FetchedProfile fetched_;
  Ticket ticket_;
  bool is_to_start_ = false;  // on a worker
  std::atomic<bool> stopping_{false};
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_UNARY_CALL_H_
