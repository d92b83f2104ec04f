#include "service/session/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/fingerprint.h"
#include "sampler/status_macros.h"
#include "sampler/stream_key.h"
#include "service/session/field_path.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

absl::Status CheckTopN(const char* field, uint32_t count, uint32_t count_max) {
  if (count <= count_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      field, ": ", count, " tokens are more than --max_top_n ", count_max));
}

absl::Status CheckReport(const Report& report, uint32_t count_max) {
  LOGITD_RETURN_IF_ERROR(
      CheckTopN("report.top_n_final", report.top_n_final, count_max));
  return CheckTopN("report.top_n_raw", report.top_n_raw, count_max);
}

absl::Status CheckSizes(const SessionStart& start, const Limits& limits) {
  if (start.vocab_size == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "vocab_size: 0 is outside [1, ", limits.max_vocab_size, "]"));
  }
  if (start.vocab_size > limits.max_vocab_size) {
    return absl::ResourceExhaustedError(
        absl::StrCat("vocab_size: ", start.vocab_size,
                     " is more than --max_vocab_size ", limits.max_vocab_size));
  }
  if (start.salt.size() > kSaltBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("salt: ", start.salt.size(),
                                                   " bytes are outside [0, ",
                                                   kSaltBytesMax, "]"));
  }
  if (start.prompt_length && !start.prompt.empty() &&
      *start.prompt_length != start.prompt.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("prompt_length: ", *start.prompt_length,
                     " is not the prompt's length ", start.prompt.size()));
  }
  return CheckReport(start.report, limits.max_top_n);
}

absl::Status CheckFingerprint(const SessionStart& start,
                              const std::string& fingerprint,
                              const std::vector<std::string>& lines) {
  if (start.expected_fingerprint.empty() ||
      start.expected_fingerprint == fingerprint) {
    return absl::OkStatus();
  }
  std::string message =
      absl::StrCat("expected_fingerprint: ", Quote(start.expected_fingerprint),
                   " is not this session's ", Quote(fingerprint));
  const std::vector<std::string>& expected = start.expected_fingerprint_lines;
  if (expected.empty()) {
    absl::StrAppend(&message,
                    "; with expected_fingerprint_lines the first "
                    "difference would be named");
    return absl::FailedPreconditionError(message);
  }
  size_t i = 0;
  while (i < lines.size() && i < expected.size() && lines[i] == expected[i]) {
    ++i;
  }
  const auto line_at = [i](const std::vector<std::string>& from) {
    return i < from.size() ? Quote(from[i]) : "no line";
  };
  absl::StrAppend(&message, "; the first difference is line ", i + 1, ": ",
                  line_at(expected), " was expected, here is ", line_at(lines));
  return absl::FailedPreconditionError(message);
}

// True if the output, and `ahead` after it, would end with the sequence.
bool WouldEndWith(absl::Span<const uint32_t> sequence, const History& history,
                  absl::Span<const uint32_t> ahead) {
  const size_t n = std::min(sequence.size(), ahead.size());
  return sequence.last(n) == ahead.last(n) &&
         history.OutputEndsWith(sequence.first(sequence.size() - n));
}

// What CheckEnds would find once `ahead`, not empty, was appended.
bool WouldFinish(const Plan& plan, const History& history,
                 absl::Span<const uint32_t> ahead) {
  const uint64_t before = history.generated() + ahead.size() - 1;
  if (plan.max_tokens && before + 1 >= *plan.max_tokens) return true;
  if (before < plan.min_tokens) return false;
  const auto is_last = [&](const TokenIds& sorted) {
    return std::binary_search(sorted.begin(), sorted.end(), ahead.back());
  };
  const auto is_complete = [&](const TokenIds& sequence) {
    return WouldEndWith(sequence, history, ahead);
  };
  const std::vector<TokenIds>& sequences = plan.params.stop_sequences;
  return is_last(plan.eos_ids) || is_last(plan.stop_ids) ||
         std::any_of(sequences.begin(), sequences.end(), is_complete);
}

}  // namespace

absl::StatusOr<Session> Session::Open(SessionStart start,
                                      const Limits& limits) {
  LOGITD_RETURN_IF_ERROR(CheckSizes(start, limits));
  auto plan = Plan::Compile(std::move(start.params), start.vocab_size);
  if (!plan.ok()) return InField("params.", plan.status());
  Session session;
  session.history_max_ = limits.max_history;
  session.max_top_n_ = limits.max_top_n;
  session.SetPlan(*std::move(plan));
  LOGITD_RETURN_IF_ERROR(
      CheckFingerprint(start, session.fingerprint_, session.lines_));
  LOGITD_RETURN_IF_ERROR(session.TakeHistory(start));
  session.seed_ = start.seed;
  session.salt_ = std::move(start.salt);
  session.key_ = MakeStreamKey(session.seed_, session.salt_);
  session.report_ = start.report;
  return session;
}

void Session::SetPlan(Plan plan) {
  plan_ = std::move(plan);
  lines_ = FingerprintLines(plan_);
  fingerprint_ = logitd::Fingerprint(lines_);
}

