#include "sampler/noise.h"

#include <cstddef>

namespace logitd {

uint64_t Noise(const NoisePoint& at, Purpose purpose, uint32_t index) {
  const PhiloxCounter out =
      Philox4x32({index >> 1, at.position, KeyOfNoise(at, purpose).purpose, 0},
                 at.key.words());
  const size_t first = (index & 1) != 0 ? 2 : 0;
  return (uint64_t{out[first]} << 32) | out[first + 1];
}

StreamKey ForkKey(StreamKey parent, uint32_t index, uint32_t position) {
  const PhiloxCounter out =
      Philox4x32({index, position, static_cast<uint32_t>(Purpose::kFork), 0},
                 parent.words());
  return {(uint64_t{out[1]} << 32) | out[0]};
}

}  // namespace logitd
