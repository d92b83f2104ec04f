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
  using Value = float;
  HWY_INLINE VF operator()(DF d, const float* source) const {
    return hn::LoadU(d, source);
  }
};

// A bfloat16 is the upper half of a float.
struct FromBf16 {
  using Value = uint16_t;
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

// Whether rows are copied whole, or looked at.
enum class Copies { kAll, kWhatMust };

template <class Widen, Copies kCopies>
HWY_INLINE uint32_t LoadRow(const void* source, uint32_t count, bool ban_bad,
                            const RowView& row, uint32_t* bad_count) {
  using Value = typename Widen::Value;
  const char* bytes = static_cast<const char*>(source);
  const bool aligned = reinterpret_cast<uintptr_t>(source) % sizeof(Value) == 0;
  // The last block, and rows at odd addresses, go through a copy.
  HWY_ALIGN Value copy[kBlockSize];
  *bad_count = 0;
  uint32_t first_bad = kNone;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    const uint32_t base = b * kBlockSize;
    const uint32_t have = count - base < kBlockSize ? count - base : kBlockSize;
    const void* at = bytes + size_t{base} * sizeof(Value);
    const Value* block = static_cast<const Value*>(at);
    if (have < kBlockSize || !aligned) {
      for (Value& x : copy) x = Value{};
      __builtin_memcpy(copy, at, have * sizeof(Value));
      block = copy;
    } else if (kCopies == Copies::kWhatMust) {
      const auto keep = [](size_t, VF) HWY_ATTR {};
      const Holds holds = ReadBlock<Widen>(block, row.block_max + b, keep);
      row.lazy->has[b] = holds == Holds::kFinite ? kAllAreFinite : 0;
      if (holds != Holds::kBad) continue;
    }
    if (kCopies == Copies::kWhatMust) row.lazy->has[b] = kHasLogits;
    float* l = row.l + base;
    const bool fine =
        LoadBlock<Widen>(block, l, row.block_max + b) != Holds::kBad;
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
  return LoadRow<FromF32, Copies::kAll>(source, count, ban_bad, row, bad_count);
}

uint32_t LoadBf16(const void* source, uint32_t count, bool ban_bad,
                  const RowView& row, uint32_t* bad_count) {
  return LoadRow<FromBf16, Copies::kAll>(source, count, ban_bad, row,
                                         bad_count);
}

uint32_t LoadF16(const void* source, uint32_t count, bool ban_bad,
                 const RowView& row, uint32_t* bad_count) {
  return LoadRow<FromF16, Copies::kAll>(source, count, ban_bad, row, bad_count);
}

// Calls function(widen) with what widens the values of a lazy row.
template <class Function>
HWY_INLINE auto WithWiden(const LazyRow& lazy, const Function& function) {
  switch (lazy.stored) {
    case Stored::kBfloat16:
      return function(FromBf16());
    case Stored::kFloat16:
      return function(FromF16());
    default:
      return function(FromF32());
  }
}

uint32_t Screen(const RowView& row, bool ban_bad, uint32_t* bad_count) {
  const LazyRow& lazy = *row.lazy;
  return WithWiden(lazy, [&](auto widen) HWY_ATTR {
    return LoadRow<decltype(widen), Copies::kWhatMust>(lazy.source, lazy.count,
                                                       ban_bad, row, bad_count);
  });
}

// What a block of l must be of which `most` was said to be the largest.
inline void Confine(float* l, float most) {
  bool reaches = false;
  for (uint32_t i = 0; i < kBlockSize; ++i) {
    if (!(l[i] <= most)) l[i] = most;
    reaches |= l[i] == most;
  }
  if (!reaches) l[0] = most;
}

void MakeLogits(const RowView& row, uint32_t b) {
  LazyRow& lazy = *row.lazy;
  const uint32_t block = row.first_block + b;
  lazy.has[block] |= kHasLogits;
  float* l = row.l + size_t{b} * kBlockSize;
  WithWiden(lazy, [&](auto widen) HWY_ATTR {
    using Value = typename decltype(widen)::Value;
    const Value* at =
        static_cast<const Value*>(lazy.source) + size_t{block} * kBlockSize;
    float max;
    const bool fine = LoadBlock<decltype(widen)>(at, l, &max) != Holds::kBad;
    if (fine && max == row.block_max[b]) return;
    Confine(l, row.block_max[b]);
    lazy.has[block] &= static_cast<uint8_t>(~kAllAreFinite);
    lazy.changed = true;
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
