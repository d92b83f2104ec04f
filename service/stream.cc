// Door 1 of 4, from the wire to the token:
//   service/stream.cc -> service/session/session.cc -> sampler/sampler.cc
//   -> sampler/kernels/rows-inl.h
#include "service/stream.h"

#include <algorithm>
#include <utility>
#include <vector>

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

// What tells the work of a request before it is parsed.
constexpr AskedField kAsked[] = {
    {v1::SampleRequest::kStepFieldNumber, v1::Step::kTimeoutUsFieldNumber},
    {v1::SampleRequest::kStepFieldNumber, v1::Step::kSessionIdFieldNumber,
     true},
    {v1::SampleRequest::kStepFieldNumber, v1::Step::kRowCountFieldNumber}};

// Of a SampleRequest; bits as Preflight has them.
constexpr uint32_t kListFields = 1u << v1::SampleRequest::kCloseFieldNumber |
                                 1u << v1::SampleRequest::kOpenFieldNumber |
                                 1u << v1::SampleRequest::kUpdateFieldNumber |
                                 1u << v1::SampleRequest::kRewindFieldNumber |
                                 1u << v1::SampleRequest::kForkFieldNumber |
                                 1u << v1::SampleRequest::kAppendFieldNumber;

// Of what a client sent: any number.
absl::Duration MicrosecondsOf(uint64_t count) {
  constexpr uint64_t kMost = uint64_t{1} << 62;
  return absl::Microseconds(static_cast<int64_t>(std::min(count, kMost)));
}

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
         message.step().session_id_size() <= 1 && message.explain_size() == 0 &&
         message.verify_size() == 0;
}

grpc::Status Serialize(const v1::SampleResponse& reply,
                       grpc::ByteBuffer* bytes) {
  bool own = false;
  return grpc::SerializationTraits<v1::SampleResponse>::Serialize(reply, bytes,
                                                                  &own);
}

// The reply with the greeting behind it: messages on the wire add up.
grpc::ByteBuffer Greeted(const grpc::ByteBuffer& reply, const Limits& limits) {
  v1::SampleResponse more;
  v1::Greeting* greeting = more.mutable_greeting();
  greeting->set_max_inflight(limits.max_inflight);
  greeting->set_semantics(kSemantics);
  greeting->set_core_version(kCoreVersion);
  std::vector<grpc::Slice> slices;
  (void)reply.Dump(&slices);
  slices.emplace_back(more.SerializeAsString());
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace

Stream::Stream(const Environment& env, StreamSet* set,
               std::shared_ptr<Account> account, TraceContext trace)
    : Batch(account->line()),
      env_(env),
      set_(set),
      account_(std::move(account)),
      log_("Sample", std::move(trace)),
      table_(env.limits),
      step_(env.limits),
      inquiries_(env_, stopping_) {}

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
  absl::Status why_not;
  bool is_request = false;
  bool light = false;
  grpc::ByteBuffer refusal;
  if (ok) {
    request = TakeSpare();
    why_not = ReadRequest(request.get(), &is_request);
    light = request->light;
    if (is_request && !why_not.ok()) {
      refusal = MakeRefusal(why_not, request.get());
    }
  }
  {
    const std::lock_guard lock(mu_);
    reading_ = false;
    if (!is_request) {
      if (!reads_over_ && !why_not.ok()) end_status_ = ToGrpcStatus(why_not);
      reads_over_ = true;
    }
    if (reads_over_ || gone_) return MaybeFinishLocked();
    ++unanswered_;
    ++request_count_;
    if (!why_not.ok()) {
      spare_.push_back(std::move(request));
      QueueLocked(refusal);
      return ReadOnLocked();
    }
    waiting_.push_back(std::move(request));
    ReadOnLocked();
    if (running_) return;
    running_ = true;
  }
  Workers::Lease lease(light ? &env_.workers : nullptr);
  if (lease.workspace() == nullptr) return env_.workers.Run(this, 0);
  RunNext(lease.workspace());
}

std::unique_ptr<Stream::Request> Stream::TakeSpare() {
  const std::lock_guard lock(mu_);
  if (spare_.empty()) return std::make_unique<Request>();
  std::unique_ptr<Request> request = std::move(spare_.back());
  spare_.pop_back();
  return request;
}

absl::Status Stream::ReadRequest(Request* request, bool* is_request) {
  request->arrived = Clock::now();
  request->times = {};
  env_.metrics.AddReceivedBytes(incoming_.Length());
  const Preflight seen =
      Inspect(incoming_, v1::SampleRequest::descriptor(), env_.limits, kAsked);
  request->id = seen.request_id;
  request->has_step = seen.has_field(v1::SampleRequest::kStepFieldNumber);
  absl::Status why_not = seen.status;
  *is_request = seen.well_formed;
  if (seen.well_formed && why_not.ok()) why_not = LetIn(seen, request);
  if (seen.well_formed && why_not.ok()) {
    *is_request = ParseInto(incoming_, &request->message);
    if (*is_request) why_not = Look(request);
  }
  incoming_.Clear();
  request->times.parse = SecondsSince(request->arrived);
  if (*is_request) return why_not;
  env_.metrics.AddError(absl::StatusCode::kInvalidArgument);
  log_.Refused(request->id, absl::StatusCode::kInvalidArgument);
  return absl::InvalidArgumentError(
      "request: the bytes are not a SampleRequest");
}

