// Session: one generation. Parameters, seed, position and history, and the rule
// that says what an entry of a step does to them.
//
// Knows no protobuf, no gRPC, no clock. A plain value: a copy is an independent
// session. Thread-compatible; a step hands it to one worker at a time. Errors
// read "<field>: <why>", the field as in the message that asked (OpenSession,
// UpdateSession, ... or Step), and leave the session bit for bit unchanged.
// Memory: 4 bytes per token kept, 8 to 16 more where DRY or no_repeat_ngram is
// on, 8 per switch of phases that can be undone, 48 per step where mirostat or
// adaptive-p is on (at most 512 steps), 12 to 24 per distinct id counted, 4 per
// kept id in the last result, what a record holds (session_record.h), 2 KiB.
#ifndef LOGITD_SERVICE_SESSION_SESSION_H_
#define LOGITD_SERVICE_SESSION_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "sampler/ends.h"
#include "sampler/history.h"
#include "sampler/noise.h"
#include "sampler/params.h"
#include "sampler/plan.h"
#include "sampler/sampler.h"
#include "sampler/workspace.h"
#include "service/limits.h"
#include "service/session/feedback_trail.h"
#include "service/session/history_chain.h"
#include "service/session/phase_tracker.h"
#include "service/session/phases.h"
#include "service/session/rules.h"
#include "service/session/session_record.h"

namespace logitd {

// What the service remembers about where the parameters came from, so that an
// update can resolve them again. The session does not look inside.
struct Origin {
  virtual ~Origin() = default;
  // An error about "params.top_p" or "phases[0].top_p", as one about where that
  // value came from.
  virtual absl::Status Blame(const absl::Status& status) const {
    return status;
  }
};

// The numbers that come with each token: the sampler's, and the session's own.
struct SessionReport : Report {
  bool history_digest = false;
};
// No numbers at all.
inline constexpr SessionReport kSilent = {{false}};

// What a session begins with; Open checks all of it.
struct SessionStart {
  uint32_t vocab_size = 0;
  Params params;
  uint64_t seed = 0;
  std::string salt;
  TokenIds prompt;
  std::optional<uint32_t> prompt_length;  // when the prompt is not given
  TokenIds generated;
  Feedback feedback;           // that an earlier session of these tokens had
  std::string history_digest;  // that the history must have; empty: any
  SessionReport report;
  bool record = false;               // for a receipt
  std::string expected_fingerprint;  // empty: any
  std::vector<std::string> expected_fingerprint_lines;
  std::vector<PhaseParams> phases;
  std::string initial_phase;  // that an unsent prompt ends in; empty: the base
  std::shared_ptr<const Origin> origin;
};

// Numbered as in the contract.
enum class EntryMode { kSample = 1, kGiven = 2, kPeek = 3 };
enum class EntryStatus { kOk = 1, kReplayed, kSkipped, kPeeked, kError };

// What an entry asks. With `watch` the server wants to know how the token was
// chosen, for its metrics; that changes neither the token nor the reply.
struct Entry {
  uint32_t position = 0;
  uint32_t attempt = 0;  // 24 bits
  EntryMode mode = EntryMode::kSample;
  uint32_t given_token = kNoToken;
  std::optional<Draft>
      draft;           // to be verified in place of a draw; kSample only
  bool watch = false;  // with kSample only
  StageObserver* observer = nullptr;  // told of the stages; changes nothing
};

// How a watched token was chosen.
struct Quality {
  double raw_logprob = kNotReported;
  double kept_mass = kNotReported;
  double raw_entropy = kNotReported;
  double final_entropy = kNotReported;
  bool is_likeliest = false;  // of the row as received
};

// A token repeats when it stands among so many before it.
inline constexpr uint32_t kRepeatWindow = 64;

// What became of an entry. `outcome` and `phase` count only with kOk,
// kReplayed, kPeeked; `repeats`, `switches_phase` and `quality` with kOk.
struct EntryResult {
  EntryStatus status = EntryStatus::kSkipped;
  absl::Status error;
  FinishReason finish = FinishReason::kNone;
  bool given = false;
  uint32_t phase = 0;    // that the token was drawn in; 0: the base
  SessionReport report;  // what the session was asked to report
  Outcome outcome;
  bool repeats = false;
  bool switches_phase = false;
  std::optional<Quality> quality;  // of a watched entry
  std::string history_digest;      // after the token, if asked for
};

class Session {
 public:
  // INVALID_ARGUMENT: a bad value. RESOURCE_EXHAUSTED: a limit.
  // FAILED_PRECONDITION: another fingerprint, or a prompt that a knob needs.
  static absl::StatusOr<Session> Open(SessionStart start, const Limits& limits);

  // Runs an entry on `row`, or answers it without reading the row: the last
  // result again, or kSkipped when the session is finished.
  void Step(const Entry& entry, const Row& row, const Sampler& sampler,
            Workspace* workspace, EntryResult* result);

  // `params` replaces all knobs of the base, `phases` all phases, `origin` the
  // origin, `report` the report if there is one, from the next token on. The
  // session is then as if it had been opened with them, and had this history:
  // in the phase that they make of it, and its last token may end it now, or
  // end it no more. FAILED_PRECONDITION: too little is known of the history.
  // O(history) when the phases switch by other sequences.
  absl::Status Update(std::optional<uint32_t> position, Params params,
                      const std::optional<SessionReport>& report,
                      std::vector<PhaseParams> phases = {},
                      std::shared_ptr<const Origin> origin = nullptr);

