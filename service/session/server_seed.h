// ServerSeeds: seeds for sessions that bring none.
//
// Philox of a key that the process draws once from the operating system, and a
// count: no two are equal within a process, and nobody outside can guess them.
// Thread-safe, does not block. Specification: sampler/README.md, "Noise".
#ifndef LOGITD_SERVICE_SESSION_SERVER_SEED_H_
#define LOGITD_SERVICE_SESSION_SERVER_SEED_H_

#include <atomic>
#include <cstdint>

#include "absl/status/statusor.h"
#include "sampler/noise.h"

namespace logitd {

// 64 bits from the operating system. UNAVAILABLE if it has none.
absl::StatusOr<uint64_t> RandomKey();

class ServerSeeds {
 public:
  explicit ServerSeeds(uint64_t key) : key_{key} {}

  uint64_t Next() {
    const uint64_t count = count_.fetch_add(1, std::memory_order_relaxed);
    const NoisePoint at = {key_, static_cast<uint32_t>(count >> 32), 0};
    return Noise(at, Purpose::kServerSeed, static_cast<uint32_t>(count));
  }

 private:
  const StreamKey key_;
  std::atomic<uint64_t> count_{0};
};

}  // namespace logitd

#endif  // LOGITD_SERVICE_SESSION_SERVER_SEED_H_
