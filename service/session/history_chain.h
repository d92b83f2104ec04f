// HistoryChain: a number that stands for a sequence of tokens, and from which
// the last one can be taken back; and the digest of a session's history.
//
// Tells histories apart that should be one; not against forgery. Values;
// thread-compatible. O(1) a token. Specification: service/README.md, "Digests
// and receipts".
#ifndef LOGITD_SERVICE_SESSION_HISTORY_CHAIN_H_
#define LOGITD_SERVICE_SESSION_HISTORY_CHAIN_H_

#include <cstdint>
#include <string>

namespace logitd {

class HistoryChain {
 public:
  // Any 64 bits; of a history a token.
  void Append(uint64_t item) { value_ = Mix(value_ + item + 1); }
  // The item that was appended last.
  void TakeBack(uint64_t item) { value_ = Unmix(value_) - item - 1; }
  uint64_t value() const { return value_; }

 private:
  // A permutation, each step of which can be undone.
  static constexpr uint64_t kFactor = 0xd6e8feb86659fd93;
  static constexpr uint64_t Mix(uint64_t x) {
    x = (x ^ x >> 32) * kFactor;
    x = (x ^ x >> 32) * kFactor;
    return x ^ x >> 32;
  }
  // kFactor times this is 1: Newton's iteration doubles the right bits.
  static constexpr uint64_t Inverse() {
    uint64_t inverse = kFactor;
    for (int i = 0; i < 6; ++i) inverse *= 2 - kFactor * inverse;
    return inverse;
  }
  static constexpr uint64_t Unmix(uint64_t x) {
    x = (x ^ x >> 32) * Inverse();
    x = (x ^ x >> 32) * Inverse();
    return x ^ x >> 32;
  }

  uint64_t value_ = 0;
};

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

#endif  // LOGITD_SERVICE_SESSION_HISTORY_CHAIN_H_
