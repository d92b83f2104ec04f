// The digest of a row: XXH3, 64 bits, of its fp32 values as loaded.
//
// Tells an engine whose logits drifted from a sampler that did: equal digests,
// equal rows. Not against forgery. Pure, thread-safe, O(count); a fraction of
// the time of loading. Specification: sampler/README.md, "Row digest".
#ifndef LOGITD_SAMPLER_ROW_DIGEST_H_
#define LOGITD_SAMPLER_ROW_DIGEST_H_

#include <cstdint>

namespace logitd {

// Of the first `count` values.
uint64_t RowDigest(const float* values, uint32_t count);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_ROW_DIGEST_H_
