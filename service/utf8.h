// IsUtf8: whether a text that may be anything is text. Pure; O(bytes).
#ifndef LOGITD_SERVICE_UTF8_H_
#define LOGITD_SERVICE_UTF8_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace logitd {

inline bool IsUtf8(absl::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t more = lead < 0x80         ? 0
                        : lead >> 5 == 0x06 ? 1
                        : lead >> 4 == 0x0e ? 2
                        : lead >> 3 == 0x1e ? 3
                                            : text.size();
    if (more > text.size() - i - 1) return false;
    uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
    for (size_t j = 1; j <= more; ++j) {
      const auto byte = static_cast<unsigned char>(text[i + j]);
      if (byte >> 6 != 0x02) return false;
      point = point << 6 | (byte & 0x3fu);
    }
    static constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (point < kLeast[more] || point > 0x10ffff) return false;
    if (point >> 11 == 0xd800u >> 11) return false;  // half of a pair
    i += more + 1;
  }
  return true;
}

}  // namespace logitd

#endif  // LOGITD_SERVICE_UTF8_H_
