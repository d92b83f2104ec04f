#include "service/session/server_seed.h"

#include <sys/random.h>

namespace logitd {

absl::StatusOr<uint64_t> RandomKey() {
  uint64_t key = 0;
  if (getrandom(&key, sizeof(key), 0) != sizeof(key)) {
    return absl::UnavailableError("seed: getrandom gave no random bytes");
  }
  return key;
}

}  // namespace logitd
