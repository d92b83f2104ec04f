// The only translator between the contract and the types of sampler and
// session: one place where an absent field, a default or a unit can be wrong.
// Parameters are translated by convert_params.h.
//
// Errors read "<field>: <why>", the field relative to the message translated.
// Pure; thread-safe. Lists are checked against their limits before they are
// copied.
#ifndef LOGITD_SERVICE_CONVERT_H_
#define LOGITD_SERVICE_CONVERT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/sampling.pb.h"
#include "service/convert_params.h"
#include "service/limits.h"
#include "service/session/session.h"
#include "service/session/session_table.h"

namespace logitd {

// ---- sessions (convert_session.cc) ------------------------------------------

// A session to begin; the seed is 0 when the client gave none.
absl::StatusOr<SessionStart> ReadOpen(const v1::OpenSession& wire,
                                      const Limits& limits);
// A further part of a history; FAILED_PRECONDITION if it carries more.
absl::StatusOr<HistoryPart> ReadPart(const v1::OpenSession& wire,
                                     const Limits& limits);
absl::StatusOr<SessionReport> ReadReport(const v1::Report& wire);
// ReadIds of a history: at most --max_history.
absl::StatusOr<TokenIds> ReadHistory(absl::string_view field,
                                     const std::string& bytes,
                                     const Limits& limits);

// Of a session that has a Binding.
void WriteOpened(const Session& session, v1::SessionOpened* wire);
void WriteUpdated(const Session& session, v1::SessionUpdated* wire);
// What is in force at its next position.
void WriteInForce(const Session& session, v1::ExplainResponse* wire);
void WriteInForce(const Session& session, v1::Alternative* wire);
// Of a session that has a Binding (convert_receipt.cc).
void WriteReceipt(const SessionRecord& record, v1::Receipt* wire);

// ---- steps (convert_step.cc)
// --------------------------------------------------

// True for a Place that says nothing: absent, or the emptied one that is kept
// for its memory.
bool IsEmpty(const v1::Place& place);
// The bytes of a Place.
absl::StatusOr<absl::string_view> ReadPlace(absl::string_view field,
                                            const v1::Place& wire);
absl::StatusOr<Dtype> ReadDtype(v1::Dtype wire);
absl::Status CheckAttempt(uint32_t attempt);

// OK if every parallel array has an element for each entry, or may be empty.
absl::Status CheckStepArrays(const v1::Step& wire, const Limits& limits);
// Entry `i` of a step whose arrays were checked.
absl::StatusOr<Entry> ReadEntry(const v1::Step& wire, int i);

// Appends one entry to the arrays that every reply has, and to those that some
// entry asked for.
class ResultWriter {
 public:
  // Looks at all entries first: what did any of them ask for?
  void Ask(const EntryResult& result);
  void Add(const EntryResult& result, v1::StepResult* wire);

 private:
  void AddNumbers(const EntryResult& result, v1::StepResult* wire) const;
  uint32_t ErrorIndex(const EntryResult& result, v1::StepResult* wire);

  SessionReport any_ = kSilent;
  bool any_given_ = false;
  bool any_flag_ = false;
  bool any_phase_ = false;
  bool any_state_ = false;
  bool any_error_ = false;
  uint32_t entry_count_ = 0;
  std::vector<absl::Status> errors_;  // the distinct ones
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONVERT_H_
