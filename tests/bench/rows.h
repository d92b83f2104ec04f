// Rows of logits to time on. Synthetic shapes are pure functions of (shape,
// vocabulary, seed); the adversarial ones are those that break fast paths:
// ties, masks, sorted orders, shifted ranges. Owns its memory.
// Thread-compatible.

#ifndef LOGITD_TESTS_BENCH_ROWS_H_
#define LOGITD_TESTS_BENCH_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/stopwatch.h"

namespace logitd::bench {

// Rows rotate over this many buffers.
inline constexpr std::size_t kRowBuffers = 8;

enum class Shape {
  kPeaked,      // top_p .95 keeps about 7 ids
  kWide,        // top_p .95 keeps about 1,400 ids
  kFlat,        // N(0, .05)
  kGaussian,    // N(0, 3)
  kDescending,  // a sorted Gaussian
  kAscending,
  kEqual,       // one value everywhere
  kTies,        // a Gaussian rounded to bf16
  kFewFinite,   // 5 finite logits, the rest -inf
  kHalfMasked,  // every second id -inf
  kShifted,     // peaked, 60 lower
};

const char* Name(Shape shape);
// Every shape but the peaked and the wide one.
const std::vector<Shape>& AdversarialShapes();

// One row of a shape.
std::vector<float> MakeRow(Shape shape, std::size_t vocab_size,
                           std::uint64_t seed);

// Rows in page-aligned memory. `set` stays valid as long as the object.
class Rows {
 public:
  // kRowBuffers rows of one shape, each of its own seed.
  Rows(Shape shape, std::size_t vocab_size);
  // Copies of given rows, all of one length.
  explicit Rows(const std::vector<std::vector<float>>& rows);

  // The same rows rounded to bf16.
  Rows ToBfloat16() const;

  std::size_t vocab_size() const { return vocab_size_; }
  const RowSet& set() const { return set_; }

 private:
  struct Free {
    void operator()(void* p) const;
  };

  Rows() = default;
  void* Append(std::size_t bytes);

  std::vector<std::unique_ptr<void, Free>> memory_;
  RowSet set_;
  std::size_t vocab_size_ = 0;
};

}  // namespace logitd::bench

#endif  // LOGITD_TESTS_BENCH_ROWS_H_
