#include "service/client/stream.h"

#include <utility>

#include "service/client/channel.h"
#include "service/client/status.h"

namespace logitd::client {

std::unique_ptr<Stream> Stream::Open(v1::SamplingService::Stub* stub,
                                     absl::Duration timeout) {
  std::unique_ptr<Stream> stream(new Stream);
  stream->call_.set_deadline(DeadlineAfter(timeout));
  stream->wire_ = stub->Sample(&stream->call_);
  return stream;
}

Stream::~Stream() {
  if (!ended()) {
    Cancel();
    static_cast<void>(Finish());
  }
}

bool Stream::ended() const {
  const std::lock_guard lock(end_mu_);
  return end_.has_value();
}

bool Stream::Read(v1::SampleResponse* reply) {
  if (!ended()) {
    if (wire_->Read(reply)) {
      return true;
    }
    const absl::Status end = ToStatus(wire_->Finish());
    const std::lock_guard lock(end_mu_);
    end_ = end;
  }
  return false;
}

absl::Status Stream::EndOfStream() {
  const std::lock_guard lock(read_mu_);
  v1::SampleResponse reply;
  while (Read(&reply)) {
    kept_.push_back(std::move(reply));
    reply.Clear();
  }
  const std::lock_guard end_lock(end_mu_);
  return end_->ok() ? absl::FailedPreconditionError("the stream has ended")
                    : *end_;
}

absl::Status Stream::Send(const v1::SampleRequest& request) {
  const std::lock_guard lock(write_mu_);
  if (!writes_done_ && !ended() && wire_->Write(request)) {
    return absl::OkStatus();
  }
  return EndOfStream();
}

absl::StatusOr<bool> Stream::Receive(v1::SampleResponse* reply) {
  const std::lock_guard lock(read_mu_);
  if (!kept_.empty()) {
    *reply = std::move(kept_.front());
    kept_.pop_front();
    return true;
  }
  if (Read(reply)) {
    return true;
  }
  const std::lock_guard end_lock(end_mu_);
  if (!end_->ok()) {
    return *end_;
  }
  return false;
}

absl::Status Stream::Step(const v1::SampleRequest& request,
                          v1::SampleResponse* reply) {
  if (absl::Status status = Send(request); !status.ok()) {
    return status;
  }
  const std::lock_guard lock(read_mu_);
  while (Read(reply)) {
    if (reply->request_id() == request.request_id()) {
      return ToStatus(reply->error());
    }
    kept_.push_back(std::move(*reply));
    reply->Clear();
  }
  const std::lock_guard end_lock(end_mu_);
  return end_->ok() ? absl::FailedPreconditionError(
                          "the stream has ended without a reply")
                    : *end_;
}

absl::Status Stream::Finish() {
  {
    const std::lock_guard lock(write_mu_);
    if (!writes_done_ && !ended()) {
      wire_->WritesDone();
    }
    writes_done_ = true;
  }
  const std::lock_guard lock(read_mu_);
  v1::SampleResponse reply;
  while (Read(&reply)) {
  }
  kept_.clear();
  const std::lock_guard end_lock(end_mu_);
  return *end_;
}

}  // namespace logitd::client
