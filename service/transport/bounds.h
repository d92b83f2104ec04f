// The one question of bounds: is a range inside a whole? Never overflows.
#ifndef LOGITD_SERVICE_TRANSPORT_BOUNDS_H_
#define LOGITD_SERVICE_TRANSPORT_BOUNDS_H_

#include <cstdint>

namespace logitd {

constexpr bool InBounds(uint64_t offset, uint64_t length, uint64_t size) {
  return length <= size && offset <= size - length;
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_TRANSPORT_BOUNDS_H_
