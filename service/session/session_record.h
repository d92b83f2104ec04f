// SessionRecord: where the tokens of a session came from, for its receipt.
//
// A plain value, thread-compatible; a copy shares the prompt. Memory: 16 bytes
// a token, 4 a token of the prompt, and what kRecordPartsMax sets of rules
// hold.
#ifndef LOGITD_SERVICE_SESSION_SESSION_RECORD_H_
#define LOGITD_SERVICE_SESSION_SESSION_RECORD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "sampler/feedback.h"
#include "sampler/params.h"
#include "service/session/rules.h"

namespace logitd {

struct Origin;

// Numbered as in the contract.
enum class TokenOrigin : uint8_t { kDrawn = 1, kGiven, kAppended };
enum TokenInput : uint32_t {  // bits
  kMaskInput = 1,
  kGuidanceInput = 2,
  kDraftInput = 4,
};

// A token as it came into a session.
class TakenToken {
 public:
  // Without a row.
  explicit TakenToken(uint32_t token)
      : TakenToken(token, TokenOrigin::kAppended, 0, 0, 0) {}
  // `attempt`: 24 bits; `inputs`: of TokenInput.
  TakenToken(uint32_t token, TokenOrigin origin, uint32_t attempt,
             uint32_t inputs, uint64_t row_digest)
      : token_(token),
        how_(attempt << 8 | static_cast<uint32_t>(origin) << 4 | inputs),
        row_digest_(row_digest) {}

  uint32_t token() const { return token_; }
  TokenOrigin origin() const {
    return static_cast<TokenOrigin>(how_ >> 4 & 0xF);
  }
  uint32_t attempt() const { return how_ >> 8; }
  uint32_t inputs() const { return how_ & 0xF; }
  uint64_t row_digest() const { return row_digest_; }

 private:
  uint32_t token_;
  uint32_t how_;
  uint64_t row_digest_;
};
static_assert(sizeof(TakenToken) == 16);

inline constexpr size_t kRecordPartsMax = 16;

class SessionRecord {
 public:
  // Tokens from `first` on (0: the first behind the prompt) were drawn under
  // these.
  struct Part {
    uint32_t first = 0;
    uint64_t seed = 0;
    std::string salt;
    std::shared_ptr<const SessionRules> rules;
    std::shared_ptr<const Origin> origin;
  };
  // What the first token was drawn behind.
  struct Start {
    TokenIds prompt;  // empty: not sent
    uint32_t prompt_length = 0;
    std::string initial_phase;  // of one that was not sent
    Feedback feedback;
  };

  SessionRecord(Start start, Part part)
      : start_(std::make_shared<const Start>(std::move(start))),
        parts_{std::move(part)} {}

  void Take(const TakenToken& taken) { tokens_.push_back(taken); }
  // RESOURCE_EXHAUSTED: `part`, of the next token on, would be one too many.
  absl::Status CheckPart(const Part& part) const;
  // Of the next token on; CheckPart() was OK. None is begun where rules and key
  // stay; one that no token was drawn under is replaced.
  void AddPart(Part part);
  // Forgets all tokens but the first `count`. The next is drawn under the last
  // part's rules.
  void Rewind(uint32_t count);

  const Start& start() const { return *start_; }
  const std::vector<Part>& parts() const { return parts_; }
  const std::vector<TakenToken>& tokens() const { return tokens_; }
  // What a receipt of so many tokens has at most, but for its rules.
  static uint64_t Bytes(uint64_t tokens, uint64_t prompt) {
    return 17 * tokens + 4 * prompt;
  }
  uint64_t bytes() const {
    return Bytes(tokens_.size(), start_->prompt.size());
  }
  // HistoryChain::bytes() of each token's row digest and id. O(tokens).
  std::string RowChainDigest() const;

 private:
  uint32_t count() const { return static_cast<uint32_t>(tokens_.size()); }

  // True if no part begins with `part`.
  bool GoesOn(const Part& part) const;

  std::shared_ptr<const Start> start_;  // of all forks
  std::vector<Part> parts_;             // by rising `first`, at least one
  std::vector<TakenToken> tokens_;
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_SESSION_RECORD_H_
