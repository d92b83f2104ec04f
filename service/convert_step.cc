// Steps: entries in, results out.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/built.h"
#include "service/convert.h"
#include "service/session/field_path.h"
#include "service/status.h"

namespace logitd {
namespace {

constexpr uint32_t kNoIndex = 0xFFFFFFFFu;
constexpr uint32_t kAttemptsMax = 1u << 24;

// A parallel array: empty, or one element for each entry.
absl::Status CheckLength(const char* field, int length, int entry_count,
                         bool required) {
  if (length == entry_count || (length == 0 && !required)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": ", length, " elements for ", entry_count, " entries"));
}

absl::StatusOr<EntryMode> ReadMode(int wire) {
  switch (wire) {
    case v1::ENTRY_MODE_UNSPECIFIED:
    case v1::ENTRY_MODE_SAMPLE:
      return EntryMode::kSample;
    case v1::ENTRY_MODE_GIVEN:
      return EntryMode::kGiven;
    case v1::ENTRY_MODE_PEEK:
      return EntryMode::kPeek;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("mode: ", wire, " is not a value of EntryMode"));
  }
}

bool HasOutcome(const EntryResult& result) {
  return result.status == EntryStatus::kOk ||
         result.status == EntryStatus::kReplayed ||
         result.status == EntryStatus::kPeeked;
}

uint32_t Flags(const EntryResult& result) {
  if (!HasOutcome(result)) return 0;
  const Outcome& outcome = result.outcome;
  uint32_t flags = 0;
  if (outcome.greedy) flags |= v1::ENTRY_FLAG_GREEDY;
  if (outcome.soft_bans_lifted) flags |= v1::ENTRY_FLAG_SOFT_BANS_LIFTED;
  if (outcome.non_finite_banned > 0) flags |= v1::ENTRY_FLAG_NON_FINITE_BANNED;
  if (outcome.forced == ForcedBy::kThinkingBudget) {
    flags |= v1::ENTRY_FLAG_THINKING_BUDGET;
  }
  if (outcome.forced == ForcedBy::kForcedTokens) {
    flags |= v1::ENTRY_FLAG_FORCED_TOKENS;
  }
  if (outcome.forced_overruled) flags |= v1::ENTRY_FLAG_FORCED_OVERRULED;
  return flags;
}

void AddTop(const EntryResult& result, uint32_t entry, v1::StepResult* wire) {
  const Outcome& outcome = result.outcome;
  if (result.report.top_n_final == 0 && result.report.top_n_raw == 0) return;
  v1::TopTokens* top = wire->add_top();
  top->set_entry(entry);
  TokenIds ids;
  for (const TopToken& token : outcome.top_final) {
    ids.push_back(token.id);
    top->add_final_logprobs(token.logprob);
  }
  top->set_final_ids(WriteIds(ids));
  ids.clear();
  for (const TopToken& token : outcome.top_raw) {
    ids.push_back(token.id);
    top->add_raw_logprobs(token.logprob);
  }
  top->set_raw_ids(WriteIds(ids));
}

// Of the session after its token; a peek moves nothing.
Feedback StateOf(const EntryResult& result) {
  const bool moved = result.status == EntryStatus::kOk ||
                     result.status == EntryStatus::kReplayed;
  return moved ? result.outcome.feedback : Feedback();
}

// The next entry's list of a table in rows (CSR), which begins with a 0.
void AddKeptIds(const TokenIds& ids, v1::StepResult* wire) {
  if (wire->kept_offset_size() == 0) wire->add_kept_offset(0);
  std::string* all = wire->mutable_kept_ids()->mutable_inline_();
  all->append(WriteIds(ids));
  wire->add_kept_offset(all->size() / 4);
}

}  // namespace

bool IsEmpty(const v1::Place& place) {
  return place.where_case() == v1::Place::WHERE_NOT_SET ||
         (place.has_inline_() && place.inline_().empty());
}

absl::StatusOr<absl::string_view> ReadPlace(absl::string_view field,
                                            const v1::Place& wire) {
  if (!wire.inline_().empty()) return absl::string_view(wire.inline_());
  LOGITD_RETURN_IF_ERROR(InField(absl::StrCat(field, "."), CheckBuilt(wire)));
  return absl::InvalidArgumentError(absl::StrCat(field, ": required"));
}

absl::StatusOr<Dtype> ReadDtype(v1::Dtype wire) {
  switch (wire) {
    case v1::DTYPE_FLOAT32:
      return Dtype::kFloat32;
    case v1::DTYPE_BFLOAT16:
      return Dtype::kBfloat16;
    case v1::DTYPE_FLOAT16:
      return Dtype::kFloat16;
    case v1::DTYPE_UNSPECIFIED:
      return absl::InvalidArgumentError("dtype: required");
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("dtype: ", wire, " is not a value of Dtype"));
  }
}

