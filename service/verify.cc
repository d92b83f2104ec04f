#include "service/verify.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/convert.h"
#include "service/session/field_path.h"

namespace logitd {
namespace {

absl::Status CheckNoTokens(const v1::VerifyRequest& request) {
  const auto refuse = [](const char* field) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": must not be set beside step"));
  };
  if (!IsEmpty(request.logits())) return refuse("logits");
  if (request.dtype() != v1::DTYPE_UNSPECIFIED) return refuse("dtype");
  if (!request.tokens().empty()) return refuse("tokens");
  if (request.row_count() != 0) return refuse("row_count");
  return absl::OkStatus();
}

// The token that follows from the row of an entry.
uint32_t ExpectedOf(const StepEntry& entry) {
  const EntryResult& result = entry.result;
  if (result.status == EntryStatus::kSkipped) return kNoToken;
  return result.given ? result.outcome.drawn_token : result.outcome.token;
}

}  // namespace

Verification::Verification(v1::VerifyRequest* request, uint64_t session_id,
                           const Session& session, const Environment& env,
                           v1::VerifyResponse* answer)
    : request_(*request),
      session_id_(session_id),
      env_(env),
      answer_(*answer),
      copy_(session),
      table_(env.limits),
      step_(env.limits) {
  copy_.DropRecord();
}

absl::Status Verification::MakeStep() {
  LOGITD_ASSIGN_OR_RETURN(
      const TokenIds tokens,
      ReadHistory("tokens", request_.tokens(), env_.limits));
  if (tokens.empty()) {
    return absl::InvalidArgumentError("tokens: required, at least one");
  }
  LOGITD_RETURN_IF_ERROR(copy_.CheckTokens("tokens", tokens));
  const auto count = static_cast<uint32_t>(tokens.size());
  const uint32_t rows = request_.row_count();
  if (rows != count && rows - 1 != count) {
    return absl::InvalidArgumentError(absl::StrCat(
        "row_count: ", rows, " is neither ", count, " nor one more"));
  }
  LOGITD_ASSIGN_OR_RETURN(const Dtype dtype, ReadDtype(request_.dtype()));
  LOGITD_ASSIGN_OR_RETURN(const absl::string_view bytes,
                          ReadPlace("logits", request_.logits()));
  v1::Step* step = request_.mutable_step();
  step->set_row_count(rows);
  // The remainder, if there is one, is refused with the tensor.
  step->set_row_width(
      static_cast<uint32_t>(bytes.size() / SizeOf(dtype) / rows));
  step->set_dtype(request_.dtype());
  step->mutable_logits()->Swap(request_.mutable_logits());
  for (uint32_t i = 0; i < rows; ++i) {
    step->add_session_id(session_id_);
    step->add_position(copy_.position() + i);
    step->add_mode(i < count ? v1::ENTRY_MODE_GIVEN : v1::ENTRY_MODE_PEEK);
    step->add_given_token(i < count ? tokens[i] : kNoToken);
  }
  return absl::OkStatus();
}

absl::Status Verification::CheckIds() const {
  const auto& ids = request_.step().session_id();
  const auto other = std::find_if(ids.begin(), ids.end(), [this](uint64_t id) {
    return id != session_id_;
  });
  if (other == ids.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "session_id: ", *other, " is not the session's ", session_id_));
}

absl::Status Verification::Prepare() {
  const bool has_step = request_.has_step();
  if (has_step) {
    LOGITD_RETURN_IF_ERROR(CheckNoTokens(request_));
    LOGITD_RETURN_IF_ERROR(InField("step.", CheckIds()));
  } else {
    LOGITD_RETURN_IF_ERROR(MakeStep());
  }
  LOGITD_RETURN_IF_ERROR(table_.Add(session_id_, std::move(copy_)).status());
  return InField(has_step ? "step." : "",
                 step_.Prepare(request_.step(), &table_));
}

absl::StatusOr<bool> Verification::RunTurn(Workspace* workspace) {
  if (!std::exchange(is_prepared_, true)) {
    LOGITD_RETURN_IF_ERROR(Prepare());
  }
  const Clock::time_point end = Clock::now() + kTurn;
  while (step_.task_count() >
         0) {  // at most one: all entries are one session's
    StepEntry* const entry = step_.TakeReached(0);
    if (entry == nullptr) break;
    entry->started = Clock::now();
    entry->session->Step(entry->entry, entry->row, env_.sampler, workspace,
                         &entry->result);
    entry->result.error = InField("step.", entry->result.error);
    entry->ended = Clock::now();
    if (step_.HasMore(0) && entry->ended >= end) return false;
  }
  LOGITD_RETURN_IF_ERROR(Answer());
  return true;
}

absl::Status Verification::Answer() {
  const StepOutcome outcome = step_.Write(answer_.mutable_result(), nullptr);
  LOGITD_RETURN_IF_ERROR(outcome.error);
  TokenIds expected;
  for (const StepEntry& entry : step_.entries()) {
    expected.push_back(ExpectedOf(entry));
  }
  answer_.set_expected_tokens(WriteIds(expected));
  const uint32_t first = step_.FirstDifference();
  answer_.set_equal(first == expected.size());
  // What follows the tokens is none of them.
  const auto tokens = static_cast<uint32_t>(request_.tokens().size() / 4);
  answer_.set_first_difference(tokens > 0 ? std::min(first, tokens) : first);
  return absl::OkStatus();
}

}  // namespace logitd