absl::Status Session::TakeHistory(const SessionStart& start) {
  const uint64_t prompt_length =
      start.prompt_length.value_or(static_cast<uint32_t>(start.prompt.size()));
  LOGITD_RETURN_IF_ERROR(CheckRoom(prompt_length + start.generated.size()));
  LOGITD_RETURN_IF_ERROR(CheckTokens("prompt", start.prompt));
  LOGITD_RETURN_IF_ERROR(CheckTokens("generated", start.generated));
  history_ = start.prompt.empty()
                 ? History::WithoutPrompt(static_cast<uint32_t>(prompt_length))
                 : History(start.prompt);
  LOGITD_RETURN_IF_ERROR(history_.Follow(plan_));
  for (const uint32_t token : start.generated) history_.Append(token);
  finish_ = CheckEnds(plan_, history_);
  return absl::OkStatus();
}

absl::Status Session::CheckTokens(const char* field,
                                  absl::Span<const uint32_t> tokens) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < plan_.vocab_size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": id ", tokens[i], " at index ", i,
                     " is outside [0, ", plan_.vocab_size, ")"));
  }
  return absl::OkStatus();
}

absl::Status Session::CheckRoom(uint64_t more_tokens) const {
  const uint64_t length = position() + more_tokens;
  if (length <= history_max_) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("history: ", length, " tokens are more than --max_history ",
                   history_max_));
}

absl::Status Session::CheckPosition(std::optional<uint32_t> expected) const {
  if (expected.value_or(position()) == position()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "position: ", *expected, " is not the session's; expected ", position()));
}

void Session::Step(const Entry& entry, const Row& row, const Sampler& sampler,
                   Workspace* workspace, EntryResult* result) {
  result->report = report_;
  result->given = entry.mode == EntryMode::kGiven;
  result->finish = FinishReason::kNone;
  if (Answered(entry, result)) return;
  result->error = CheckPosition(entry.position);
  if (result->error.ok()) result->error = CheckRoom(1);
  if (!result->error.ok()) {
    result->status = EntryStatus::kError;
    return;
  }
  Run(entry, row, sampler, workspace, result);
}

bool Session::Answered(const Entry& entry, EntryResult* result) const {
  if (last_ && last_->position == entry.position &&
      last_->attempt == entry.attempt) {
    *result = last_->result;
    result->status = EntryStatus::kReplayed;
    return true;
  }
  if (finish_ == FinishReason::kNone) return false;
  result->status = EntryStatus::kSkipped;
  return true;
}

void Session::Run(const Entry& entry, const Row& row, const Sampler& sampler,
                  Workspace* workspace, EntryResult* result) {
  const NoisePoint at = {key_, position(), entry.attempt};
  std::optional<uint32_t> given;
  if (entry.mode == EntryMode::kGiven) given = entry.given_token;
  result->error = sampler.Sample(plan_, history_, at, row, report_, given,
                                 workspace, &result->outcome);
  if (!result->error.ok()) {
    result->status = EntryStatus::kError;
    return;
  }
  if (entry.mode == EntryMode::kPeek) {
    result->status = EntryStatus::kPeeked;
    return;
  }
  history_.Append(result->outcome.token);
  finish_ = CheckEnds(plan_, history_);
  result->status = EntryStatus::kOk;
  result->finish = finish_;
  Keep(entry, *result);
}

void Session::Keep(const Entry& entry, const EntryResult& result) {
  if (!last_) last_.emplace();
  last_->position = entry.position;
  last_->attempt = entry.attempt;
  last_->result = result;
}

absl::Status Session::Update(std::optional<uint32_t> position, Params params,
                             const std::optional<Report>& report) {
  LOGITD_RETURN_IF_ERROR(CheckPosition(position));
  if (report) LOGITD_RETURN_IF_ERROR(CheckReport(*report, max_top_n_));
  auto plan = Plan::Compile(std::move(params), plan_.vocab_size);
  if (!plan.ok()) return InField("set.", plan.status());
  LOGITD_RETURN_IF_ERROR(history_.Follow(*plan));
  SetPlan(*std::move(plan));
  // As one that is opened with these parameters and this history would be.
  finish_ = CheckEnds(plan_, history_);
  if (report) report_ = *report;
  return absl::OkStatus();
}

absl::Status Session::Rewind(uint32_t to) {
  const uint32_t from = position();
  LOGITD_RETURN_IF_ERROR(history_.Rewind(to));
  if (to == from) return absl::OkStatus();  // nothing was taken back
  last_.reset();
  finish_ = CheckEnds(plan_, history_);
  return absl::OkStatus();
}

absl::Status Session::Append(std::optional<uint32_t> expected,
                             absl::Span<const uint32_t> tokens) {
  LOGITD_RETURN_IF_ERROR(CheckPosition(expected));
  LOGITD_RETURN_IF_ERROR(CheckTokens("tokens", tokens));
  LOGITD_RETURN_IF_ERROR(CheckRoom(tokens.size()));
  if (tokens.empty()) {
    return absl::InvalidArgumentError("tokens: required, at least one");
  }
  if (finish_ != FinishReason::kNone) {
    return absl::FailedPreconditionError(
        "tokens: the session is finished; rewind it first");
  }
  // Looked at ahead: what a history has trimmed, no rewinding brings back.
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!WouldFinish(plan_, history_, tokens.first(i + 1))) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "tokens: the one at index ", i, " finishes the session, and ",
        tokens.size() - i - 1, " follow it"));
  }
  for (const uint32_t token : tokens) history_.Append(token);
  finish_ = CheckEnds(plan_, history_);
  return absl::OkStatus();
}

Session Session::Fork(uint32_t index) const {
  Session child = *this;
  if (index > 0) child.key_ = ForkKey(key_, index, position());
  child.seed_ = child.key_.bits;
  child.salt_.clear();
  child.last_.reset();
  return child;
}

}  // namespace logitd
