#include "service/client/replay.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/client/messages.h"
#include "service/client/receipt.h"
#include "service/client/receipt_rows.h"
#include "service/client/status.h"
#include "service/session/history_chain.h"

namespace logitd::client {
namespace {

constexpr std::uint64_t kSessionId = 1;

// Replays one receipt.
class Run {
 public:
  Run(const v1::Receipt& receipt, const ReceiptTokens& tokens,
      const ReplayRows& rows, Stream* stream)
      : receipt_(receipt),
        tokens_(tokens),
        rows_(rows, tokens),
        stream_(*stream),
        state_(receipt.parts(0).open().state()) {}

  absl::StatusOr<Replayed> All() {
    absl::Status status = rows_.Check();
    for (int part = 0; status.ok() && part < receipt_.parts_size(); ++part) {
      status = RunPart(part, tokens_.EndOfPart(part));
    }
    if (!status.ok()) {
      return status;
    }
    const std::uint32_t told = result_.same + result_.other + result_.given +
                               result_.appended + result_.unchecked;
    result_.unchecked += static_cast<std::uint32_t>(tokens_.size()) - told;
    return result_;
  }

 private:
  // The tokens from next_ to `end`, which are those of `part`.
  absl::Status RunPart(int part, std::size_t end) {
    if (has_ended_) {
      return absl::OkStatus();
    }
    TakeAppended(tokens_.EndOfAppended(next_, end));
    absl::Status status = Open(part);
    while (status.ok() && next_ < end && !HasEnded()) {
      v1::SampleRequest request;
      const std::size_t with_row = tokens_.EndOfAppended(next_, end);
      if (with_row > next_) {
        AddAppend(with_row, &request);
        TakeAppended(with_row);
      }
      const std::size_t first = next_;
      if (first < end) {
        next_ +=
            rows_.AddStep(kSessionId, first, end,
                          PromptLength() + static_cast<std::uint32_t>(first),
                          has_guidance_, request.mutable_step());
      }
      v1::SampleResponse reply;
      status = Exchange(&request, &reply);
      for (std::size_t i = first; status.ok() && i < next_ && !has_ended_;
           ++i) {
        status = Judge(i, reply.step(), static_cast<int>(i - first));
      }
    }
    return status;
  }

  // True if the session ends before next_, under other rules than those
  // recorded.
  bool HasEnded() {
    if (has_finished_ && !has_ended_) {
      End(next_, judged_rows_);
    }
    return has_ended_;
  }

  // The token at `i` does not follow, and those behind it are not judged.
  void End(std::size_t i, std::uint32_t row) {
    has_ended_ = true;
    Compare(tokens_.ids()[i], kNone, {static_cast<std::uint32_t>(i), row},
            &result_.other, &result_.token);
  }

  void TakeAppended(std::size_t end) {
    result_.appended += static_cast<std::uint32_t>(end - next_);
    next_ = end;
  }

  void AddAppend(std::size_t end, v1::SampleRequest* request) const {
    v1::AppendTokens* append = request->add_append();
    append->set_session_id(kSessionId);
    append->set_tokens(PackIds(tokens_.ids().subspan(next_, end - next_)));
  }

  // Opens the session behind the tokens before next_, under the rules of
  // `part`.
  absl::Status Open(int part) {
    v1::SampleRequest request;
    if (part > 0) {
      request.add_close()->set_session_id(kSessionId);
    }
    *request.add_open() = OpenOf(part);
    v1::SampleResponse reply;
    if (absl::Status status = Exchange(&request, &reply); !status.ok()) {
      return status;
    }
    if (reply.opened_size() != 1) {
      return absl::InternalError("the reply does not say what was opened");
    }
    const v1::SessionOpened& opened = reply.opened(0);
    has_finished_ = opened.finish_reason() != v1::FINISH_REASON_UNSPECIFIED;
    has_guidance_ = has_feedback_ = false;
    Look(opened.resolved());
    for (const v1::ResolvedPhase& phase : opened.phases()) {
      Look(phase.resolved());
    }
    return absl::OkStatus();
  }

  // At rules in force.
  void Look(const v1::SamplingParams& resolved) {
    has_guidance_ |= resolved.has_guidance_scale();
    has_feedback_ |=
        resolved.has_mirostat() || resolved.has_adaptive_p_target();
  }

  v1::OpenSession OpenOf(int part) const {
    const v1::OpenSession& start = receipt_.parts(0).open();
    v1::OpenSession open = receipt_.parts(part).open();
    open.set_session_id(kSessionId);
    open.set_prompt(start.prompt());
    if (start.has_prompt_length()) {
      open.set_prompt_length(start.prompt_length());
    }
    open.set_initial_phase(start.initial_phase());
    open.set_generated(PackIds(tokens_.ids().first(next_)));
    open.set_state(state_);
    open.mutable_report()->set_row_digest(true);
    return open;
  }

