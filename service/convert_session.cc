// Sessions: what opens them, and what their client is told.
#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "sampler/status_macros.h"
#include "service/built.h"
#include "service/convert.h"
#include "service/profiles/binding.h"
#include "service/profiles/catalog_name.h"
#include "service/session/field_path.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;

bool IsFingerprint(const std::string& text) {
  return text.size() == 16 &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

absl::Status ReadExpected(const v1::OpenSession& wire, SessionStart* start) {
  const std::string& expected = wire.expected_fingerprint();
  if (!expected.empty() && !IsFingerprint(expected)) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected_fingerprint: ", expected.size(),
                     " characters that are not 16 lower-case hex digits"));
  }
  start->expected_fingerprint = expected;
  start->expected_fingerprint_lines.assign(
      wire.expected_fingerprint_lines().begin(),
      wire.expected_fingerprint_lines().end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenIds> ReadHistory(absl::string_view field,
                                     const std::string& bytes,
                                     const Limits& limits) {
  if (bytes.size() / 4 > limits.max_history) {
    return absl::ResourceExhaustedError(absl::StrCat(
        field, ": ", bytes.size() / 4, " tokens are more than --max_history ",
        limits.max_history));
  }
  return ReadIds(field, bytes);
}

absl::StatusOr<SessionReport> ReadReport(const v1::Report& wire) {
  LOGITD_RETURN_IF_ERROR(InField("report.", CheckBuilt(wire)));
  SessionReport report;
  report.final_logprob = !wire.has_final_logprob() || wire.final_logprob();
  report.raw_logprob = wire.raw_logprob();
  report.tempered_logprob = wire.tempered_logprob();
  report.kept_mass = wire.kept_mass();
  report.entropy = wire.entropy();
  report.top_n_final = wire.top_n_final();
  report.top_n_raw = wire.top_n_raw();
  report.row_digest = wire.row_digest();
  report.kept_ids = wire.kept_ids();
  report.history_digest = wire.history_digest();
  return report;
}

absl::StatusOr<SessionStart> ReadOpen(const v1::OpenSession& wire,
                                      const Limits& limits) {
  LOGITD_RETURN_IF_ERROR(CheckBuilt(wire));
  SessionStart start;
  start.vocab_size = wire.vocab_size();
  const absl::Status params = ReadParams(wire.params(), limits, &start.params);
  if (!params.ok()) return InField("params.", params);
  start.seed = wire.seed();
  start.salt = wire.salt();
  LOGITD_ASSIGN_OR_RETURN(start.prompt,
                          ReadHistory("prompt", wire.prompt(), limits));
  if (wire.has_prompt_length()) start.prompt_length = wire.prompt_length();
  LOGITD_ASSIGN_OR_RETURN(start.generated,
                          ReadHistory("generated", wire.generated(), limits));
  LOGITD_ASSIGN_OR_RETURN(start.report, ReadReport(wire.report()));
  LOGITD_RETURN_IF_ERROR(ReadExpected(wire, &start));
  LOGITD_ASSIGN_OR_RETURN(start.feedback, ReadFeedback(wire.state()));
  start.initial_phase = wire.initial_phase();
  start.record = wire.receipt();
  start.history_digest = wire.history_digest();
  if (!start.history_digest.empty() && start.history_digest.size() != 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("history_digest: ", start.history_digest.size(),
                     " bytes are not the 8 of a digest"));
  }
  return start;
}

absl::StatusOr<HistoryPart> ReadPart(const v1::OpenSession& wire,
                                     const Limits& limits) {
  std::vector<const FieldDescriptor*> fields;
  wire.GetReflection()->ListFields(wire, &fields);
  for (const FieldDescriptor* field : fields) {
    switch (field->number()) {
      case v1::OpenSession::kSessionIdFieldNumber:
      case v1::OpenSession::kPromptFieldNumber:
      case v1::OpenSession::kGeneratedFieldNumber:
      case v1::OpenSession::kMoreFieldNumber:
        continue;
      default:
        return absl::FailedPreconditionError(absl::StrCat(
            field->name(),
            ": the session waits for the rest of its history, and this part "
            "may carry only prompt, generated and more"));
    }
  }
  HistoryPart part;
  LOGITD_ASSIGN_OR_RETURN(part.prompt,
                          ReadHistory("prompt", wire.prompt(), limits));
  LOGITD_ASSIGN_OR_RETURN(part.generated,
                          ReadHistory("generated", wire.generated(), limits));
  part.more = wire.more();
  return part;
}

// The knobs in force, and where they and those turned off came from. `Reply`
// has these fields.
template <class Reply>
void WriteInForce(const Plan& plan, const ResolvedParams& from, Reply* reply) {
  WriteParams(plan, reply->mutable_resolved());
  for (const v1::Provenance& provenance : from.provenance) {
    *reply->add_provenance() = provenance;
  }
  for (const v1::Clamped& clamped : from.clamped) {
    *reply->add_clamped() = clamped;
  }
}

template <class Reply>
void WriteRules(const Session& session, Reply* reply) {
  const Binding& binding = BindingOf(session);
  reply->set_fingerprint(session.fingerprint());
  for (const std::string& line : session.fingerprint_lines()) {
    reply->add_fingerprint_lines(line);
  }
  WriteInForce(session.plan(), binding.resolution.base, reply);
  uint32_t number = 0;
  for (const ResolvedPhase& phase : binding.resolution.phases) {
    v1::ResolvedPhase* wire = reply->add_phases();
    wire->set_name(phase.phase.name());
    WriteInForce(session.plan(++number), phase.resolved, wire);
  }
  reply->set_phase(session.phase());
  if (binding.profile != nullptr) {
    reply->set_profile_revision(NameWithRevision(*binding.profile));
  }
  reply->set_history_needed(session.needs_prompt()
                                ? v1::HISTORY_NEEDED_PROMPT
                                : v1::HISTORY_NEEDED_GENERATED);
  reply->set_position(session.position());
  reply->set_finish_reason(static_cast<v1::FinishReason>(session.finish()));
}

void WriteOpened(const Session& session, v1::SessionOpened* wire) {
  wire->set_seed(session.seed());
  WriteRules(session, wire);
}

void WriteUpdated(const Session& session, v1::SessionUpdated* wire) {
  WriteRules(session, wire);
}

// Of the phase that it is in.
const ResolvedParams& ResolvedNow(const Session& session) {
  const Resolution& resolution = BindingOf(session).resolution;
  const uint32_t phase = session.phase();
  return phase == 0 ? resolution.base : resolution.phases[phase - 1].resolved;
}

void WriteInForce(const Session& session, v1::ExplainResponse* wire) {
  wire->set_position(session.position());
  wire->set_phase(session.phase());
  WriteInForce(session.plan(session.phase()), ResolvedNow(session), wire);
}

void WriteInForce(const Session& session, v1::Alternative* wire) {
  wire->set_fingerprint(session.fingerprint());
  WriteParams(session.plan(session.phase()), wire->mutable_resolved());
  for (const v1::Clamped& clamped : ResolvedNow(session).clamped) {
    *wire->add_clamped() = clamped;
  }
}

}  // namespace logitd
