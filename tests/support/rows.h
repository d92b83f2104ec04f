// Rows of logits for tests: random ones and those that break samplers, the
// same bits on every machine.
//
// Uses no libm and no std distribution, knows nothing of sampler or GoogleTest,
// so that it builds for any target. Pure functions of their arguments but for
// Dice, which is a value; thread-safe; return what they make; O(V).
#ifndef LOGITD_TESTS_SUPPORT_ROWS_H_
#define LOGITD_TESTS_SUPPORT_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logitd::tests {

// Numbers to decide cases with: splitmix64.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // In [0, count); count > 0.
  uint32_t Below(uint32_t count) {
    return static_cast<uint32_t>((Next() >> 32) * count >> 32);
  }
  // In [0, 1), a multiple of 2^-32.
  double Unit() { return static_cast<double>(Next() >> 32) * 0x1p-32; }
  bool Chance(double probability) { return Unit() < probability; }
  // Mean 0, variance 1, within +-3.47: a sum of four uniforms.
  float Normal() {
    const uint64_t bits = Next();
    const int32_t sum =
        static_cast<int32_t>((bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) +
                             ((bits >> 32) & 0xFFFF) + (bits >> 48)) -
        131070;
    return static_cast<float>(sum) * 0x1.bb67aep-16f;
  }
  template <class T>
  const T& OneOf(const std::vector<T>& values) {
    return values[Below(static_cast<uint32_t>(values.size()))];
  }

 private:
  uint64_t state_;
};

// What a row looks like.
enum class Shape {
  kNormal,       // N(0, s), s from 0.05 to 8
  kPeaked,       // N(0, 1) and a few logits 5 to 20 higher
  kFlat,         // one value everywhere
  kLevels,       // a handful of values: ties everywhere
  kSpike,        // one high logit, the others equal
  kDyadic,       // groups of 2^k logits at multiples of -ln 2
  kFalling,      // sorted
  kRising,       // sorted, the largest last
  kHoles,        // N(0, 3), every second one -inf
  kOneFinite,    // the others are -inf
  kFewFinite,    // five at most
  kShiftedUp,    // peaked, 3000 higher
  kShiftedDown,  // peaked, 3000 lower
  kGap,          // peaked, every second logit 1000 lower
  kDenormals,    // a few units of the smallest fp32
  kHuge,         // +-FLT_MAX, +-1e38 and 0
  kBfloat16,     // N(0, 3) rounded to bf16: ties at the top
  kSignedZeros,  // -0 and +0
  kBlockEdges,   // high at the first and last id of blocks, and at the last id
};
inline constexpr int kShapeCount = 19;

const char* Name(Shape shape);

// At least one logit is finite, none is NaN or +inf.
std::vector<float> MakeRow(Shape shape, uint32_t vocab_size, uint64_t seed);

// Vocabularies around the sizes of words, lanes and blocks: 1 to 1,031.
const std::vector<uint32_t>& SmallVocabularies();
// Those of real models, and neighbours: 32,000 to 152,064.
const std::vector<uint32_t>& LargeVocabularies();

// bf16 as its upper 16 bits; rounds to nearest even, infinities stay.
uint16_t ToBfloat16(float x);
float FromBfloat16(uint16_t bits);
std::vector<uint16_t> ToBfloat16(const std::vector<float>& row);

// IEEE binary16; rounds to nearest even, subnormals too; from 65520 on it is
// infinite; NaN stays NaN.
uint16_t ToFloat16(float x);
float FromFloat16(uint16_t bits);
std::vector<uint16_t> ToFloat16(const std::vector<float>& row);

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SUPPORT_ROWS_H_
