// Stream: one Sample call, from the bytes of a request to those of its reply.
//
// A gRPC reactor: reads, hands over, writes, closes. What is refused as a whole
// is answered at once; other requests run one at a time in the order sent, and
// up to max_inflight are read ahead. The rows of a step run
// in parallel on the workers, a single one on the thread that has it; nobody
// waits for them: the thread that ends the last row goes on with the reply. One
// write is in flight. Owns its sessions, which die with it; gRPC's OnDone
// deletes it. Thread-safe against StreamSet and gRPC.
#ifndef LOGITD_SERVICE_STREAM_H_
#define LOGITD_SERVICE_STREAM_H_

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "logitd/v1/sampling.pb.h"
#include "service/environment.h"
#include "service/inquiries.h"
#include "service/log_call.h"
#include "service/preflight.h"
#include "service/step.h"
#include "service/stream_set.h"

namespace logitd {

class Stream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      private Batch {
 public:
  Stream(const Environment& env, StreamSet* set,
         std::shared_ptr<Account> account, TraceContext trace);
  ~Stream() override;

  // Begins to read. Once, after StreamSet::Add().
  void Start();

  // Ends with UNAVAILABLE, after the request that runs now; what of it has not
  // begun is CANCELLED. `only_idle`: not if it has sessions or work.
  void End(bool only_idle);

 private:
  // A request between its arrival and its reply. Reused.
  struct Request {
    v1::SampleRequest message;
    uint64_t id = 0;
    bool has_step = false;
    Ticket ticket;
    absl::Status shed;   // why its step is refused; its lists are done
    bool light = false;  // small: may run on gRPC's thread
    bool kept = false;   // small but for its rows: worth keeping
    Clock::time_point arrived;
    RequestTimes times;  // but for the total
  };

  // What the workers, or the executor, have of the request that runs.
  enum class Out { kNothing, kLists, kRows, kInquiries };

  // gRPC's events.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Reading.
  std::unique_ptr<Request> TakeSpare();
  // Why nothing of the request is done. *is_request: false ends the stream.
  absl::Status ReadRequest(Request* request, bool* is_request);
  absl::Status LetIn(const Preflight& seen, Request* request);
  absl::Status Look(Request* request) const;
  grpc::ByteBuffer MakeRefusal(const absl::Status& why, Request* request) const;
  void ReadOnLocked();

  // Running. At any time at most one thread is in here, but for RunTask.
  void RunNext(Workspace* workspace);
  // Goes on with the lists, and then with the step. *this may be gone.
  void RunLists(Workspace* workspace);
  // False when the rows went to the workers; then *this may be gone.
  bool RunStep(Workspace* workspace);
  bool RunTask(size_t task, Workspace* workspace) override;
  void RunEntry(StepEntry* entry, Workspace* workspace);
  void AfterTasks(Workspace* workspace) override;
  void AnswerInquiries(Workspace* workspace);
  void Answer();
  void CountRequest(Clock::time_point answering);
  void GoOn();

  // Writing and ending.
  void QueueLocked(const grpc::ByteBuffer& reply);
  void WriteOnLocked();
  void MaybeFinishLocked();

  const Environment env_;
  StreamSet* const set_;
  const std::shared_ptr<Account> account_;
  const CallLog log_;

  // Confined to the thread that runs requests.
  SessionTable table_;
  StepRun step_;
  Inquiries inquiries_;
  std::unique_ptr<Request> current_;
  v1::SampleResponse reply_;
  bool has_result_ = false;  // the request's step can be answered
  FetchedProfile fetched_;   // for the opens of the request
  Out out_ = Out::kNothing;

  // Confined to the read, and the write, in flight.
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;

  std::atomic<bool> stopping_{false};  // rows not started need not run

  std::mutex mu_;  // guards what follows
  std::deque<std::unique_ptr<Request>> waiting_;
  std::vector<std::unique_ptr<Request>> spare_;
  std::deque<grpc::ByteBuffer> replies_;
  uint32_t unanswered_ = 0;  // read, and the reply not yet written
  bool greeted_ = false;
  bool reading_ = false;
  bool running_ = false;
  bool writing_ = false;
  bool reads_over_ = false;
  bool gone_ = false;  // cancelled, or a write failed
  bool finished_ = false;
  uint64_t request_count_ = 0;
  bool has_sessions_ = false;  // as of the last request answered
  grpc::Status end_status_;
};

// Answers a call with a status at once.
class RefusedStream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_STREAM_H_