// Of a request with lists only the step is refused: what is sent behind it may
// rely on them.
absl::Status Stream::LetIn(const Preflight& seen, Request* request) {
  const auto [timeout_us, id_bytes, row_count] = seen.asked;
  const uint64_t entries =
      std::min<uint64_t>(id_bytes / 8, env_.limits.max_rows);
  Admission::Request asked;
  asked.bytes = incoming_.Length();
  asked.rows = static_cast<double>(entries);
  asked.row_bytes = static_cast<double>(asked.bytes) /
                    static_cast<double>(std::clamp<uint64_t>(
                        row_count, 1, std::max<uint64_t>(entries, 1)));
  if (timeout_us > 0) {
    asked.patience = MicrosecondsOf(timeout_us);
    asked.patience_field = "step.timeout_us";
  }
  const bool has_lists = (seen.fields & kListFields) != 0;
  request->shed =
      env_.admission.Admit(asked, account_, has_lists, &request->ticket);
  return request->ticket.holds() ? absl::OkStatus() : request->shed;
}

// At the message that was parsed.
absl::Status Stream::Look(Request* request) const {
  const v1::SampleRequest& message = request->message;
  const size_t rows = message.step().logits().inline_().size() +
                      message.step().mask_table().inline_().size();
  request->kept = incoming_.Length() - rows <= kKeptListBytesMax;
  request->light = request->kept && HasLittleToDo(message);
  if (rows > 0) request->times.transport = Transport::kInline;
  LOGITD_RETURN_IF_ERROR(CheckBuilt(message));
  LOGITD_RETURN_IF_ERROR(CheckInquiries(message));
  return CheckListSizes(message, env_.limits);
}

// The reply; the request is as good as new.
grpc::ByteBuffer Stream::MakeRefusal(const absl::Status& why,
                                     Request* request) const {
  env_.metrics.AddError(why.code());
  log_.Refused(request->id, why.code());
  v1::SampleResponse reply;
  reply.set_request_id(request->id);
  reply.set_draining(env_.draining.load(std::memory_order_relaxed));
  WriteStatus(why, reply.mutable_error());
  grpc::ByteBuffer bytes;
  (void)Serialize(reply, &bytes);  // its strings are short
  request->ticket = {};
  request->message = {};
  return bytes;
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
  reply_.Clear();
  reply_.set_request_id(current_->id);
  has_result_ = false;
  fetched_ = {};
  RunLists(workspace);
}

void Stream::RunLists(Workspace* workspace) {
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
  if (RunStep(workspace)) AnswerInquiries(workspace);
}

bool Stream::RunStep(Workspace* workspace) {
  if (!current_->has_step) return true;
  absl::Status status = current_->shed;
  if (status.ok()) {
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
  StepEntry* const entry = step_.TakeReached(task);
  if (entry == nullptr) return false;
  RunEntry(entry, workspace);
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
    case Out::kInquiries:
      AnswerInquiries(workspace);
  }
}

void Stream::AnswerInquiries(Workspace* workspace) {
  v1::SampleRequest* const request = &current_->message;
  if (!inquiries_.RunTurn(request, &table_, workspace, &reply_)) {
    out_ = Out::kInquiries;
    return env_.workers.Run(this, 0);
  }
  Answer();
  GoOn();
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
  StepOutcome outcome;
  if (has_result_) {
    outcome = step_.Write(reply_.mutable_step(), &env_.metrics);
  }
  RequestTimes& times = current_->times;
  times.rows = outcome.row_seconds;
  reply_.set_draining(env_.draining.load(std::memory_order_relaxed));
  grpc::ByteBuffer bytes;
  const grpc::Status serialized = Serialize(reply_, &bytes);
  CountRequest(answering);
  current_->ticket.Learn(times.parse + outcome.busy_seconds + times.reply,
                         outcome.part_run);
  current_->ticket.Return();
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
  QueueLocked(bytes);
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

// ---- writing and ending -----------------------------------------------------

void Stream::QueueLocked(const grpc::ByteBuffer& reply) {
  if (!gone_) {
    replies_.push_back(greeted_ ? reply : Greeted(reply, env_.limits));
    greeted_ = true;
    env_.metrics.AddSentBytes(replies_.back().Length());
  }
  WriteOnLocked();
}

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
  end_status_ = ToGrpcStatus(DrainedError());
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

}  // namespace logitd
