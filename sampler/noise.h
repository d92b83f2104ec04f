// Noise: 64 random bits for (stream key, purpose, attempt, position, index).
//
// A pure function, thread-safe. Specification: sampler/README.md, "Noise".
#ifndef LOGITD_SAMPLER_NOISE_H_
#define LOGITD_SAMPLER_NOISE_H_

#include <cstdint>

#include "sampler/kernels/kernels.h"
#include "sampler/philox.h"

namespace logitd {

// What a noise is for. Never renumbered.
enum class Purpose : uint32_t {
  kBlockRace = 1,
  kTokenRace = 2,
  kXtcCoin = 3,
  kAcceptCoin = 4,
  kResidualBlockRace = 5,
  kResidualTokenRace = 6,
  kMirostat = 7,
  kFork = 8,
  kServerSeed = 9,
};

// The key of a session's noise: 64 bits, low word first.
struct StreamKey {
  uint64_t bits = 0;
  constexpr PhiloxKey words() const {
    return {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)};
  }
  friend bool operator==(StreamKey, StreamKey) = default;
};

// Where in a stream a noise belongs. attempt: 24 bits.
struct NoisePoint {
  StreamKey key;
  uint32_t position = 0;
  uint32_t attempt = 0;
};

// Key and counter of what Noise() gives, but for the index.
constexpr kernels::NoiseKey KeyOfNoise(const NoisePoint& at, Purpose purpose) {
  const PhiloxKey words = at.key.words();
  return {words[0], words[1], at.position,
          static_cast<uint32_t>(purpose) | (at.attempt << 8)};
}

// The 64 bits of one index: a block number, a token id or 0.
uint64_t Noise(const NoisePoint& at, Purpose purpose, uint32_t index);

// Uniform in (0, 1): ((noise >> 12) + 0.5) * 2^-52, exact in double.
constexpr double Uniform(uint64_t noise) {
  return (static_cast<double>(noise >> 12) + 0.5) * 0x1p-52;
}

// The stream key of fork `index` (>= 1) of a session at `position`.
StreamKey ForkKey(StreamKey parent, uint32_t index, uint32_t position);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_NOISE_H_
