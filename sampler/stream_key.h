// The stream key: what all noise of a session is keyed by.
//
// Without salt it is the seed itself. With salt: the first 8 bytes, low first,
// of SHA-256("logitd/1", seed as 8 bytes low first, salt). Pure, thread-safe.
// Specification: sampler/README.md, "Noise".
#ifndef LOGITD_SAMPLER_STREAM_KEY_H_
#define LOGITD_SAMPLER_STREAM_KEY_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "sampler/noise.h"

namespace logitd {

inline constexpr size_t kSaltBytesMax = 256;

StreamKey MakeStreamKey(uint64_t seed, absl::string_view salt);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_STREAM_KEY_H_
