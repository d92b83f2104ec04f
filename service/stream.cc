// Door 1 of 4, from the wire to the token:
//   service/stream.cc -> service/session/session.cc -> sampler/sampler.cc
//   -> sampler/kernels/rows-inl.h
#include "service/stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "sampler/fingerprint.h"
#include "sampler/status_macros.h"
#include "service/built.h"
#include "service/lists.h"
#include "service/preflight.h"
#include "service/session/field_path.h"
#include "service/status.h"

namespace logitd {
namespace {

// A stream that idles holds on to no more of a request, or of a reply. What is
// larger goes back to malloc, which keeps it for whoever is next.
constexpr size_t kKeptBytesMax = 1 << 20;
constexpr size_t kKeptListBytesMax = 64 << 10;

// Empties the message but keeps the memory of its logits: Clear() would free
// it, as it does all members of a oneof.
void ClearForReuse(v1::SampleRequest* message) {
  std::unique_ptr<std::string> memory;
  if (message->step().logits().has_inline_()) {
    memory.reset(message->mutable_step()->mutable_logits()->release_inline_());
  }
  message->Clear();
  if (memory == nullptr || memory->capacity() > kKeptBytesMax) return;
  memory->clear();
  message->mutable_step()->mutable_logits()->set_allocated_inline_(
      memory.release());
}

// Lists of a request run so long before others have their turn.
constexpr std::chrono::milliseconds kListTurn(2);

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int ListElements(const v1::SampleRequest& message) {
  return message.close_size() + message.open_size() + message.update_size() +
         message.rewind_size() + message.fork_size() + message.append_size();
}

// What gRPC's few threads may do themselves: a single row and few list
// elements. More would keep them from all other calls, health and keepalive
// included.
bool HasLittleToDo(const v1::SampleRequest& message) {
  constexpr int kElementsMax = 8;
  return ListElements(message) <= kElementsMax &&
         message.step().session_id_size() <= 1;
}

void WriteGreeting(const Limits& limits, v1::Greeting* greeting) {
  greeting->set_max_inflight(limits.max_inflight);
  greeting->set_semantics(kSemantics);
  greeting->set_core_version(kCoreVersion);
}

}  // namespace

Stream::Stream(const Environment& env, StreamSet* set, TraceContext trace)
    : env_(env),
      set_(set),
      log_("Sample", std::move(trace)),
      table_(env.limits),
      step_(env.limits) {}

Stream::~Stream() {
  env_.metrics.AddSessions(-static_cast<int64_t>(table_.size()), 0);
}

void Stream::Start() {
  env_.metrics.AddStreams(1);
  log_.Began();
  const std::lock_guard lock(mu_);
  ReadOnLocked();
}

// ---- reading ----------------------------------------------------------------

void Stream::ReadOnLocked() {
  if (reading_ || reads_over_ || gone_ || finished_ ||
      unanswered_ >= env_.limits.max_inflight) {
    return;
  }
  reading_ = true;
  StartRead(&incoming_);
}

void Stream::OnReadDone(bool ok) {
  std::unique_ptr<Request> request;
  absl::Status status;
  bool light = false;
  if (ok) {
    request = TakeSpare();
    status = ReadRequest(request.get());
    light = request->light;
  }
  {
    const std::lock_guard lock(mu_);
    reading_ = false;
    if (!ok || !status.ok()) {
      if (!reads_over_ && !status.ok()) end_status_ = ToGrpcStatus(status);
      reads_over_ = true;
    }
    if (reads_over_ || gone_) return MaybeFinishLocked();
    ++unanswered_;
    ++request_count_;
    waiting_.push_back(std::move(request));
    ReadOnLocked();
    if (running_) return;
    running_ = true;
  }
  if (!light) return env_.workers.Run(this, 0);
  Workers::Lease lease(&env_.workers);
  RunNext(lease.workspace());
}

std::unique_ptr<Stream::Request> Stream::TakeSpare() {
  const std::lock_guard lock(mu_);
  if (spare_.empty()) return std::make_unique<Request>();
  std::unique_ptr<Request> request = std::move(spare_.back());
  spare_.pop_back();
  return request;
}

// Errors end the stream.
absl::Status Stream::ReadRequest(Request* request) {
  request->arrived = Clock::now();
  env_.metrics.AddReceivedBytes(incoming_.Length());
  const Preflight seen =
      Inspect(incoming_, v1::SampleRequest::descriptor(), env_.limits);
  request->id = seen.request_id;
  request->has_step = seen.has_field(v1::SampleRequest::kStepFieldNumber);
  request->refused = seen.status;
  const bool parsed =
      seen.well_formed &&
      (!seen.status.ok() || ParseInto(incoming_, &request->message));
  const v1::Step& step = request->message.step();
  const size_t rows =
      step.logits().inline_().size() + step.mask_table().inline_().size();
  request->kept = incoming_.Length() - rows <= kKeptListBytesMax;
  request->light = request->kept && HasLittleToDo(request->message);
  incoming_.Clear();
  if (parsed && request->refused.ok()) {
    request->refused = CheckBuilt(request->message);
    request->refused.Update(CheckListSizes(request->message, env_.limits));
  }
  request->times = {};
  if (rows > 0) request->times.transport = Transport::kInline;
  request->times.parse = SecondsSince(request->arrived);
  if (parsed) return absl::OkStatus();
  env_.metrics.AddError(absl::StatusCode::kInvalidArgument);
  log_.Refused(request->id, absl::StatusCode::kInvalidArgument);
  return absl::InvalidArgumentError(
      "request: the bytes are not a SampleRequest");
}

// ---- running ----------------------------------------------------------------

void Stream::RunNext(Workspace* workspace) {
  {
    const std::lock_guard lock(mu_);
    if (waiting_.empty()) {
      running_ = false;
      return MaybeFinishLocked();
    }
    current_ = std::move(waiting_.front());
    waiting_.pop_front();
  }
  BeginReply();
  RunLists(workspace);
}

void Stream::BeginReply() {
  reply_.Clear();
  reply_.set_request_id(current_->id);
  if (!greeted_) WriteGreeting(env_.limits, reply_.mutable_greeting());
  greeted_ = true;
  has_result_ = false;
  fetched_ = {};
}

void Stream::RunLists(Workspace* workspace) {
  if (current_->refused.ok()) {
    const Clock::time_point begin = Clock::now();
    const ListTurn turn = {begin + kListTurn, stopping_, fetched_};
    const ListsDone done =
        ApplyLists(current_->message, env_, turn, &table_, &reply_);
    if (ListElements(current_->message) > 0) {
      current_->times.lists += SecondsSince(begin);
    }
    if (!done.all) {
      out_ = Out::kLists;
      if (done.fetch.empty()) return env_.workers.Run(this, 0);
      return Fetch(done.fetch, env_, &fetched_,
                   [this] { env_.workers.Run(this, 0); });
    }
  }
  if (!RunStep(workspace)) return;
  Answer();
  GoOn();
}

bool Stream::RunStep(Workspace* workspace) {
  absl::Status status = current_->refused;
  if (status.ok()) {
    if (!current_->has_step) return true;
    status = InField("step.", step_.Prepare(current_->message.step(), &table_));
  }
  if (!status.ok()) {
    env_.metrics.AddError(status.code());
    log_.Refused(current_->id, status.code());
    WriteStatus(status, reply_.mutable_error());
    return true;
  }
  has_result_ = true;
  if (step_.run_count() <= 1) {
    if (step_.run_count() == 1) RunTask(0, workspace);
    return true;
  }
  out_ = Out::kRows;
  env_.workers.Run(this, step_.task_count());
  return false;
}

// One row at a time: a session's many rows take turns with other streams.
bool Stream::RunTask(size_t task, Workspace* workspace) {
  RunEntry(&step_.TakeEntry(task), workspace);
  return step_.HasMore(task);
}

void Stream::RunEntry(StepEntry* entry, Workspace* workspace) {
  entry->started = Clock::now();
  const uint64_t timeout_us = current_->message.step().timeout_us();
  const auto waited_us = std::chrono::duration_cast<std::chrono::microseconds>(
      entry->started - current_->arrived);
  if (stopping_.load(std::memory_order_relaxed)) {
    entry->Fail(absl::CancelledError(
        "step: the call was cancelled, or the server stops"));
  } else if (timeout_us > 0 &&
             static_cast<uint64_t>(waited_us.count()) >= timeout_us) {
    entry->Fail(absl::DeadlineExceededError(
        absl::StrCat("step.timeout_us: the row had not started ", timeout_us,
                     " us after the request arrived")));
  } else {
    entry->entry.watch = env_.metrics.Watch();
    entry->session->Step(entry->entry, entry->row, env_.sampler, workspace,
                         &entry->result);
    entry->result.error = InField("step.", entry->result.error);
  }
  entry->ended = Clock::now();
}

void Stream::AfterTasks(Workspace* workspace) {
  switch (std::exchange(out_, Out::kNothing)) {
    case Out::kNothing:
      return RunNext(workspace);
    case Out::kLists:
      return RunLists(workspace);
    case Out::kRows:
      Answer();
      GoOn();
  }
}

void Stream::CountRequest(Clock::time_point answering) {
  RequestTimes& times = current_->times;
  const Clock::time_point now = Clock::now();
  times.reply = std::chrono::duration<double>(now - answering).count();
  times.total = std::chrono::duration<double>(now - current_->arrived).count();
  env_.metrics.AddRequest(times);
}

void Stream::Answer() {
  const Clock::time_point answering = Clock::now();
  if (has_result_) {
    current_->times.rows = step_.Write(reply_.mutable_step(), &env_.metrics);
  }
  reply_.set_draining(env_.draining.load(std::memory_order_relaxed));
  grpc::ByteBuffer bytes;
  bool own = false;
  const grpc::Status serialized =
      grpc::SerializationTraits<v1::SampleResponse>::Serialize(reply_, &bytes,
                                                               &own);
  env_.metrics.AddSentBytes(bytes.Length());
  CountRequest(answering);
  if (bytes.Length() > kKeptBytesMax) v1::SampleResponse().Swap(&reply_);
  if (current_->kept) {
    ClearForReuse(&current_->message);
  } else {
    current_.reset();
  }
  const std::lock_guard lock(mu_);
  has_sessions_ = table_.size() > 0;
  if (current_ != nullptr) spare_.push_back(std::move(current_));
  if (!serialized.ok()) {  // more than 2 GiB, or out of memory
    reads_over_ = true;
    end_status_ = serialized;
    return;
  }
  if (!gone_) replies_.push_back(bytes);
  WriteOnLocked();
}

// What waits takes its turn among the other streams' batches.
void Stream::GoOn() {
  {
    const std::lock_guard lock(mu_);
    if (waiting_.empty()) {
      running_ = false;
      return MaybeFinishLocked();
    }
  }
  env_.workers.Run(this, 0);
}

// ---- writing and ending
// -------------------------------------------------------

void Stream::WriteOnLocked() {
  if (writing_ || replies_.empty() || gone_ || finished_) return;
  writing_ = true;
  outgoing_ = replies_.front();
  replies_.pop_front();
  StartWrite(&outgoing_);
}

void Stream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mu_);
  writing_ = false;
  outgoing_.Clear();
  --unanswered_;
  if (!ok) {
    gone_ = true;
    stopping_.store(true, std::memory_order_relaxed);
    waiting_.clear();
    replies_.clear();
  }
  WriteOnLocked();
  ReadOnLocked();
  MaybeFinishLocked();
}

