#include "sampler/dtype.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace logitd {
namespace {

float FromFloat16(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t fraction = half & 0x3FFu;
  if (exponent == 0x1F) {  // infinity or NaN
    return std::bit_cast<float>(sign | 0x7F800000u | fraction << 13);
  }
  const uint32_t digits = exponent == 0 ? fraction : fraction | 0x400u;
  // The last digit of both kinds is worth 2^(max(exponent, 1) - 25).
  const uint32_t unit = (std::max(exponent, 1u) + 127 - 25) << 23;
  const float size = static_cast<float>(digits) * std::bit_cast<float>(unit);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(size) | sign);
}

}  // namespace

float Widen(const void* logits, Dtype dtype, uint32_t id) {
  const char* at =
      static_cast<const char*>(logits) + size_t{id} * SizeOf(dtype);
  if (dtype == Dtype::kFloat32) {
    float value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  uint16_t half;
  std::memcpy(&half, at, sizeof(half));
  return dtype == Dtype::kFloat16 ? FromFloat16(half)
                                  : std::bit_cast<float>(uint32_t{half} << 16);
}

}  // namespace logitd
