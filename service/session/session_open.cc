// What begins a session: its checks, and its history.
#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sampler/knobs.h"
#include "sampler/status_macros.h"
#include "sampler/stream_key.h"
#include "service/session/field_path.h"
#include "service/session/history_digest.h"
#include "service/session/quote.h"
#include "service/session/session.h"

namespace logitd {
namespace {

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
  return absl::OkStatus();
}

// A line of a fingerprint; the knob that a number stands for is named.
std::string InWords(const std::string& line) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(line, absl::MaxSplits('=', 1));
  int field = 0;
  uint64_t bits = 0;
  if (!absl::SimpleAtoi(parts.first, &field)) return Quote(line);
  for (const RealKnob& knob : kRealKnobs) {
    if (knob.field == field && absl::SimpleHexAtoi(parts.second, &bits)) {
      return absl::StrCat(Quote(line), " (", knob.name, " ",
                          std::bit_cast<double>(bits), ")");
    }
  }
  for (const CountKnob& knob : kCountKnobs) {
    if (knob.field == field) {
      return absl::StrCat(Quote(line), " (", knob.name, ")");
    }
  }
  return Quote(line);
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
  if (i == lines.size() && i == expected.size()) {
    absl::StrAppend(&message,
                    "; the lines that came with it are this session's");
    return absl::FailedPreconditionError(message);
  }
  const auto line_at = [i](const std::vector<std::string>& from) {
    return i < from.size() ? InWords(from[i]) : "no line";
  };
  absl::StrAppend(&message, "; the first difference is line ", i + 1, ": ",
                  line_at(expected), " was expected, here is ", line_at(lines));
  return absl::FailedPreconditionError(message);
}

// The number of the phase that the unsent prompt ends in; `table`: nullptr if
// there are no phases.
absl::StatusOr<uint32_t> InitialPhase(const SessionStart& start,
                                      const PhaseTable* table) {
  if (!start.prompt.empty()) {
    return absl::InvalidArgumentError(
        "initial_phase: must be empty, the prompt tells the phase");
  }
  const uint32_t phase =
      table == nullptr ? 0 : table->Find(start.initial_phase);
  if (phase > 0) return phase;
  return absl::InvalidArgumentError(
      absl::StrCat("initial_phase: ", Quote(start.initial_phase),
                   " is not the name of a phase"));
}

}  // namespace

absl::StatusOr<Session> Session::Open(SessionStart start,
                                      const Limits& limits) {
  LOGITD_RETURN_IF_ERROR(CheckSizes(start, limits));
  LOGITD_RETURN_IF_ERROR(CheckReport(start.report, limits.max_top_n));
  Session session;
  session.limits_ = limits;
  LOGITD_ASSIGN_OR_RETURN(
      session.rules_,
      CompileRules(std::move(start.params), std::move(start.phases),
                   start.vocab_size, limits, start.origin.get()));
  LOGITD_RETURN_IF_ERROR(CheckFingerprint(start, session.fingerprint(),
                                          session.fingerprint_lines()));
  LOGITD_RETURN_IF_ERROR(session.TakeHistory(start));
  session.feedback_.Start(session.position(), start.feedback);
  session.origin_ = std::move(start.origin);
  session.seed_ = start.seed;
  session.salt_ = std::move(start.salt);
  session.key_ = MakeStreamKey(session.seed_, session.salt_);
  session.report_ = start.report;
  LOGITD_RETURN_IF_ERROR(session.CheckDigest(start));
  if (start.record) session.BeginRecord(std::move(start));
  return session;
}

absl::StatusOr<std::shared_ptr<const SessionRules>> Session::CompileRules(
    Params params, std::vector<PhaseParams> phases, uint32_t vocab_size,
    const Limits& limits, const Origin* origin) {
  auto rules = SessionRules::Compile(std::move(params), std::move(phases),
                                     vocab_size, limits);
  if (rules.ok() || origin == nullptr) return rules;
  return origin->Blame(rules.status());
}

absl::Status Session::TakeHistory(const SessionStart& start) {
  const uint64_t prompt_length =
      start.prompt_length.value_or(static_cast<uint32_t>(start.prompt.size()));
  LOGITD_RETURN_IF_ERROR(CheckRoom(prompt_length + start.generated.size()));
  LOGITD_RETURN_IF_ERROR(CheckTokens("prompt", start.prompt));
  LOGITD_RETURN_IF_ERROR(CheckTokens("generated", start.generated));
  LOGITD_RETURN_IF_ERROR(
      TakePrompt(start, static_cast<uint32_t>(prompt_length)));
  for (const uint32_t token : start.generated) Take(TakenToken(token));
  FollowPhase();
  finish_ = LastEnds();
  return absl::OkStatus();
}

absl::Status Session::TakePrompt(const SessionStart& start, uint32_t length) {
  uint32_t initial = 0;
  const std::shared_ptr<const PhaseTable>& table = rules_->phases;
  if (!start.initial_phase.empty()) {
    LOGITD_ASSIGN_OR_RETURN(initial, InitialPhase(start, table.get()));
  }
  history_ = start.prompt.empty() ? History::WithoutPrompt(length)
                                  : History(start.prompt);
  phases_ = PhaseTracker(table, initial);
  phases_.AppendAll(start.prompt, 0, length);
  for (const uint32_t token : start.prompt) prompt_chain_.Append(token);
  return history_.Follow(rules_->plans, phase(), rules_->trigger_lookback());
}

void Session::BeginRecord(SessionStart start) {
  SessionRecord::Part part = RecordPart();
  part.first = 0;
  record_.emplace(
      SessionRecord::Start{std::move(start.prompt), history_.prompt_length(),
                           std::move(start.initial_phase), start.feedback},
      std::move(part));
  for (const uint32_t token : start.generated) record_->Take(TakenToken(token));
}

absl::Status Session::CheckDigest(const SessionStart& start) const {
  const std::string& expected = start.history_digest;
  if (expected.empty() || expected == history_digest()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "history_digest: ", absl::BytesToHexString(expected),
      " is not this session's ", absl::BytesToHexString(history_digest()),
      "; it covers the fingerprint ", fingerprint(), ", seed ", seed_,
      ", salt, a prompt of ", history_.prompt_length(), " tokens and ",
      generated(), " generated ones"));
}

std::string Session::history_digest() const {
  return HistoryDigest({fingerprint(), seed_, salt_, history_.prompt_length(),
                        needs_prompt(), prompt_chain_.value(), generated(),
                        generated_chain_.value()});
}

bool Session::needs_prompt() const {
  if (rules_->phases && history_.prompt_known() &&
      history_.prompt_length() > 0) {
    return true;
  }
  return std::any_of(rules_->plans.begin(), rules_->plans.end(),
                     [](const Plan& plan) { return plan.needs_prompt(); });
}

}  // namespace logitd