void Stream::OnCancel() {
  const std::lock_guard lock(mu_);
  gone_ = true;
  stopping_.store(true, std::memory_order_relaxed);
  waiting_.clear();
  replies_.clear();
  MaybeFinishLocked();
}

void Stream::End(bool only_idle) {
  const std::lock_guard lock(mu_);
  if (finished_ || (only_idle && (has_sessions_ || running_ || writing_))) {
    return;
  }
  reads_over_ = true;
  stopping_.store(true, std::memory_order_relaxed);
  end_status_ = ToGrpcStatus(absl::UnavailableError(
      "server: drained; open the sessions again on another one"));
  waiting_.clear();
  MaybeFinishLocked();
}

void Stream::MaybeFinishLocked() {
  if (finished_ || running_ || writing_) return;
  const bool answered = waiting_.empty() && replies_.empty();
  if (!gone_ && !(reads_over_ && answered)) return;
  finished_ = true;
  Finish(gone_ ? grpc::Status::CANCELLED : end_status_);
}

void Stream::OnDone() {
  set_->Remove(this);
  env_.metrics.AddStreams(-1);
  // Whoever called Finish() may still hold the lock.
  { const std::lock_guard lock(mu_); }
  log_.Ended(gone_ ? absl::StatusCode::kCancelled
                   : static_cast<absl::StatusCode>(end_status_.error_code()),
             request_count_);
  delete this;
}

// ---- the set
// --------------------------------------------------------------------

absl::Status StreamSet::Add(Stream* stream, const Limits& limits) {
  const std::lock_guard lock(mu_);
  if (streams_.size() >= limits.max_streams) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "server: ", streams_.size() + 1,
        " streams are more than --max_streams ", limits.max_streams));
  }
  streams_.insert(stream);
  return absl::OkStatus();
}

void StreamSet::Remove(Stream* stream) {
  const std::lock_guard lock(mu_);
  streams_.erase(stream);
}

size_t StreamSet::size() const {
  const std::lock_guard lock(mu_);
  return streams_.size();
}

size_t StreamSet::EndIdle() {
  const std::lock_guard lock(mu_);
  for (Stream* stream : streams_) stream->End(true);
  return streams_.size();
}

void StreamSet::EndAll() {
  const std::lock_guard lock(mu_);
  for (Stream* stream : streams_) stream->End(false);
}

}  // namespace logitd
