// The only translator between the contract and the types of sampler and
// session: one place where an absent field, a default or a unit can be wrong.
//
// Knobs are translated by the tables of sampler/knobs.h and by field number: a
// field of SamplingParams that is set and in no table is UNIMPLEMENTED. Errors
// read "<field>: <why>", the field relative to the message translated. Pure;
// thread-safe. Lists are checked against their limits before they are copied.
#ifndef LOGITD_SERVICE_CONVERT_H_
#define LOGITD_SERVICE_CONVERT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "logitd/v1/sampling.pb.h"
#include "service/limits.h"
#include "service/session/session.h"
#include "service/session/session_table.h"

namespace logitd {

// ---- parameters (convert_params.cc) ----------------------------------------

// Replaces in *params what `wire` sets. INVALID_ARGUMENT: an unknown field at
// any depth, an unknown enum value, token bytes not a multiple of 4.
// RESOURCE_EXHAUSTED: a list over its limit.
absl::Status ReadParams(const v1::SamplingParams& wire, const Limits& limits,
                        Params* params);

// As ReadParams, after clearing the knobs named; a name in both is refused.
// Errors are relative to UpdateSession.
absl::Status ReadUpdate(const v1::UpdateSession& wire, const Limits& limits,
                        Params* params);

// The knobs of the plan that are not at their off value.
void WriteParams(const Plan& plan, v1::SamplingParams* wire);

// WriteParams, and where each knob came from.
void WriteResolved(const Plan& plan, v1::SamplingParams* wire,
                   google::protobuf::RepeatedPtrField<v1::Provenance>* from);

// True if ReadParams takes the field.
bool IsBuilt(const google::protobuf::FieldDescriptor& knob);

// ---- sessions (convert_session.cc) ------------------------------------------

// A session to begin; the seed is 0 when the client gave none.
absl::StatusOr<SessionStart> ReadOpen(const v1::OpenSession& wire,
                                      const Limits& limits);
// A further part of a history; FAILED_PRECONDITION if it carries more.
absl::StatusOr<HistoryPart> ReadPart(const v1::OpenSession& wire,
                                     const Limits& limits);
absl::StatusOr<Report> ReadReport(const v1::Report& wire);
// `bytes` as little-endian uint32.
absl::StatusOr<TokenIds> ReadIds(absl::string_view field,
                                 const std::string& bytes);
// The same, of a history: at most --max_history.
absl::StatusOr<TokenIds> ReadHistory(absl::string_view field,
                                     const std::string& bytes,
                                     const Limits& limits);
std::string WriteIds(const TokenIds& ids);

void WriteOpened(const Session& session, v1::SessionOpened* wire);

// ---- steps (convert_step.cc)
// --------------------------------------------------

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

  Report any_ = {false};
  bool any_given_ = false;
  bool any_flag_ = false;
  bool any_error_ = false;
  uint32_t entry_count_ = 0;
  std::vector<absl::Status> errors_;  // the distinct ones
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONVERT_H_
