#include "service/client/replay.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/client/messages.h"
#include "service/client/receipt.h"
#include "service/client/status.h"

namespace logitd::client {
namespace {

constexpr std::uint64_t kSessionId = 1;
// Well below the server's own limits of rows and bytes in one step.
constexpr std::size_t kStepRowsMax = 64;
constexpr std::size_t kStepBytesMax = 32 << 20;

// Replays one receipt.
class Run {
 public:
  Run(const v1::Receipt& receipt, const ReceiptTokens& tokens,
      const ReplayRows& rows, Stream* stream)
      : receipt_(receipt),
        tokens_(tokens),
        rows_(rows),
        stream_(*stream),
        row_bytes_(rows.row_width * BytesOf(rows.dtype)),
        state_(receipt.parts(0).open().state()) {}

  absl::StatusOr<Replayed> All() {
    if (absl::Status status = CheckRows(); !status.ok()) {
      return status;
    }
    for (int part = 0; part < receipt_.parts_size(); ++part) {
      absl::Status status = RunPart(part, tokens_.EndOfPart(part));
      if (!status.ok()) {
        return status;
      }
    }
    return result_;
  }

 private:
  absl::Status CheckRows() const {
    const std::size_t needed = tokens_.CountRows();
    if (row_bytes_ == 0) {
      return absl::InvalidArgumentError("rows: no width, or no dtype");
    }
    const auto check = [&](absl::string_view name, absl::string_view bytes) {
      if (bytes.size() / row_bytes_ >= needed) {
        return absl::OkStatus();
      }
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": ", bytes.size() / row_bytes_, " rows are fewer than the ",
          needed, " that the receipt's tokens have"));
    };
    absl::Status status = check("rows", rows_.rows);
    if (!rows_.guidance.empty()) {
      status.Update(check("guidance", rows_.guidance));
    }
    return status;
  }

  // The tokens from next_ to `end`, which are those of `part`.
  absl::Status RunPart(int part, std::size_t end) {
    TakeAppended(tokens_.EndOfAppended(next_, end));
    v1::SampleRequest request;
    if (part > 0) {
      request.add_close()->set_session_id(kSessionId);
    }
    *request.add_open() = OpenOf(part);
    while (next_ < end || request.open_size() > 0) {
      const std::size_t first = next_;
      AddRows(end, request.mutable_step());
      if (first == next_) {
        request.clear_step();
      }
      v1::SampleResponse reply;
      absl::Status status = Exchange(&request, &reply);
      for (std::size_t i = first; i < next_ && status.ok(); ++i) {
        status = Judge(i, reply.step(), static_cast<int>(i - first));
      }
      if (!status.ok()) {
        return status;
      }
      request.Clear();
      const std::size_t appended = tokens_.EndOfAppended(next_, end);
      if (appended > next_) {
        AddAppend(appended, &request);
        TakeAppended(appended);
      }
      if (next_ == end && request.append_size() > 0) {
        return Exchange(&request, &reply);
      }
    }
    return absl::OkStatus();
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

  // The session behind the tokens before next_.
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

  bool HasGuidance(std::size_t i) const {
    return (tokens_.inputs(i) & v1::TOKEN_INPUT_GUIDANCE) != 0 &&
           !rows_.guidance.empty();
  }

  // As many tokens with rows as follow each other and fit into a step.
  void AddRows(std::size_t end, v1::Step* step) {
    const std::size_t most = std::clamp<std::size_t>(
        kStepBytesMax / (2 * row_bytes_), 1, kStepRowsMax);
    std::string bytes;
    std::uint32_t rows = 0;
    const auto add_row = [&](absl::string_view all) {
      absl::StrAppend(&bytes, all.substr(next_row_ * row_bytes_, row_bytes_));
      return rows++;
    };
    for (std::size_t count = 0; count < most && next_ < end; ++count) {
      if (!tokens_.has_row(next_)) {
        break;
      }
      const auto position = PromptLength() + static_cast<std::uint32_t>(next_);
      const std::uint32_t row = add_row(rows_.rows);
      if (HasGuidance(next_)) {
        AddGuidedEntry(kSessionId, position, row, add_row(rows_.guidance),
                       step);
      } else {
        AddEntry(kSessionId, position, row, step);
      }
      step->add_mode(v1::ENTRY_MODE_GIVEN);
      step->add_given_token(tokens_.ids()[next_]);
      step->add_attempt(tokens_.attempt(next_));
      ++next_row_;
      ++next_;
    }
    // The length fits: whole rows of this width.
    (void)SetPackedRows(std::move(bytes), rows_.dtype, rows_.row_width, step);
  }

  absl::Status Exchange(v1::SampleRequest* request, v1::SampleResponse* reply) {
    request->set_request_id(++requests_);
    absl::Status status = stream_.Step(*request, reply);
    for (const v1::SessionOpened& opened : reply->opened()) {
      status.Update(ToStatus(opened.error()));
    }
    for (const v1::TokensAppended& appended : reply->appended()) {
      status.Update(ToStatus(appended.error()));
    }
    return status;
  }

  absl::Status Judge(std::size_t i, const v1::StepResult& step, int index) {
    const auto entry = ReadEntry(step, index);
    absl::Status status = entry.ok() ? entry->error : entry.status();
    if (status.ok() && entry->status != v1::ENTRY_STATUS_OK) {
      status = absl::FailedPreconditionError("the session ended before it");
    }
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("token ", i, ": ", status.message()));
    }
    const ReplayDifference at = {static_cast<std::uint32_t>(i), judged_row_++};
    Compare(tokens_.row_digest(i), entry->row_digest.value_or(0), at,
            &result_.other_rows, &result_.row);
    const bool lacks = LacksInputs(i);
    if (!tokens_.is_drawn(i)) {
      ++result_.given;
    } else if (lacks || is_blind_) {
      ++result_.unchecked;
    } else if (!Compare(tokens_.ids()[i], entry->drawn_token.value_or(kNone),
                        at, &result_.other, &result_.token)) {
      ++result_.same;
    }
    if (!entry->state.empty()) {
      state_ = entry->state;
      is_blind_ |= lacks;
    }
    return absl::OkStatus();
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

  bool LacksInputs(std::size_t i) const {
    std::uint32_t lacking = tokens_.inputs(i);
    if (!rows_.guidance.empty()) {
      lacking &= ~std::uint32_t{v1::TOKEN_INPUT_GUIDANCE};
    }
    return lacking != 0;
  }

  const v1::Receipt& receipt_;
  const ReceiptTokens& tokens_;
  const ReplayRows& rows_;
  Stream& stream_;
  const std::size_t row_bytes_;
  std::string state_;  // Of the feedback knobs, at next_.
  Replayed result_;
  std::size_t next_ = 0;      // Token that was not sent yet,
  std::size_t next_row_ = 0;  // and row.
  std::uint32_t judged_row_ = 0;
  bool is_blind_ = false;  // The state depends on what is not here.
  std::uint64_t requests_ = 0;
};

}  // namespace

absl::StatusOr<Replayed> Replay(const v1::Receipt& receipt,
                                const ReplayRows& rows, Stream* stream) {
  const auto tokens = ReceiptTokens::Read(receipt);
  if (!tokens.ok()) {
    return tokens.status();
  }
  return Run(receipt, *tokens, rows, stream).All();
}

}  // namespace logitd::client
