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

// kIsCheap: widened anew whenever it is read.
struct FromF32 {
  using Value = float;
  static constexpr bool kIsCheap = true;
  HWY_INLINE VF operator()(DF d, const float* source) const {
    return hn::LoadU(d, source);
  }
};

// A bfloat16 is the upper half of a float.
struct FromBf16 {
  using Value = uint16_t;
  static constexpr bool kIsCheap = true;
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
  using Value = uint16_t;
  static constexpr bool kIsCheap = false;
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

// How many values ahead of those read are asked for.
inline constexpr size_t kAhead = 384;

// What a block holds.
enum class Holds { kFinite, kBanned, kBad };  // -inf; NaN or +inf

// One whole block from `source`; keep(i, x) is told of each register. Nothing
// but finite numbers times 0 adds up to 0: one instruction for each register
// where comparisons take three.
template <class Widen, class Keep>
HWY_INLINE Holds ReadBlock(const typename Widen::Value* source,
                           float* block_max, const Keep& keep) {
  const DF d;
  const size_t step = hn::Lanes(d);
  const VF zero = hn::Zero(d);
  VF max = hn::Set(d, kMinusInf), other_max = max;
  VF nothing = zero, other_nothing = zero;
  for (size_t i = 0; i < kBlockSize; i += 2 * step) {
    __builtin_prefetch(source + kAhead + i);
    const VF x = Widen()(d, source + i), y = Widen()(d, source + i + step);
    nothing = hn::MulAdd(x, zero, nothing);
    other_nothing = hn::MulAdd(y, zero, other_nothing);
    max = hn::Max(max, x);
    other_max = hn::Max(other_max, y);
    keep(i, x);
    keep(i + step, y);
  }
  max = hn::Max(max, other_max);
  nothing = hn::Add(nothing, other_nothing);
  *block_max = LargestLane(max) + 0.0f;  // -0 to +0
  if (HWY_LIKELY(hn::AllTrue(d, hn::Eq(nothing, zero)))) return Holds::kFinite;
  for (size_t i = 0; i < kBlockSize; i += step) {
    const VF x = Widen()(d, source + i);
    if (!hn::AllTrue(d, hn::Lt(x, hn::Set(d, kPlusInf)))) return Holds::kBad;
  }
  return Holds::kBanned;
}

template <class Widen>
HWY_INLINE Holds LoadBlock(const typename Widen::Value* source, float* l,
                           float* block_max) {
  const DF d;
  return ReadBlock<Widen>(source, block_max, [&](size_t i, VF x) HWY_ATTR {
    hn::Store(hn::Add(x, hn::Zero(d)), d, l + i);  // -0 to +0
  });
}

// Loads blocks of a row whole, and keeps count of what may not be in it.
template <class Widen>
struct Loader {
  using Value = typename Widen::Value;

  const void* source;
  uint32_t count;
  bool ban_bad;
  const RowView& row;
  uint32_t* bad_count;
  uint32_t first_bad = kNone;

  const Value* At(uint32_t b) const {
    return static_cast<const Value*>(source) + size_t{b} * kBlockSize;
  }

  // False: what the block holds ends the step.
  bool Load(uint32_t b) {
    const uint32_t base = b * kBlockSize;
    const uint32_t have = count - base < kBlockSize ? count - base : kBlockSize;
    const char* at =
        static_cast<const char*>(source) + size_t{base} * sizeof(Value);
    float* l = row.l + base;
    // The last block, and rows at odd addresses, go through a copy.
    HWY_ALIGN Value copy[kBlockSize];
    const Value* block = copy;
    if (have < kBlockSize ||
        reinterpret_cast<uintptr_t>(at) % sizeof(Value) != 0) {
      for (Value& x : copy) x = Value{};
      __builtin_memcpy(copy, at, have * sizeof(Value));
    } else {
      block = At(b);
    }
    const bool fine =
        LoadBlock<Widen>(block, l, row.block_max + b) != Holds::kBad;
    for (uint32_t i = have; i < kBlockSize; ++i) l[i] = kMinusInf;
    if (!fine) {
      const uint32_t bad = BanBad(l, bad_count);
      if (first_bad == kNone) first_bad = base + bad;
      if (!ban_bad) return false;
    }
    if (!fine || have < kBlockSize) row.block_max[b] = BlockMax(l);
    return true;
  }
};

template <class Widen>
HWY_INLINE uint32_t LoadRow(const void* source, uint32_t count, bool ban_bad,
                            const RowView& row, uint32_t* bad_count) {
  *bad_count = 0;
  Loader<Widen> loader = {source, count, ban_bad, row, bad_count};
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (!loader.Load(b)) break;
  }
  return loader.first_bad;
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
