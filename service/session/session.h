// Session: one generation. Parameters, seed, position and history, and the rule
// that says what an entry of a step does to them.
//
// Knows no protobuf, no gRPC, no clock. A plain value: a copy is an independent
// session. Thread-compatible; a step hands it to one worker at a time. Errors
// read "<field>: <why>", the field as in the message that asked (OpenSession,
// UpdateSession, ... or Step), and leave the session bit for bit unchanged.
// Memory: 4 bytes per token kept, 12 to 24 per distinct id counted, 2 KiB.
#ifndef LOGITD_SERVICE_SESSION_SESSION_H_
#define LOGITD_SERVICE_SESSION_SESSION_H_

#include <cstdint>
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

namespace logitd {

// What a session begins with; Open checks all of it.
struct SessionStart {
  uint32_t vocab_size = 0;
  Params params;
  uint64_t seed = 0;
  std::string salt;
  TokenIds prompt;
  std::optional<uint32_t> prompt_length;  // when the prompt is not given
  TokenIds generated;
  Report report;
  std::string expected_fingerprint;  // empty: any
  std::vector<std::string> expected_fingerprint_lines;
};

// Numbered as in the contract.
enum class EntryMode { kSample = 1, kGiven = 2, kPeek = 3 };
enum class EntryStatus { kOk = 1, kReplayed, kSkipped, kPeeked, kError };

// What an entry asks.
struct Entry {
  uint32_t position = 0;
  uint32_t attempt = 0;  // 24 bits
  EntryMode mode = EntryMode::kSample;
  uint32_t given_token = kNoToken;
};

// What became of an entry. `outcome` counts only with kOk, kReplayed, kPeeked.
struct EntryResult {
  EntryStatus status = EntryStatus::kSkipped;
  absl::Status error;
  FinishReason finish = FinishReason::kNone;
  bool given = false;
  Report report;  // what the session was asked to report
  Outcome outcome;
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

  // `params` replaces all knobs, `report` the report, from the next token on.
  // The last token may end the session by the new parameters, or end it no
  // more.
  absl::Status Update(std::optional<uint32_t> position, Params params,
                      const std::optional<Report>& report);

  // Takes back all tokens from `position` on, and the last result.
  absl::Status Rewind(uint32_t position);

  // Appends all of the tokens or none.
  absl::Status Append(std::optional<uint32_t> position,
                      absl::Span<const uint32_t> tokens);

  // A copy; from index 1 on with a stream key of its own.
  Session Fork(uint32_t index) const;

  const Plan& plan() const { return plan_; }
  const Report& report() const { return report_; }
  uint64_t seed() const { return seed_; }
  const std::string& salt() const { return salt_; }
  StreamKey key() const { return key_; }
  uint32_t position() const { return history_.position(); }
  uint32_t generated() const { return history_.generated(); }
  FinishReason finish() const { return finish_; }
  const std::string& fingerprint() const { return fingerprint_; }
  const std::vector<std::string>& fingerprint_lines() const { return lines_; }

 private:
  // The last result, for a retry of the same position and attempt.
  struct Last {
    uint32_t position;
    uint32_t attempt;
    EntryResult result;
  };

  Session() = default;
  absl::Status TakeHistory(const SessionStart& start);
  void SetPlan(Plan plan);
  // True when the entry is answered without its row.
  bool Answered(const Entry& entry, EntryResult* result) const;
  void Run(const Entry& entry, const Row& row, const Sampler& sampler,
           Workspace* workspace, EntryResult* result);
  void Keep(const Entry& entry, const EntryResult& result);
  absl::Status CheckPosition(std::optional<uint32_t> position) const;
  absl::Status CheckTokens(const char* field,
                           absl::Span<const uint32_t> tokens) const;
  absl::Status CheckRoom(uint64_t more_tokens) const;

  uint32_t history_max_ = 0;
  uint32_t max_top_n_ = 0;
  Plan plan_;
  std::string fingerprint_;
  std::vector<std::string> lines_;
  uint64_t seed_ = 0;
  std::string salt_;
  StreamKey key_;
  Report report_;
  History history_;
  FinishReason finish_ = FinishReason::kNone;
  std::optional<Last> last_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_SESSION_H_
