// The noise of many indices at once. Contract: kernels.h; formula:
// sampler/philox.h.
#if defined(LOGITD_SAMPLER_KERNELS_NOISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_NOISE_INL_H_
#undef LOGITD_SAMPLER_KERNELS_NOISE_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_NOISE_INL_H_
#endif

#include "sampler/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

// At most 8 words of 32 bits, each in 64.
using DN = hn::CappedTag<uint64_t, 8>;
using VN = hn::Vec<DN>;

// Of the lower 32 bits of each.
HWY_INLINE VN Product(VN a, VN b) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(DN(), hn::GetLane(a) * hn::GetLane(b));
#else
  const hn::Repartition<uint32_t, DN> d32;
  return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b));
#endif
}

// Philox4x32-10 of as many counters as registers hold words.
void NoiseOf(const NoiseKey& key, uint32_t first_pair, uint32_t pair_count,
             uint64_t* HWY_RESTRICT noise) {
  const DN d;
  const VN low = hn::Set(d, 0xFFFFFFFFu);
  const VN m0 = hn::Set(d, 0xD2511F53u), m1 = hn::Set(d, 0xCD9E8D57u);
  HWY_ALIGN uint64_t first[8], second[8];
  for (uint32_t i = 0; i < pair_count;
       i += static_cast<uint32_t>(hn::Lanes(d))) {
    VN c0 = hn::And(hn::Iota(d, first_pair + i), low);
    VN c1 = hn::Set(d, key.position), c2 = hn::Set(d, key.purpose);
    VN c3 = hn::Zero(d);
    uint32_t k0 = key.low, k1 = key.high;
    for (int round = 0; round < 10; ++round) {
      const VN a = Product(m0, c0), b = Product(m1, c2);
      c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(b), c1), hn::Set(d, k0));
      c1 = hn::And(b, low);
      c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(a), c3), hn::Set(d, k1));
      c3 = hn::And(a, low);
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    hn::Store(hn::Or(hn::ShiftLeft<32>(c0), c1), d, first);
    hn::Store(hn::Or(hn::ShiftLeft<32>(c2), c3), d, second);
    for (uint32_t lane = 0; lane < hn::Lanes(d) && i + lane < pair_count;
         ++lane) {
      noise[2 * (i + lane)] = first[lane];
      noise[2 * (i + lane) + 1] = second[lane];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
