// Loading a row: widen, screen, pad, and the maximum of each block.
// Contracts: kernels.h.
#if defined(LOGITD_SAMPLER_KERNELS_LOAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_LOAD_INL_H_
#undef LOGITD_SAMPLER_KERNELS_LOAD_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_LOAD_INL_H_
#endif

#include "sampler/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

struct FromF32 {
  using Stored = float;
  HWY_INLINE VF operator()(DF d, const float* source) const {
    return hn::LoadU(d, source);
  }
};

// A bfloat16 is the upper half of a float.
struct FromBf16 {
  using Stored = uint16_t;
  HWY_INLINE VF operator()(DF d, const uint16_t* source) const {
    const hn::Rebind<uint16_t, DF> d16;
    const hn::Rebind<uint32_t, DF> d32;
    return hn::BitCast(
        d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, source))));
  }
};

// A binary16, by its parts. Highway's own widening takes infinity and NaN for
// numbers where the processor has none.
struct FromF16 {
  using Stored = uint16_t;
  HWY_INLINE VF operator()(DF d, const uint16_t* source) const {
    const hn::Rebind<uint16_t, DF> d16;
    const hn::Rebind<uint32_t, DF> d32;
    const auto half = hn::PromoteTo(d32, hn::LoadU(d16, source));
    const auto exponent = hn::And(half, hn::Set(d32, 0x7C00u));
    const auto shifted =
        hn::ShiftLeft<13>(hn::And(half, hn::Set(d32, 0x7FFFu)));
    const auto rebias = hn::Set(d32, 112u << 23);
    const auto normal = hn::Add(shifted, rebias);
    const auto finite_or_not =
        hn::IfThenElse(hn::Eq(exponent, hn::Set(d32, 0x7C00u)),
                       hn::Add(normal, rebias), normal);
    // (1 + f) * 2^-14 - 2^-14 = f * 2^-14, exact.
    const VF least = hn::Set(d, 0x1p-14f);
    const VF subnormal = hn::Sub(
        hn::BitCast(d, hn::Add(shifted, hn::BitCast(d32, least))), least);
    const auto size =
        hn::IfThenElse(hn::Eq(exponent, hn::Zero(d32)),
                       hn::BitCast(d32, subnormal), finite_or_not);
    const auto sign = hn::ShiftLeft<16>(hn::And(half, hn::Set(d32, 0x8000u)));
    return hn::BitCast(d, hn::Or(size, sign));
  }
};

// The slow way, for a block that holds NaN or +inf. Returns the first such
// index of the block.
inline uint32_t BanBad(float* l, uint32_t* bad_count) {
  uint32_t first = kNone;
  for (uint32_t i = 0; i < kBlockSize; ++i) {
    if (l[i] < kPlusInf) continue;
    if (first == kNone) first = i;
    l[i] = kMinusInf;
    ++*bad_count;
  }
  return first;
}

// One whole block from `source`. False if a value is NaN or +inf.
template <class Widen>
HWY_INLINE bool LoadBlock(const typename Widen::Stored* source, float* l,
                          float* block_max) {
  const DF d;
  const size_t step = hn::Lanes(d);
  const VF inf = hn::Set(d, kPlusInf);
  HWY_ALIGN float lanes[kLanes];
  auto fine = hn::Eq(inf, inf);
  for (size_t j = 0; j < kLanes; j += step) {
    VF max = hn::Set(d, kMinusInf);
    for (size_t i = j; i < kBlockSize; i += kLanes) {
      const VF x = hn::Add(Widen()(d, source + i), hn::Zero(d));  // -0 to +0
      fine = hn::And(fine, hn::Lt(x, inf));
      max = hn::Max(max, x);
      hn::Store(x, d, l + i);
    }
    hn::Store(max, d, lanes + j);
  }
  float max = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) max = lanes[i] > max ? lanes[i] : max;
  *block_max = max;
  return hn::AllTrue(d, fine);
}

template <class Widen>
HWY_INLINE uint32_t LoadRow(const void* source, uint32_t count, bool ban_bad,
                            const RowView& row, uint32_t* bad_count) {
  using Stored = typename Widen::Stored;
  const char* bytes = static_cast<const char*>(source);
  const bool aligned =
      reinterpret_cast<uintptr_t>(source) % sizeof(Stored) == 0;
  // The last block, and rows at odd addresses, go through a copy.
  HWY_ALIGN Stored copy[kBlockSize];
  *bad_count = 0;
  uint32_t first_bad = kNone;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    const uint32_t base = b * kBlockSize;
    const uint32_t have = count - base < kBlockSize ? count - base : kBlockSize;
    const void* at = bytes + size_t{base} * sizeof(Stored);
    const Stored* block = static_cast<const Stored*>(at);
    if (have < kBlockSize || !aligned) {
      for (Stored& x : copy) x = Stored{};
      __builtin_memcpy(copy, at, have * sizeof(Stored));
      block = copy;
    }
    float* l = row.l + base;
    const bool fine = LoadBlock<Widen>(block, l, row.block_max + b);
    for (uint32_t i = have; i < kBlockSize; ++i) l[i] = kMinusInf;
    if (!fine) {
      const uint32_t bad = BanBad(l, bad_count);
      if (first_bad == kNone) first_bad = base + bad;
      if (!ban_bad) return first_bad;
    }
    if (!fine || have < kBlockSize) row.block_max[b] = BlockMax(l);
  }
  return first_bad;
}

uint32_t LoadF32(const void* source, uint32_t count, bool ban_bad,
                 const RowView& row, uint32_t* bad_count) {
  return LoadRow<FromF32>(source, count, ban_bad, row, bad_count);
}

uint32_t LoadBf16(const void* source, uint32_t count, bool ban_bad,
                  const RowView& row, uint32_t* bad_count) {
  return LoadRow<FromBf16>(source, count, ban_bad, row, bad_count);
}

uint32_t LoadF16(const void* source, uint32_t count, bool ban_bad,
                 const RowView& row, uint32_t* bad_count) {
  return LoadRow<FromF16>(source, count, ban_bad, row, bad_count);
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
