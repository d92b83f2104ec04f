// Guidance: one row of logits moved along its difference from another.
// Contracts: kernels.h. Formula: sampler/README.md, "Guidance".
#if defined(LOGITD_SAMPLER_KERNELS_GUIDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_GUIDE_INL_H_
#undef LOGITD_SAMPLER_KERNELS_GUIDE_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_GUIDE_INL_H_
#endif

#include "sampler/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

// At most 8 doubles, and as many floats.
using DD = hn::CappedTag<double, kLanes / 2>;
using DH = hn::Rebind<float, DD>;

inline constexpr double kFloatMax = 0x1.fffffep+127;

HWY_INLINE hn::Vec<DH> GuideLanes(hn::Vec<DH> first, hn::Vec<DH> second,
                                  const Guidance& guidance) {
  const DD dd;
  const DH dh;
  const auto banned = hn::Set(dh, kMinusInf);
  const auto lc =
      hn::Sub(hn::PromoteTo(dd, first), hn::Set(dd, guidance.log_sum_exp));
  const auto u = hn::PromoteTo(dd, second);
  const auto lu =
      hn::IfThenElse(hn::Eq(u, hn::Set(dd, -__builtin_huge_val())), lc,
                     hn::Sub(u, hn::Set(dd, guidance.second_log_sum_exp)));
  const auto step = hn::Mul(hn::Set(dd, guidance.scale), hn::Sub(lc, lu));
  const auto wide = hn::Max(hn::Min(hn::Add(lu, step), hn::Set(dd, kFloatMax)),
                            hn::Set(dd, -kFloatMax));
  const auto narrow = hn::Add(hn::DemoteTo(dh, wide), hn::Zero(dh));
  // Of banned ones `wide` is NaN.
  return hn::IfThenElse(hn::Eq(first, banned), banned, narrow);
}

void Guide(const RowView& row, const float* second, Guidance guidance) {
  const DH dh;
  const size_t step = hn::Lanes(dh);
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (row.block_max[b] == kMinusInf) continue;
    const size_t base = size_t{b} * kBlockSize;
    float* HWY_RESTRICT l = LogitsOf(row, b);
    const float* HWY_RESTRICT other = second + base;
    for (size_t i = 0; i < kBlockSize; i += step) {
      const auto guided =
          GuideLanes(hn::Load(dh, l + i), hn::Load(dh, other + i), guidance);
      hn::Store(guided, dh, l + i);
    }
    row.block_max[b] = BlockMax(l);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
