// HistoryChain: a number that stands for a sequence of tokens, and from which
// the last one can be taken back.
//
// Tells histories apart that should be one; not against forgery. A value;
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
  // The same in 8 bytes, the highest first.
  std::string bytes() const {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(value_ >> shift);
    }
    return bytes;
  }

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

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_HISTORY_CHAIN_H_
