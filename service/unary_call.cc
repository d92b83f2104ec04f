#include "service/unary_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "sampler/status_macros.h"
#include "service/lists.h"
#include "service/session/field_path.h"
#include "service/status.h"

namespace logitd {
namespace {

double SecondsBetween(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

UnaryCall::UnaryCall(const CallKind& kind, const Environment& env,
                     std::atomic<uint32_t>* calls, Caller caller,
                     grpc::ByteBuffer* response)
    : Batch(caller.account->line()),
      kind_(kind),
      env_(env),
      calls_(calls),
      response_(response),
      account_(std::move(caller.account)),
      patience_(caller.patience),
      log_(kind.name, std::move(caller.trace)),
      arrived_(Clock::now()) {
  calls_->fetch_add(1, std::memory_order_relaxed);
}

UnaryCall::~UnaryCall() { calls_->fetch_sub(1, std::memory_order_relaxed); }

void UnaryCall::Begin(const grpc::ByteBuffer& bytes) {
  env_.metrics.AddReceivedBytes(bytes.Length());
  const absl::Status status = Read(bytes);
  times_.parse = SecondsBetween(arrived_, Clock::now());
  if (!status.ok()) return Refuse(status);
  const auto on_a_worker = [this] {
    is_to_start_ = true;
    env_.workers.Run(this, 0);
  };
  const std::string& profile = open().profile();
  if (MustFetch(profile, env_.profiles)) {
    return Fetch(profile, env_, &fetched_, on_a_worker);
  }
  Workers::Lease lease(kind_.is_light ? &env_.workers : nullptr);
  if (lease.workspace() == nullptr) return on_a_worker();
  Start(lease.workspace());
}

void UnaryCall::Refuse(const absl::Status& status) {
  env_.metrics.AddError(status.code());
  log_.Refused(0, status.code());
  Finish(ToGrpcStatus(status));
}

void UnaryCall::Start(Workspace* workspace) {
  const Clock::time_point begin = Clock::now();
  const absl::StatusOr<size_t> tasks = OpenAndPrepare();
  if (!tasks.ok()) return Refuse(tasks.status());
  times_.transport = Transport::kInline;
  times_.parse += SecondsBetween(begin, Clock::now());  // without a fetch
  if (*tasks > 1 || !kind_.is_light) return env_.workers.Run(this, *tasks);
  while (RunPart(0, workspace)) {
  }
  AfterTasks(workspace);
}

absl::Status UnaryCall::LetIn(const Preflight& seen, uint64_t bytes) {
  Admission::Request asked;
  asked.bytes = bytes;
  asked.rows = kind_.rows(seen);
  asked.row_bytes =
      static_cast<double>(bytes) / (kind_.is_one_row ? 1 : asked.rows);
  asked.patience = patience_;
  asked.patience_field = "deadline";
  asked.to_the_end = true;
  return env_.admission.Admit(asked, account_, false, &ticket_);
}

absl::Status UnaryCall::Read(const grpc::ByteBuffer& bytes) {
  if (calls_->load(std::memory_order_relaxed) > env_.limits.max_streams) {
    return absl::ResourceExhaustedError(
        absl::StrCat("server: more SampleOnce, Explain and Verify calls at "
                     "once than --max_streams ",
                     env_.limits.max_streams));
  }
  const google::protobuf::Descriptor* type = request()->GetDescriptor();
  const Preflight seen = Inspect(bytes, type, env_.limits, kind_.asked);
  LOGITD_RETURN_IF_ERROR(seen.status);
  if (seen.well_formed) {
    LOGITD_RETURN_IF_ERROR(LetIn(seen, bytes.Length()));
  }
  if (!seen.well_formed || !ParseInto(bytes, request())) {
    return absl::InvalidArgumentError(
        absl::StrCat("request: the bytes are no ", type->name()));
  }
  if (&open() == &v1::OpenSession::default_instance()) {
    return absl::InvalidArgumentError("open: required");
  }
  if (open().more()) {
    return absl::InvalidArgumentError("open.more: must not be set here");
  }
  if (open().receipt()) {
    return absl::InvalidArgumentError("open.receipt: must not be set here");
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> UnaryCall::OpenAndPrepare() {
  auto start = ReadStart(open(), env_, fetched_);
  if (!start.ok()) return InField("open.", start.status());
  auto session = Session::Open(*std::move(start), env_.limits);
  if (!session.ok()) return InField("open.", session.status());
  return Prepare(*std::move(session));
}

bool UnaryCall::RunTask(size_t task, Workspace* workspace) {
  return RunPart(task, workspace);
}

void UnaryCall::AfterTasks(Workspace* workspace) {
  if (std::exchange(is_to_start_, false)) return Start(workspace);
  const absl::Status status = Answer();
  Finish(ToGrpcStatus(status));
}

absl::Status UnaryCall::Answer() {
  const Clock::time_point answering = Clock::now();
  const StepOutcome outcome = WriteAnswer();
  LOGITD_RETURN_IF_ERROR(outcome.error);
  bool own = false;
  const grpc::Status serialized =
      grpc::SerializationTraits<google::protobuf::Message>::Serialize(
          answer(), response_, &own);
  if (!serialized.ok()) return absl::InternalError("response: too large");
  env_.metrics.AddSentBytes(response_->Length());
  const Clock::time_point now = Clock::now();
  times_.rows = outcome.row_seconds;
  times_.reply = SecondsBetween(answering, now);
  times_.total = SecondsBetween(arrived_, now);
  env_.metrics.AddRequest(times_);
  ticket_.Learn(times_.parse + outcome.busy_seconds + times_.reply,
                outcome.part_run);
  return absl::OkStatus();
}

}  // namespace logitd
