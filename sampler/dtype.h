// How a logit is stored, and one logit widened.
//
// Pure and thread-safe. Whole rows are widened by the load kernels
// (kernels/kernels.h), to the same bits. Specification: sampler/README.md,
// "Numbers".
#ifndef LOGITD_SAMPLER_DTYPE_H_
#define LOGITD_SAMPLER_DTYPE_H_

#include <cstddef>
#include <cstdint>

namespace logitd {

enum class Dtype { kFloat32, kBfloat16, kFloat16 };

constexpr size_t SizeOf(Dtype dtype) {
  return dtype == Dtype::kFloat32 ? 4 : 2;
}

// The logit of an id in a row of any alignment, as fp32; exact.
float Widen(const void* logits, Dtype dtype, uint32_t id);

}  // namespace logitd

#endif  // LOGITD_SAMPLER_DTYPE_H_
