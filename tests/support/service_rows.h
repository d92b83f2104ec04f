// Rows of logits for tests of sessions and of the service: pseudo-random, the
// same for the same seed, on any machine.
#ifndef LOGITD_TESTS_SUPPORT_SERVICE_ROWS_H_
#define LOGITD_TESTS_SUPPORT_SERVICE_ROWS_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "sampler/philox.h"
#include "sampler/sampler.h"

namespace logitd::testing {

inline constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// `vocab_size` logits, roughly in [-8, 8], on a grid of 1/64 so that ties
// occur.
inline std::vector<float> MakeRow(uint32_t seed, uint32_t vocab_size) {
  std::vector<float> row(vocab_size);
  for (uint32_t i = 0; i < vocab_size; ++i) {
    const uint32_t bits = Philox4x32({i, seed, 0, 7}, {11, 13})[0];
    row[i] = static_cast<float>(bits >> 22) / 64.0f - 8.0f;
  }
  return row;
}

// One that a block race and truncation find hard: ties, bans, a flat stretch,
// huge magnitudes.
inline std::vector<float> MakeAdversarialRow(uint32_t vocab_size) {
  std::vector<float> row(vocab_size, 0.25f);
  for (uint32_t i = 0; i < vocab_size; ++i) {
    if (i % 7 == 3) row[i] = kMinusInfinity;
    if (i % 129 == 0) row[i] = 0.5f;
    if (i % 301 == 5) row[i] = -3.0e38f;
  }
  return row;
}

inline Row RowOf(const std::vector<float>& logits) {
  Row row;
  row.logits = logits.data();
  row.width = static_cast<uint32_t>(logits.size());
  return row;
}

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_SUPPORT_SERVICE_ROWS_H_
