#include "service/once.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "sampler/status_macros.h"
#include "service/convert.h"
#include "service/convert_row.h"
#include "service/lists.h"
#include "service/preflight.h"
#include "service/session/field_path.h"
#include "service/status.h"

namespace logitd {

OnceCall::OnceCall(const Environment& env, std::atomic<uint32_t>* calls,
                   Caller caller, const grpc::ByteBuffer& request,
                   grpc::ByteBuffer* response)
    : Batch(caller.account->line()),
      env_(env),
      calls_(calls),
      response_(response),
      account_(std::move(caller.account)),
      patience_(caller.patience),
      log_("SampleOnce", std::move(caller.trace)),
      arrived_(Clock::now()) {
  calls_->fetch_add(1, std::memory_order_relaxed);
  env_.metrics.AddReceivedBytes(request.Length());
  const absl::Status status = Read(request);
  using Seconds = std::chrono::duration<double>;
  times_.parse = Seconds(Clock::now() - arrived_).count();
  if (status.ok()) {
    Begin();
  } else {
    Refuse(status);
  }
}

void OnceCall::Begin() {
  const auto on_a_worker = [this] {
    is_to_start_ = true;
    env_.workers.Run(this, 0);
  };
  const std::string& profile = request_.open().profile();
  if (MustFetch(profile, env_.profiles)) {
    return Fetch(profile, env_, &fetched_, on_a_worker);
  }
  Workers::Lease lease(&env_.workers);
  if (lease.workspace() == nullptr) return on_a_worker();
  Start(lease.workspace());
}

OnceCall::~OnceCall() { calls_->fetch_sub(1, std::memory_order_relaxed); }

void OnceCall::OnCancel() { stopping_.store(true, std::memory_order_relaxed); }

void OnceCall::Refuse(const absl::Status& status) {
  env_.metrics.AddError(status.code());
  log_.Refused(0, status.code());
  Finish(ToGrpcStatus(status));
}

void OnceCall::Start(Workspace* workspace) {
  const Clock::time_point begin = Clock::now();
  const absl::Status status = Prepare();
  if (!status.ok()) return Refuse(status);
  using Seconds = std::chrono::duration<double>;
  times_.transport = Transport::kInline;
  times_.parse += Seconds(Clock::now() - begin).count();  // without a fetch
  if (draws_.size() > 1) return env_.workers.Run(this, draws_.size());
  RunTask(0, workspace);
  AfterTasks(workspace);
}

absl::Status OnceCall::LetIn(uint64_t bytes, uint64_t draws) {
  Admission::Request asked;
  asked.bytes = bytes;
  asked.rows = static_cast<double>(std::clamp<uint64_t>(draws, 1, kDrawsMax));
  asked.row_bytes = static_cast<double>(bytes);
  asked.patience = patience_;
  asked.patience_field = "deadline";
  asked.to_the_end = true;
  return env_.admission.Admit(asked, account_, false, &ticket_);
}

absl::Status OnceCall::Read(const grpc::ByteBuffer& request) {
  if (calls_->load(std::memory_order_relaxed) > env_.limits.max_streams) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "server: more SampleOnce calls at once than --max_streams ",
        env_.limits.max_streams));
  }
  const Preflight seen =
      Inspect(request, v1::SampleOnceRequest::descriptor(), env_.limits,
              {{{0, v1::SampleOnceRequest::kDrawCountFieldNumber}}});
  LOGITD_RETURN_IF_ERROR(seen.status);
  if (seen.well_formed) {
    LOGITD_RETURN_IF_ERROR(LetIn(request.Length(), seen.asked[0]));
  }
  if (!seen.well_formed || !ParseInto(request, &request_)) {
    return absl::InvalidArgumentError(
        "request: the bytes are not a SampleOnceRequest");
  }
  if (!request_.has_open()) {
    return absl::InvalidArgumentError("open: required");
  }
  if (request_.open().more()) {
    return absl::InvalidArgumentError("open.more: must not be set here");
  }
  return absl::OkStatus();
}

absl::Status OnceCall::Prepare() {
  auto start = ReadStart(request_.open(), env_, fetched_);
  if (!start.ok()) return InField("open.", start.status());
  auto session = Session::Open(*std::move(start), env_.limits);
  if (!session.ok()) return InField("open.", session.status());
  session_.emplace(*std::move(session));
  LOGITD_ASSIGN_OR_RETURN(
      row_, ReadOneRow(request_.logits(), request_.dtype(),
                       request_.has_guidance_row() ? &request_.guidance_row()
                                                   : nullptr,
                       request_.mask(), env_.limits));
  LOGITD_RETURN_IF_ERROR(ReadEntryFields());
  const uint32_t count = std::max(request_.draw_count(), 1u);
  if (count > kDrawsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "draw_count: ", count, " is outside [1, ", kDrawsMax, "]"));
  }
  draws_.resize(count);
  return absl::OkStatus();
}

absl::Status OnceCall::ReadEntryFields() {
  entry_.position = session_->position();
  LOGITD_RETURN_IF_ERROR(CheckAttempt(request_.attempt()));
  entry_.attempt = request_.attempt();
  if (request_.has_given_token()) {
    entry_.mode = EntryMode::kGiven;
    entry_.given_token = request_.given_token();
  }
  return absl::OkStatus();
}

bool OnceCall::RunTask(size_t task, Workspace* workspace) {
  StepEntry& draw = draws_[task];
  draw.started = draw.ended = Clock::now();
  if (stopping_.load(std::memory_order_relaxed)) {
    draw.Fail(absl::CancelledError("request: the call was cancelled"));
    return false;
  }
  Session fork = session_->Fork(static_cast<uint32_t>(task));
  Entry entry = entry_;
  entry.watch = env_.metrics.Watch();
  fork.Step(entry, row_, env_.sampler, workspace, &draw.result);
  draw.ended = Clock::now();
  return false;
}

void OnceCall::AfterTasks(Workspace* workspace) {
  if (std::exchange(is_to_start_, false)) return Start(workspace);
  const absl::Status status = Answer();
  Finish(ToGrpcStatus(status));
}

absl::Status OnceCall::Answer() {
  v1::SampleOnceResponse response;
  WriteOpened(*session_, response.mutable_opened());
  const Clock::time_point answering = Clock::now();
  const StepOutcome outcome = WriteResults(
      absl::MakeSpan(draws_), response.mutable_result(), &env_.metrics);
  LOGITD_RETURN_IF_ERROR(outcome.error);
  bool own = false;
  const grpc::Status serialized =
      grpc::SerializationTraits<v1::SampleOnceResponse>::Serialize(
          response, response_, &own);
  if (!serialized.ok()) return absl::InternalError("response: too large");
  env_.metrics.AddSentBytes(response_->Length());
  using Seconds = std::chrono::duration<double>;
  const Clock::time_point now = Clock::now();
  times_.rows = outcome.row_seconds;
  times_.reply = Seconds(now - answering).count();
  times_.total = Seconds(now - arrived_).count();
  env_.metrics.AddRequest(times_);
  ticket_.Learn(times_.parse + outcome.busy_seconds + times_.reply,
                outcome.part_run);
  return absl::OkStatus();
}

}  // namespace logitd
