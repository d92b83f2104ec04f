#include "sampler/row_digest.h"

#include <bit>
#include <cstddef>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace logitd {

uint64_t RowDigest(const float* values, uint32_t count) {
  static_assert(std::endian::native == std::endian::little);
  return XXH3_64bits(values, size_t{count} * sizeof(float));
}

}  // namespace logitd
