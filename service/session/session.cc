#include "service/session/session.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "sampler/stream_key.h"

namespace logitd {
namespace {

absl::Status CheckTopN(const char* field, uint32_t count, uint32_t count_max) {
  if (count <= count_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      field, ": ", count, " tokens are more than --max_top_n ", count_max));
}

Report WithQuality(const Report& asked) {
  Report report = asked;
  report.raw_logprob = report.kept_mass = report.entropy = true;
  report.top_n_raw = std::max(report.top_n_raw, 1u);
  return report;
}

// Takes the numbers of WithQuality out of the outcome: what the session was not
// asked to report is not there.
Quality TakeQuality(const Report& asked, Outcome* outcome) {
  Quality quality;
  quality.raw_logprob = outcome->raw_logprob;
  quality.kept_mass = outcome->kept_mass;
  quality.raw_entropy = outcome->raw_entropy;
  quality.final_entropy = outcome->final_entropy;
  quality.is_likeliest =
      !outcome->top_raw.empty() && outcome->top_raw[0].id == outcome->token;
  if (!asked.raw_logprob) outcome->raw_logprob = kNotReported;
  if (!asked.kept_mass) outcome->kept_mass = kNotReported;
  if (!asked.entropy) {
    outcome->raw_entropy = outcome->final_entropy = kNotReported;
  }
  if (asked.top_n_raw == 0) outcome->top_raw.clear();
  return quality;
}

TakenToken TakenBy(const Entry& entry, const Row& row, uint32_t token,
                   uint64_t row_digest) {
  uint32_t inputs = 0;
  if (row.mask != nullptr) inputs |= kMaskInput;
  if (row.guidance != nullptr) inputs |= kGuidanceInput;
  if (entry.draft) inputs |= kDraftInput;
  const TokenOrigin origin = entry.mode == EntryMode::kGiven
                                 ? TokenOrigin::kGiven
                                 : TokenOrigin::kDrawn;
  return TakenToken(token, origin, entry.attempt, inputs, row_digest);
}

bool EndsWithOneOf(absl::Span<const uint32_t> tail, uint32_t token) {
  const size_t count = std::min<size_t>(tail.size(), kRepeatWindow);
  const auto last = tail.last(count);
  return std::find(last.begin(), last.end(), token) != last.end();
}

}  // namespace

absl::Status Session::CheckReport(const Report& report, uint32_t count_max) {
  LOGITD_RETURN_IF_ERROR(
      CheckTopN("report.top_n_final", report.top_n_final, count_max));
  return CheckTopN("report.top_n_raw", report.top_n_raw, count_max);
}

absl::Status Session::CheckTokens(const char* field,
                                  absl::Span<const uint32_t> tokens) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < plan().vocab_size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": id ", tokens[i], " at index ", i,
                     " is outside [0, ", plan().vocab_size, ")"));
  }
  return absl::OkStatus();
}

absl::Status Session::CheckRoom(uint64_t more_tokens) const {
  const uint64_t length = position() + more_tokens;
  if (length <= limits_.max_history) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("history: ", length, " tokens are more than --max_history ",
                   limits_.max_history));
}

absl::Status Session::CheckPosition(std::optional<uint32_t> expected) const {
  if (expected.value_or(position()) == position()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "position: ", *expected, " is not the session's; expected ", position()));
}

void Session::Take(const TakenToken& taken) {
  history_.Append(taken.token());
  generated_chain_.Append(taken.token());
  phases_.Append(history_.tail(), position(), history_.floor());
  if (record_) record_->Take(taken);
}

FinishReason Session::LastEnds() const {
  return CheckEnds(plan(phases_.last_phase(position())), history_);
}

