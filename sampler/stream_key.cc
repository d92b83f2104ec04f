#include "sampler/stream_key.h"

#include <openssl/sha.h>

#include <string>

namespace logitd {

StreamKey MakeStreamKey(uint64_t seed, absl::string_view salt) {
  if (salt.empty()) return {seed};
  std::string message = "logitd/1";
  for (int shift = 0; shift < 64; shift += 8) {
    message.push_back(static_cast<char>(seed >> shift));
  }
  message.append(salt.data(), salt.size());
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(message.data()), message.size(),
         digest);
  StreamKey key;
  for (int i = 7; i >= 0; --i) key.bits = (key.bits << 8) | digest[i];
  return key;
}

}  // namespace logitd
