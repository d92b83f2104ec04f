// Plain max passes over a row: the raw material of the yardstick R.
// Compiled four times, by two compilers for two instruction sets, so that R is
// the best this machine can do and not one compiler's weakness. Includes no
// standard headers and emits no weak symbols: vector code must not leak into
// the rest of the program. Thread-safe; allocates nothing; O(n).

#include "tests/bench/yardstick_passes.h"

#include <immintrin.h>

namespace {

#if defined(__AVX512F__)
using Vec = __m512;
constexpr std::size_t kLanes = 16;
inline Vec Load(const float* p) { return _mm512_loadu_ps(p); }
inline Vec Max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline void Store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
#else
using Vec = __m256;
constexpr std::size_t kLanes = 8;
inline Vec Load(const float* p) { return _mm256_loadu_ps(p); }
inline Vec Max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline void Store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
#endif

inline float Fold(Vec v) {
  float lanes[kLanes];
  Store(lanes, v);
  float best = lanes[0];
  for (std::size_t i = 1; i < kLanes; ++i) {
    best = lanes[i] > best ? lanes[i] : best;
  }
  return best;
}

// The remainder is one vector that overlaps what was read before it.
inline float Finish(const float* row, std::size_t n, std::size_t i, Vec a) {
  for (; i + kLanes <= n; i += kLanes) a = Max(a, Load(row + i));
  return Fold(Max(a, Load(row + n - kLanes)));
}

}  // namespace

extern "C" {

float LOGITD_PASS(1)(const float* row, std::size_t n) {
  Vec a = Load(row);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) a = Max(a, Load(row + i));
  return Finish(row, n, i, a);
}

float LOGITD_PASS(4)(const float* row, std::size_t n) {
  Vec a = Load(row), b = a, c = a, d = a;
  std::size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    const float* p = row + i;
    a = Max(a, Load(p));
    b = Max(b, Load(p + kLanes));
    c = Max(c, Load(p + 2 * kLanes));
    d = Max(d, Load(p + 3 * kLanes));
  }
  return Finish(row, n, i, Max(Max(a, b), Max(c, d)));
}

// Accumulators are named, not an array: gcc 12 keeps arrays in memory.
float LOGITD_PASS(8)(const float* row, std::size_t n) {
  Vec a = Load(row), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  std::size_t i = 0;
  for (; i + 8 * kLanes <= n; i += 8 * kLanes) {
    const float* p = row + i;
    a = Max(a, Load(p));
    b = Max(b, Load(p + kLanes));
    c = Max(c, Load(p + 2 * kLanes));
    d = Max(d, Load(p + 3 * kLanes));
    e = Max(e, Load(p + 4 * kLanes));
    f = Max(f, Load(p + 5 * kLanes));
    g = Max(g, Load(p + 6 * kLanes));
    h = Max(h, Load(p + 7 * kLanes));
  }
  a = Max(Max(a, b), Max(c, d));
  return Finish(row, n, i, Max(a, Max(Max(e, f), Max(g, h))));
}

}  // extern "C"
