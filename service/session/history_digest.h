// The digest of a session's history: of rules, seed and tokens.
//
// Pure, thread-safe. Specification: service/README.md, "Digests and receipts".
#ifndef LOGITD_SERVICE_SESSION_HISTORY_DIGEST_H_
#define LOGITD_SERVICE_SESSION_HISTORY_DIGEST_H_

#include <cstdint>
#include <string>

namespace logitd {

// What a digest of a history covers.
struct HistorySummary {
  std::string fingerprint;
  uint64_t seed = 0;
  std::string salt;
  uint32_t prompt_length = 0;
  bool covers_prompt = false;  // and its tokens
  uint64_t prompt_chain = 0;
  uint32_t generated = 0;
  uint64_t generated_chain = 0;
};

// 8 bytes.
std::string HistoryDigest(const HistorySummary& summary);

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_HISTORY_DIGEST_H_
