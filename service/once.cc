#include "service/once.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/convert.h"
#include "service/convert_row.h"

namespace logitd {
namespace {

constexpr CallKind kOnce = {
    "SampleOnce",
    {{{0, v1::SampleOnceRequest::kDrawCountFieldNumber}}},
    [](const Preflight& seen) {
      return static_cast<double>(
          std::clamp<uint64_t>(seen.asked[0], 1, kDrawsMax));
    },
    /*is_one_row=*/true,
    /*is_light=*/true};

}  // namespace

OnceCall::OnceCall(const Environment& env, std::atomic<uint32_t>* calls,
                   Caller caller, const grpc::ByteBuffer& request,
                   grpc::ByteBuffer* response)
    : UnaryCall(kOnce, env, calls, std::move(caller), response) {
  Begin(request);
}

absl::StatusOr<size_t> OnceCall::Prepare(Session session) {
  session_.emplace(std::move(session));
  LOGITD_ASSIGN_OR_RETURN(
      row_, ReadOneRow(request_.logits(), request_.dtype(),
                       request_.has_guidance_row() ? &request_.guidance_row()
                                                   : nullptr,
                       request_.mask(), env().limits));
  LOGITD_RETURN_IF_ERROR(ReadEntryFields());
  const uint32_t count = std::max(request_.draw_count(), 1u);
  if (count > kDrawsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "draw_count: ", count, " is outside [1, ", kDrawsMax, "]"));
  }
  draws_.resize(count);
  return count;
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

bool OnceCall::RunPart(size_t task, Workspace* workspace) {
  StepEntry& draw = draws_[task];
  draw.started = draw.ended = Clock::now();
  if (stopping()) {
    draw.Fail(absl::CancelledError("request: the call was cancelled"));
    return false;
  }
  Session fork = session_->Fork(static_cast<uint32_t>(task));
  Entry entry = entry_;
  entry.watch = env().metrics.Watch();
  fork.Step(entry, row_, env().sampler, workspace, &draw.result);
  draw.ended = Clock::now();
  return false;
}

StepOutcome OnceCall::WriteAnswer() {
  WriteOpened(*session_, answer_.mutable_opened());
  return WriteResults(absl::MakeSpan(draws_), answer_.mutable_result(),
                      &env().metrics);
}

}  // namespace logitd