  std::uint32_t PromptLength() const {
    const v1::OpenSession& start = receipt_.parts(0).open();
    return start.prompt().empty()
               ? start.prompt_length()
               : static_cast<std::uint32_t>(start.prompt().size() / 4);
  }

  absl::Status Exchange(v1::SampleRequest* request, v1::SampleResponse* reply) {
    request->set_request_id(++requests_);
    absl::Status status = stream_.Step(*request, reply);
    for (const v1::SessionOpened& opened : reply->opened()) {
      status.Update(ToStatus(opened.error()));
    }
    for (const v1::TokensAppended& appended : reply->appended()) {
      status.Update(ToStatus(appended.error()));
      has_finished_ = appended.finish_reason() != v1::FINISH_REASON_UNSPECIFIED;
    }
    return status;
  }

  absl::Status Judge(std::size_t i, const v1::StepResult& step, int index) {
    const auto entry = ReadEntry(step, index);
    const absl::Status status = entry.ok() ? entry->error : entry.status();
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("token ", i, ": ", status.message()));
    }
    ReplayDifference at = {static_cast<std::uint32_t>(i), judged_rows_++};
    if (entry->status == v1::ENTRY_STATUS_SKIPPED) {
      End(i, at.row);
      return absl::OkStatus();
    }
    const bool is_other_row =
        Compare(tokens_.row_digest(i), entry->row_digest.value_or(0), at,
                &result_.other_rows, &result_.row);
    at.has_other_row =
        is_other_row || (has_feedback_ && is_state_of_other_rows_);
    at.is_guided = tokens_.has(i, v1::TOKEN_INPUT_GUIDANCE);
    JudgeToken(i, *entry, at);
    if (has_feedback_) {
      state_ = entry->state;
      is_state_of_other_rows_ |= is_other_row;
      is_blind_ |= rows_.Lacks(i, has_guidance_);
    }
    has_finished_ = entry->finish_reason != v1::FINISH_REASON_UNSPECIFIED;
    return absl::OkStatus();
  }

  void JudgeToken(std::size_t i, const Entry& entry,
                  const ReplayDifference& at) {
    if (!tokens_.is_drawn(i)) {
      ++result_.given;
    } else if (rows_.Lacks(i, has_guidance_) || (is_blind_ && has_feedback_)) {
      ++result_.unchecked;
    } else if (!Compare(tokens_.ids()[i], entry.drawn_token.value_or(kNone), at,
                        &result_.other, &result_.token)) {
      ++result_.same;
    }
  }

  // True if they differ.
  static bool Compare(std::uint64_t recorded, std::uint64_t found,
                      ReplayDifference at, std::uint32_t* count,
                      std::optional<ReplayDifference>* first) {
    if (recorded == found) {
      return false;
    }
    at.recorded = recorded;
    at.found = found;
    if ((*count)++ == 0) {
      *first = at;
    }
    return true;
  }

  const v1::Receipt& receipt_;
  const ReceiptTokens& tokens_;
  ReceiptRows rows_;
  Stream& stream_;
  std::string state_;  // Of the feedback knobs, at next_.
  Replayed result_;
  std::size_t next_ = 0;  // Token that was not sent yet.
  std::uint32_t judged_rows_ = 0;
  bool has_guidance_ = false;            // In the rules in force,
  bool has_feedback_ = false;            // or a knob with a state.
  bool has_finished_ = false;            // By the last token judged.
  bool has_ended_ = false;               // What is left does not follow.
  bool is_blind_ = false;                // state_ is of what is not here,
  bool is_state_of_other_rows_ = false;  // or of a row that has changed.
  std::uint64_t requests_ = 0;
};

// What the reply to CloseSession says beside its receipt.
bool IsWhole(const v1::SessionClosed& closed, const ReceiptTokens& tokens) {
  HistoryChain chain;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    chain.Append(tokens.row_digest(i));
    chain.Append(tokens.ids()[i]);
  }
  const v1::OpenSession& last = closed.receipt().parts().rbegin()->open();
  const std::string& expected = last.expected_fingerprint();
  return closed.row_chain_digest() == chain.bytes() &&
         closed.generated_count() == tokens.size() &&
         closed.seed() == last.seed() && closed.salt() == last.salt() &&
         (expected.empty() || expected == closed.fingerprint());
}

}  // namespace

absl::StatusOr<Replayed> Replay(const v1::SessionClosed& closed,
                                const ReplayRows& rows, Stream* stream) {
  const auto tokens = ReceiptTokens::Read(closed.receipt());
  if (!tokens.ok()) {
    return tokens.status();
  }
  auto replayed = Run(closed.receipt(), *tokens, rows, stream).All();
  if (replayed.ok()) {
    replayed->is_whole = IsWhole(closed, *tokens);
  }
  return replayed;
}

}  // namespace logitd::client
