// Philox4x32-10, the counter-based generator behind all noise.
//
// A pure function of key and counter: no state, thread-safe, about 10 ns.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11.
#ifndef LOGITD_SAMPLER_PHILOX_H_
#define LOGITD_SAMPLER_PHILOX_H_

#include <array>
#include <cstdint>

namespace logitd {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

constexpr PhiloxCounter Philox4x32(PhiloxCounter c, PhiloxKey k,
                                   int rounds = 10) {
  for (int round = 0; round < rounds; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1],
         static_cast<uint32_t>(a)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

}  // namespace logitd

#endif  // LOGITD_SAMPLER_PHILOX_H_