  // Takes back all tokens from `position` on, and the last result.
  absl::Status Rewind(uint32_t position);

  // Appends all of the tokens or none.
  absl::Status Append(std::optional<uint32_t> position,
                      absl::Span<const uint32_t> tokens);

  // A copy; from index 1 on with a stream key of its own, and CheckFork() was
  // OK.
  Session Fork(uint32_t index) const;
  // RESOURCE_EXHAUSTED: the copy's record would have too many parts.
  absl::Status CheckFork(uint32_t index) const;
  // Stops recording.
  void DropRecord() { record_.reset(); }
  // nullptr: not recorded.
  const SessionRecord* record() const { return record_ ? &*record_ : nullptr; }

  // INVALID_ARGUMENT for a token that is not of the vocabulary.
  absl::Status CheckTokens(const char* field,
                           absl::Span<const uint32_t> tokens) const;

  // The plan of a phase, of the base without one.
  const Plan& plan(uint32_t phase = 0) const { return rules_->plans[phase]; }
  uint32_t phase_count() const {
    return static_cast<uint32_t>(rules_->plans.size()) - 1;
  }
  // The phase of the next token; 0: the base.
  uint32_t phase() const { return phases_.phase(); }
  // True when the prompt's tokens are needed to open the session again: a knob
  // looks at them, or a switch of phases may lie in them.
  bool needs_prompt() const;
  // True when the base or a phase has guidance.
  bool uses_guidance() const;
  // Of rules, seed and history: 8 bytes. Covers the prompt's tokens where they
  // are needed, else its length.
  std::string history_digest() const;
  const std::shared_ptr<const Origin>& origin() const { return origin_; }
  const SessionReport& report() const { return report_; }
  uint64_t seed() const { return seed_; }
  const std::string& salt() const { return salt_; }
  StreamKey key() const { return key_; }
  uint32_t position() const { return history_.position(); }
  uint32_t generated() const { return history_.generated(); }
  FinishReason finish() const { return finish_; }
  const std::string& fingerprint() const { return rules_->fingerprint; }
  const std::vector<std::string>& fingerprint_lines() const {
    return rules_->lines;
  }

 private:
  // The last result, for a retry of the same position and attempt.
  struct Last {
    uint32_t position;
    uint32_t attempt;
    EntryResult result;
  };

  Session() = default;
  // Errors as `origin` blames them; nullptr: as they are.
  static absl::StatusOr<std::shared_ptr<const SessionRules>> CompileRules(
      Params params, std::vector<PhaseParams> phases, uint32_t vocab_size,
      const Limits& limits, const Origin* origin);
  absl::Status TakeHistory(const SessionStart& start);
  absl::Status CheckDigest(const SessionStart& start) const;
  void BeginRecord(SessionStart start);
  absl::Status TakePrompt(const SessionStart& start, uint32_t length);
  // What the phases of `table` (nullptr: none) make of the history.
  // FAILED_PRECONDITION: they need more of it than is known.
  absl::StatusOr<PhaseTracker> PhasesUnder(
      const std::shared_ptr<const PhaseTable>& table) const;
  // The number that the phase of an unsent prompt has in `table`.
  absl::StatusOr<uint32_t> InitialPhaseUnder(const PhaseTable* table) const;
  // What generated_chain_ was before the tokens from `to` on, as far as they
  // are kept.
  HistoryChain ChainAt(uint32_t to) const;
  // A token at the end of the history, and its switch of phases.
  void Take(const TakenToken& taken);
  // Of the next token on.
  SessionRecord::Part RecordPart() const;
  absl::Status CheckRecord(const SessionRecord::Part& part) const;
  // Counts for the plan in force; call after tokens were taken.
  void FollowPhase() { history_.Switch(plan(phase())); }
  // What the last token means by the plan that it was drawn with.
  FinishReason LastEnds() const;
  // True when the entry is answered without its row.
  bool Answered(const Entry& entry, EntryResult* result) const;
  void Run(const Entry& entry, const Row& row, const Sampler& sampler,
           Workspace* workspace, EntryResult* result);
  void Keep(const Entry& entry, const EntryResult& result);
  // The row without its guidance where only the phase in force has none.
  Row WithGuidanceInForce(const Row& row) const;
  static absl::Status CheckReport(const Report& report, uint32_t count_max);
  absl::Status CheckPosition(std::optional<uint32_t> position) const;
  absl::Status CheckRoom(uint64_t more_tokens) const;

  Limits limits_;
  std::shared_ptr<const SessionRules> rules_;  // never nullptr
  std::shared_ptr<const Origin> origin_;
  uint64_t seed_ = 0;
  std::string salt_;
  StreamKey key_;
  SessionReport report_;
  History history_;
  HistoryChain prompt_chain_;     // of the prompt's tokens that were sent
  HistoryChain generated_chain_;  // of those behind it
  PhaseTracker phases_;
  FeedbackTrail feedback_;
  FinishReason finish_ = FinishReason::kNone;
  std::optional<Last> last_;
  std::optional<SessionRecord> record_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_SESSION_H_
