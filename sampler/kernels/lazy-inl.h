// Lazy rows: the first read, which copies nothing, and blocks that are made
// later. Contracts: kernels.h.
#if defined(LOGITD_SAMPLER_KERNELS_LAZY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_LAZY_INL_H_
#undef LOGITD_SAMPLER_KERNELS_LAZY_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_LAZY_INL_H_
#endif

#include "sampler/kernels/lanes-inl.h"
#include "sampler/kernels/load-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

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

// The largest of each register's place in a block, of which nothing is kept;
// `nothing` and `none` stay 0 while all is finite.
template <class Widen>
HWY_INLINE VF LargestOfBlock(const typename Widen::Value* source, VF& nothing,
                             VF& none) {
  using Value = typename Widen::Value;
  const DF d;
  const size_t step = hn::Lanes(d);
  const VF zero = hn::Zero(d);
  VF max = hn::Set(d, kMinusInf), other_max = max;
  for (size_t i = 0; i < kBlockSize; i += 4 * step) {
    for (size_t line = 0; line < 4 * step; line += 64 / sizeof(Value)) {
      __builtin_prefetch(source + kAhead + i + line);
    }
    const VF x = Widen()(d, source + i);
    const VF y = Widen()(d, source + i + step);
    const VF z = Widen()(d, source + i + 2 * step);
    const VF t = Widen()(d, source + i + 3 * step);
    nothing = hn::MulAdd(x, zero, nothing);
    none = hn::MulAdd(y, zero, none);
    nothing = hn::MulAdd(z, zero, nothing);
    none = hn::MulAdd(t, zero, none);
    max = hn::Max(max, x);
    other_max = hn::Max(other_max, y);
    max = hn::Max(max, z);
    other_max = hn::Max(other_max, t);
  }
  return hn::Max(max, other_max);
}

#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
// The largest lane of each of four registers, -0 as +0.
HWY_INLINE void StoreLargest(VF a, VF b, VF c, VF e, float* out) {
  out[0] = LargestLane(a) + 0.0f;
  out[1] = LargestLane(b) + 0.0f;
  out[2] = LargestLane(c) + 0.0f;
  out[3] = LargestLane(e) + 0.0f;
}
#else
// The larger of a register's halves, until it has four lanes.
template <class D>
HWY_INLINE auto FourLargest(D, hn::Vec<D> lanes) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return lanes;
  } else {
    const hn::Half<D> half;
    return FourLargest(
        half, hn::Max(hn::LowerHalf(half, lanes), hn::UpperHalf(half, lanes)));
  }
}

// The largest lane of each of four registers, -0 as +0: all four at once.
HWY_INLINE void StoreLargest(VF a, VF b, VF c, VF e, float* out) {
  const DF d;
  const hn::RepartitionToWide<hn::RebindToUnsigned<DF> > d64;
  const VF ab =
      hn::Max(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const VF ce =
      hn::Max(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto ab64 = hn::BitCast(d64, ab), ce64 = hn::BitCast(d64, ce);
  const VF abce = hn::Max(hn::BitCast(d, hn::InterleaveLower(d64, ab64, ce64)),
                          hn::BitCast(d, hn::InterleaveUpper(d64, ab64, ce64)));
  const hn::CappedTag<float, 4> d4;
  hn::StoreU(hn::Add(FourLargest(d, abce), hn::Zero(d4)), d4, out);
}
#endif

// How many blocks are screened together.
inline constexpr uint32_t kScreened = 4;

// Whether all of so many blocks is finite; if so, what there is to know of
// them.
template <class Widen>
HWY_INLINE bool ScreenFinite(const Loader<Widen>& loader, uint32_t b) {
  const DF d;
  VF nothing = hn::Zero(d), none = nothing;
  HWY_ALIGN float largest[kScreened * kLanes];
  LOGITD_KEEP_LOOP
  for (uint32_t i = 0; i < kScreened; ++i) {
    hn::Store(LargestOfBlock<Widen>(loader.At(b + i), nothing, none), d,
              largest + i * kLanes);
  }
  if (!hn::AllTrue(d, hn::Eq(hn::Add(nothing, none), hn::Zero(d)))) {
    return false;
  }
  StoreLargest(hn::Load(d, largest), hn::Load(d, largest + kLanes),
               hn::Load(d, largest + 2 * kLanes),
               hn::Load(d, largest + 3 * kLanes), loader.row.block_max + b);
  __builtin_memset(loader.row.lazy->has + b, kAllAreFinite, kScreened);
  return true;
}

// One block, whatever it holds. False as Loader's.
template <class Widen>
HWY_INLINE bool ScreenAny(Loader<Widen>* loader, uint32_t b) {
  const RowView& row = loader->row;
  if (loader->count - b * kBlockSize >= kBlockSize) {
    const auto keep = [](size_t, VF) HWY_ATTR {};
    const Holds holds =
        ReadBlock<Widen>(loader->At(b), row.block_max + b, keep);
    row.lazy->has[b] = holds == Holds::kFinite ? kAllAreFinite : 0;
    if (holds != Holds::kBad) return true;
  }
  row.lazy->has[b] = kHasLogits;
  return loader->Load(b);
}

template <class Widen>
HWY_INLINE uint32_t ScreenRow(const RowView& row, bool ban_bad,
                              uint32_t* bad_count) {
  const LazyRow& lazy = *row.lazy;
  *bad_count = 0;
  Loader<Widen> loader = {lazy.source, lazy.count, ban_bad, row, bad_count};
  const uint32_t whole_blocks = lazy.count / kBlockSize;
  for (uint32_t b = 0; b < row.block_count;) {
    if (b + kScreened <= whole_blocks && ScreenFinite(loader, b)) {
      b += kScreened;
      continue;
    }
    for (uint32_t end = b + kScreened; b < end && b < row.block_count; ++b) {
      if (!ScreenAny(&loader, b)) return loader.first_bad;
    }
  }
  return loader.first_bad;
}

uint32_t Screen(const RowView& row, bool ban_bad, uint32_t* bad_count) {
  return WithWiden(*row.lazy, [&](auto widen) HWY_ATTR {
    return ScreenRow<decltype(widen)>(row, ban_bad, bad_count);
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