void Session::Step(const Entry& entry, const Row& row, const Sampler& sampler,
                   Workspace* workspace, EntryResult* result) {
  result->report = report_;
  result->given = entry.mode == EntryMode::kGiven;
  result->finish = FinishReason::kNone;
  result->phase = 0;
  result->quality.reset();
  result->history_digest.clear();
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
  RowOptions options;
  if (entry.mode == EntryMode::kGiven) options.given = entry.given_token;
  options.observer = entry.observer;
  if (entry.draft) options.draft = &*entry.draft;
  result->phase = phase();
  const bool watch = entry.watch && entry.mode == EntryMode::kSample;
  const Report& asked = report_;
  Report report = watch ? WithQuality(asked) : asked;
  report.kept_ids_max = limits_.max_kept_ids;
  report.row_digest |= record_.has_value();
  const Row used = WithGuidanceInForce(row);
  result->error =
      sampler.Sample(plan(phase()), history_, feedback_.now(), at, used, report,
                     options, workspace, &result->outcome);
  if (!result->error.ok()) {
    result->status = EntryStatus::kError;
    result->phase = 0;
    return;
  }
  const uint64_t row_digest = result->outcome.row_digest;
  if (!report_.row_digest) result->outcome.row_digest = 0;
  if (entry.mode == EntryMode::kPeek) {
    result->status = EntryStatus::kPeeked;
    if (report_.history_digest) result->history_digest = history_digest();
    return;
  }
  if (watch) result->quality = TakeQuality(report_, &result->outcome);
  result->repeats = EndsWithOneOf(history_.tail(), result->outcome.token);
  Take(TakenBy(entry, used, result->outcome.token, row_digest));
  feedback_.Move(position(), result->outcome.feedback);
  FollowPhase();
  result->switches_phase = phase() != result->phase;
  finish_ = LastEnds();
  result->status = EntryStatus::kOk;
  result->finish = finish_;
  if (report_.history_digest) result->history_digest = history_digest();
  Keep(entry, *result);
}

Row Session::WithGuidanceInForce(const Row& row) const {
  Row used = row;
  if (row.guidance == nullptr || plan(phase()).values.guidance) return used;
  // An engine need not know which phase its next token will be drawn in.
  if (uses_guidance()) used.guidance = nullptr;
  return used;
}

bool Session::uses_guidance() const {
  return std::any_of(
      rules_->plans.begin(), rules_->plans.end(),
      [](const Plan& plan) { return plan.values.guidance.has_value(); });
}

void Session::Keep(const Entry& entry, const EntryResult& result) {
  if (!last_) last_.emplace();
  last_->position = entry.position;
  last_->attempt = entry.attempt;
  last_->result = result;
}

HistoryChain Session::ChainAt(uint32_t to) const {
  HistoryChain chain = generated_chain_;
  const absl::Span<const uint32_t> kept = history_.tail();
  const uint32_t back = position() - std::min(to, position());
  for (size_t i = 0; i < std::min<size_t>(back, kept.size()); ++i) {
    chain.TakeBack(kept[kept.size() - 1 - i]);
  }
  return chain;
}

absl::Status Session::Rewind(uint32_t to) {
  const uint32_t from = position();
  LOGITD_RETURN_IF_ERROR(feedback_.CheckRewind(to));
  const HistoryChain chain = ChainAt(to);
  LOGITD_RETURN_IF_ERROR(history_.Rewind(to));
  generated_chain_ = chain;
  feedback_.Rewind(to);
  if (record_) record_->Rewind(generated());
  if (to == from) return absl::OkStatus();  // nothing was taken back
  phases_.Rewind(to);
  FollowPhase();
  last_.reset();
  finish_ = LastEnds();
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
  // A refused append leaves no trace, in what can be rewound neither. One token
  // cannot be refused.
  std::optional<std::tuple<History, HistoryChain, PhaseTracker>> before;
  if (tokens.size() > 1) before.emplace(history_, generated_chain_, phases_);
  for (size_t i = 0; i < tokens.size(); ++i) {
    Take(TakenToken(tokens[i]));
    finish_ = LastEnds();
    const size_t left = tokens.size() - i - 1;
    if (finish_ == FinishReason::kNone || left == 0) continue;
    finish_ = FinishReason::kNone;
    std::tie(history_, generated_chain_, phases_) = *std::move(before);
    if (record_) record_->Rewind(generated());
    return absl::FailedPreconditionError(
        absl::StrCat("tokens: the one at index ", i,
                     " finishes the session, and ", left, " follow it"));
  }
  FollowPhase();
  return absl::OkStatus();
}

Session Session::Fork(uint32_t index) const {
  Session child = *this;
  if (index > 0) child.key_ = ForkKey(key_, index, position());
  child.seed_ = child.key_.bits;
  child.salt_.clear();
  child.last_.reset();
  if (child.record_) child.record_->AddPart(child.RecordPart());
  return child;
}

absl::Status Session::CheckFork(uint32_t index) const {
  SessionRecord::Part part = RecordPart();
  part.seed = (index > 0 ? ForkKey(key_, index, position()) : key_).bits;
  part.salt.clear();
  return CheckRecord(part);
}

absl::Status Session::CheckRecord(const SessionRecord::Part& part) const {
  return record_ ? record_->CheckPart(part) : absl::OkStatus();
}

SessionRecord::Part Session::RecordPart() const {
  return {generated(), seed_, salt_, rules_, origin_};
}

}  // namespace logitd
