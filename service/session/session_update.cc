// What replaces the rules of a session: its new parameters, and what its new
// phases make of its history.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/status_macros.h"
#include "service/session/quote.h"
#include "service/session/session.h"

namespace logitd {

absl::Status Session::Update(std::optional<uint32_t> position, Params params,
                             const std::optional<SessionReport>& report,
                             std::vector<PhaseParams> phases,
                             std::shared_ptr<const Origin> origin) {
  LOGITD_RETURN_IF_ERROR(CheckPosition(position));
  if (report) LOGITD_RETURN_IF_ERROR(CheckReport(*report, limits_.max_top_n));
  LOGITD_ASSIGN_OR_RETURN(
      std::shared_ptr<const SessionRules> rules,
      CompileRules(std::move(params), std::move(phases), plan().vocab_size,
                   limits_, origin.get()));
  LOGITD_RETURN_IF_ERROR(CheckRecord({0, seed_, salt_, rules, origin}));
  LOGITD_ASSIGN_OR_RETURN(PhaseTracker tracker, PhasesUnder(rules->phases));
  LOGITD_RETURN_IF_ERROR(history_.Follow(rules->plans, tracker.phase(),
                                         rules->trigger_lookback()));
  rules_ = std::move(rules);
  phases_ = std::move(tracker);
  origin_ = std::move(origin);
  // As one that is opened with these parameters and this history would be.
  finish_ = LastEnds();
  if (report) report_ = *report;
  if (record_) record_->AddPart(RecordPart());
  return absl::OkStatus();
}

absl::StatusOr<PhaseTracker> Session::PhasesUnder(
    const std::shared_ptr<const PhaseTable>& table) const {
  LOGITD_ASSIGN_OR_RETURN(const uint32_t initial,
                          InitialPhaseUnder(table.get()));
  if (table == nullptr) return PhaseTracker();
  const PhaseTable* old = rules_->phases.get();
  if (old != nullptr && initial == phases_.initial() &&
      table->SwitchesAs(*old)) {
    PhaseTracker same = phases_;
    same.Rename(table);
    return same;
  }
  if (old == nullptr && !history_.prompt_known()) {
    return absl::FailedPreconditionError(
        "prompt: the phases look at its tokens and only its length was sent; "
        "open the session again with them, or with initial_phase");
  }
  const absl::Span<const uint32_t> tokens = history_.tail();
  const uint32_t first = position() - static_cast<uint32_t>(tokens.size());
  const uint32_t needed =
      history_.prompt_known() ? 0 : history_.prompt_length();
  if (first > needed) {
    return absl::FailedPreconditionError(
        absl::StrCat("history: the phases need the tokens from position ",
                     needed, ", kept are those from ", first,
                     "; open the session again with its history"));
  }
  PhaseTracker tracker(table, initial);
  tracker.AppendAll(tokens, first, history_.floor());
  return tracker;
}

absl::StatusOr<uint32_t> Session::InitialPhaseUnder(
    const PhaseTable* table) const {
  if (phases_.initial() == 0) return 0;
  const std::string& name = rules_->phases->name(phases_.initial());
  const uint32_t phase = table == nullptr ? 0 : table->Find(name);
  if (phase > 0) return phase;
  return absl::FailedPreconditionError(
      absl::StrCat("initial_phase: ", Quote(name),
                   " is not the name of a phase; open the session again"));
}

}  // namespace logitd
