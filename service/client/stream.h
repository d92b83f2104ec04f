// One Sample stream: requests out, replies in, pipelined.
// Does not know sessions or positions: what is sent and received are the
// messages of logitd/v1/sampling.proto, unchanged.
// Threads: one thread may Send while another Receives; calls of one kind wait
// for each other. Step does both: use it, or use Send and Receive, not both at
// once. Cancel may come from anywhere.
// Ownership: messages are read and written during the call only.
// Cost: every call but Cancel blocks. At most Greeting.max_inflight requests
// should be unanswered: the server reads no further, and Send then blocks.

#ifndef LOGITD_SERVICE_CLIENT_STREAM_H_
#define LOGITD_SERVICE_CLIENT_STREAM_H_

#include <grpcpp/client_context.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "logitd/v1/sampling.grpc.pb.h"

namespace logitd::client {

class Stream {
 public:
  // Opens a stream that ends with DEADLINE_EXCEEDED after `timeout`.
  static std::unique_ptr<Stream> Open(v1::SamplingService::Stub* stub,
                                      absl::Duration timeout);
  // Cancels a stream that was not finished: its sessions are gone.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Sends one request. On error the stream is over, and this is why.
  [[nodiscard]] absl::Status Send(const v1::SampleRequest& request);

  // Waits for the next reply, in any order. False: the server has ended the
  // stream with OK. On error the stream is over, and this is why. What is wrong
  // with a request or its parts is in the reply, not here.
  [[nodiscard]] absl::StatusOr<bool> Receive(v1::SampleResponse* reply);

  // Sends one request and waits for its reply; replies to other requests are
  // kept for Receive. OK when neither the stream nor the request as a whole
  // (SampleResponse.error) failed; ended() tells which it was.
  [[nodiscard]] absl::Status Step(const v1::SampleRequest& request,
                                  v1::SampleResponse* reply);

  // Says that no more requests come, drops what is still unread, and returns
  // how the stream ended.
  [[nodiscard]] absl::Status Finish();

  // Ends the stream at once, with CANCELLED.
  void Cancel() { call_.TryCancel(); }

  // True once the stream is over.
  bool ended() const;

 private:
  Stream() = default;

  // The next reply from the wire, or false at the stream's end.
  bool Read(v1::SampleResponse* reply);
  // After a failed write: why.
  absl::Status EndOfStream();

  // Constant after Open.
  grpc::ClientContext call_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::SampleRequest, v1::SampleResponse>>
      wire_;

  std::mutex write_mu_;  // Held while sending.
  bool writes_done_ = false;

  std::mutex read_mu_;  // Held while receiving; after write_mu_.
  std::deque<v1::SampleResponse> kept_;

  mutable std::mutex end_mu_;  // Held shortly.
  std::optional<absl::Status> end_;
};

}  // namespace logitd::client

#endif  // LOGITD_SERVICE_CLIENT_STREAM_H_