absl::Status CheckStepArrays(const v1::Step& wire, const Limits& limits) {
  const int count = wire.session_id_size();
  if (static_cast<uint32_t>(count) > limits.max_rows) {
    return absl::ResourceExhaustedError(absl::StrCat("session_id: ", count,
                                                     " entries are more than "
                                                     "--max_rows ",
                                                     limits.max_rows));
  }
  LOGITD_RETURN_IF_ERROR(CheckBuilt(wire));
  const auto check = [count](const char* field, int length, bool required) {
    return CheckLength(field, length, count, required);
  };
  const bool any_given = std::find(wire.mode().begin(), wire.mode().end(),
                                   v1::ENTRY_MODE_GIVEN) != wire.mode().end();
  LOGITD_RETURN_IF_ERROR(check("position", wire.position_size(), true));
  LOGITD_RETURN_IF_ERROR(check("row", wire.row_size(), false));
  LOGITD_RETURN_IF_ERROR(
      check("guidance_row", wire.guidance_row_size(), false));
  LOGITD_RETURN_IF_ERROR(check("mask_index", wire.mask_index_size(), false));
  LOGITD_RETURN_IF_ERROR(check("attempt", wire.attempt_size(), false));
  LOGITD_RETURN_IF_ERROR(check("mode", wire.mode_size(), false));
  const bool has_groups = wire.group_size_size() > 0;
  LOGITD_RETURN_IF_ERROR(
      check("draft_token", wire.draft_token_size(), has_groups));
  LOGITD_RETURN_IF_ERROR(check("parents", wire.parents_size(), false));
  if (wire.given_token_size() > 0 && !any_given) {
    return absl::InvalidArgumentError(
        "given_token: must be empty when no entry has mode GIVEN");
  }
  return check("given_token", wire.given_token_size(), any_given);
}

absl::Status CheckAttempt(uint32_t attempt) {
  if (attempt < kAttemptsMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "attempt: ", attempt, " is outside [0, ", kAttemptsMax - 1, "]"));
}

absl::StatusOr<Entry> ReadEntry(const v1::Step& wire, int i) {
  Entry entry;
  entry.position = wire.position(i);
  if (wire.attempt_size() > 0) entry.attempt = wire.attempt(i);
  LOGITD_RETURN_IF_ERROR(CheckAttempt(entry.attempt));
  if (wire.mode_size() > 0) {
    LOGITD_ASSIGN_OR_RETURN(entry.mode, ReadMode(wire.mode(i)));
  }
  if (entry.mode == EntryMode::kGiven) entry.given_token = wire.given_token(i);
  return entry;
}

void ResultWriter::Ask(const EntryResult& result) {
  const SessionReport& report = result.report;
  any_.final_logprob |= report.final_logprob;
  any_.raw_logprob |= report.raw_logprob;
  any_.tempered_logprob |= report.tempered_logprob;
  any_.kept_mass |= report.kept_mass;
  any_.entropy |= report.entropy;
  any_.row_digest |= report.row_digest;
  any_.kept_ids |= report.kept_ids;
  any_.history_digest |= report.history_digest;
  any_given_ |= result.given;
  any_flag_ |= Flags(result) != 0;
  any_phase_ |= HasOutcome(result) && result.phase != 0;
  any_state_ |= !StateOf(result).empty();
  any_error_ |= result.status == EntryStatus::kError;
}

void ResultWriter::Add(const EntryResult& result, v1::StepResult* wire) {
  const bool has = HasOutcome(result);
  const Outcome& outcome = result.outcome;
  wire->add_token(has ? outcome.token : kNoToken);
  wire->add_status(static_cast<v1::EntryStatus>(result.status));
  wire->add_finish_reason(
      static_cast<v1::FinishReason>(has ? result.finish : FinishReason::kNone));
  wire->add_kept(has ? outcome.kept : 0);
  AddNumbers(result, wire);
  if (any_given_) {
    const bool given = has && result.given;
    wire->add_rank(given ? outcome.rank : 0);
    wire->add_drawn_token(given ? outcome.drawn_token : kNoToken);
  }
  if (any_flag_) wire->add_flags(Flags(result));
  if (any_phase_) wire->add_phase(has ? result.phase : 0);
  if (any_state_) wire->add_state(WriteFeedback(StateOf(result)));
  if (any_error_) wire->add_error_index(ErrorIndex(result, wire));
  if (has) AddTop(result, entry_count_, wire);
  if (any_.row_digest) wire->add_row_digest(has ? outcome.row_digest : 0);
  if (any_.history_digest) {
    wire->add_history_digest(has ? result.history_digest : "");
  }
  if (any_.kept_ids) AddKeptIds(has ? outcome.kept_ids : TokenIds(), wire);
  ++entry_count_;
}

void ResultWriter::AddNumbers(const EntryResult& result,
                              v1::StepResult* wire) const {
  static const Outcome kNothing;
  const Outcome& outcome = HasOutcome(result) ? result.outcome : kNothing;
  if (any_.final_logprob) wire->add_final_logprob(outcome.final_logprob);
  if (any_.raw_logprob) wire->add_raw_logprob(outcome.raw_logprob);
  if (any_.tempered_logprob) {
    wire->add_tempered_logprob(outcome.tempered_logprob);
  }
  if (any_.kept_mass) wire->add_kept_mass(outcome.kept_mass);
  if (any_.entropy) {
    wire->add_raw_entropy(outcome.raw_entropy);
    wire->add_final_entropy(outcome.final_entropy);
  }
}

uint32_t ResultWriter::ErrorIndex(const EntryResult& result,
                                  v1::StepResult* wire) {
  if (result.status != EntryStatus::kError) return kNoIndex;
  const auto known = std::find(errors_.begin(), errors_.end(), result.error);
  const auto index = static_cast<uint32_t>(known - errors_.begin());
  if (known == errors_.end()) {
    errors_.push_back(result.error);
    WriteStatus(result.error, wire->add_errors());
  }
  return index;
}

}  // namespace logitd
