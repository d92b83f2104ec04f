// The building stones of the vector loops: 16 virtual lanes, block sums in one
// fixed order, fused multiply-add and exp_f. Included once per instruction set.
//
// Element i of a block belongs to lane i % 16 whatever the register width, so
// every target adds the same numbers in the same order.
#if defined(LOGITD_SAMPLER_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_LANES_INL_H_
#undef LOGITD_SAMPLER_KERNELS_LANES_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_LANES_INL_H_
#endif

#include <hwy/highway.h>

// Before a loop that is long enough as it stands: unrolled, it would hold more
// values than there are registers.
#if defined(__clang__)
#define LOGITD_KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define LOGITD_KEEP_LOOP _Pragma("GCC unroll 1")
#endif

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes; 1, 4, 8 or 16 of them.
using DF = hn::CappedTag<float, kLanes>;
using DI = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;

inline constexpr float kMinusInf = -__builtin_huge_valf();
inline constexpr float kPlusInf = __builtin_huge_valf();
inline constexpr float kLargest = 0x1.fffffep+127f;

// a * b + c with one rounding, on targets that have no such instruction too.
HWY_INLINE VF Fma(DF d, VF a, VF b, VF c) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  HWY_ALIGN float x[kLanes], y[kLanes], z[kLanes];
  hn::Store(a, d, x);
  hn::Store(b, d, y);
  hn::Store(c, d, z);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    x[i] = __builtin_fmaf(x[i], y[i], z[i]);
  }
  return hn::Load(d, x);
#else
  (void)d;
  return hn::MulAdd(a, b, c);
#endif
}

// exp_f of logitd/1 for d in [-87, 0], anything elsewhere. Its error:
// sampler/README.md.
HWY_INLINE VF ExpWithin(DF d, VF x) {
  const DI di;
  const VF magic = hn::Set(d, 12582912.0f);
  const VF log2_e = hn::Set(d, 0x1.715476p+0f);
  // Its lowest bits are the whole number n.
  const VF shifted = Fma(d, x, log2_e, magic);
  const VF f = Fma(d, x, log2_e, hn::Sub(magic, shifted));
  // Three short chains in place of a long one.
  const VF square = hn::Mul(f, f);
  const VF low = Fma(d, f, hn::Set(d, 0x1.62e42cp-1f), hn::Set(d, 1.0f));
  const VF middle =
      Fma(d, f, hn::Set(d, 0x1.c6b642p-5f), hn::Set(d, 0x1.ebf9c2p-3f));
  const VF high =
      Fma(d, f, hn::Set(d, 0x1.5bce7ap-10f), hn::Set(d, 0x1.3ce712p-7f));
  const VF p = Fma(d, Fma(d, high, square, middle), square, low);
  const auto bits =
      hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  return hn::BitCast(d, bits);
}

// exp_f for d in [-87, 0], +0 below.
HWY_INLINE VF ExpF(DF d, VF x) {
  return hn::IfThenElseZero(hn::Ge(x, hn::Set(d, kLeastD)), ExpWithin(d, x));
}

// d without a curve.
struct PlainD {
  static constexpr bool kCurved = false;
  Scale scale;
  HWY_INLINE VF operator()(DF d, VF l) const {
    return hn::Mul(hn::Sub(l, hn::Set(d, scale.m)),
                   hn::Set(d, scale.inverse_temperature));
  }
};

// d on a curve.
struct CurvedD {
  static constexpr bool kCurved = true;
  Scale scale;
  HWY_INLINE VF operator()(DF d, VF l) const {
    const VF x = hn::Max(PlainD{scale}(d, l), hn::Set(d, kCurveFloor));
    const VF bend =
        hn::Sub(hn::Mul(hn::Set(d, scale.cube), x), hn::Set(d, scale.square));
    return hn::Mul(hn::Mul(x, x), bend);
  }
};

// Calls function(d_of) with the map that fits the scale.
template <class Function>
HWY_INLINE auto WithD(Scale scale, const Function& function) {
  if (scale.curved()) return function(CurvedD{scale});
  return function(PlainD{scale});
}

// Folds 16 lanes: 8, 4, 2, 1.
HWY_INLINE float FoldLanes(float* HWY_RESTRICT lanes) {
  for (size_t half = kLanes / 2; half != 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] = lanes[i] + lanes[i + half];
  }
  return lanes[0];
}

#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
// The sum of a block: term(i) gives the terms of ids i.. (one register) of it.
template <class Term>
HWY_INLINE float BlockSum(const Term& term) {
  const DF d;
  HWY_ALIGN float lanes[kLanes];
  const size_t step = hn::Lanes(d);
  for (size_t j = 0; j < kLanes; j += step) {
    VF sum = hn::Zero(d);
    for (size_t i = j; i < kBlockSize; i += kLanes) {
      sum = hn::Add(sum, term(i));
    }
    hn::Store(sum, d, lanes + j);
  }
  return FoldLanes(lanes);
}
#else
// That hold the lanes of a block's sum.
inline constexpr size_t kRegisters = kLanes / hn::MaxLanes(DF());

// The lanes of one register: its halves, until one is left.
template <class D>
HWY_INLINE float FoldRegister(D, hn::Vec<D> lanes) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(lanes);
  } else {
    const hn::Half<D> half;
    return FoldRegister(
        half, hn::Add(hn::LowerHalf(half, lanes), hn::UpperHalf(half, lanes)));
  }
}

// The sum of a block, of which terms(i, out) gives N registers at once: those
// of ids i..
template <size_t N, class Terms>
HWY_INLINE float BlockSumOf(const Terms& terms) {
  const DF d;
  constexpr size_t kStep = hn::MaxLanes(DF());
  VF sums[kRegisters];
  for (VF& sum : sums) sum = hn::Zero(d);
  LOGITD_KEEP_LOOP
  for (size_t i = 0; i < kBlockSize; i += N * kStep) {
    VF out[N];
    terms(i, out);
    for (size_t k = 0; k < N; ++k) {
      VF& sum = sums[k % kRegisters];
      sum = hn::Add(sum, out[k]);
    }
  }
  for (size_t half = kRegisters / 2; half != 0; half /= 2) {
    for (size_t r = 0; r < half; ++r) {
      sums[r] = hn::Add(sums[r], sums[r + half]);
    }
  }
  return FoldRegister(d, sums[0]);
}

// The same with term(i) for one register.
template <class Term>
HWY_INLINE float BlockSum(const Term& term) {
  return BlockSumOf<kRegisters>([&](size_t i, VF(&out)[kRegisters]) HWY_ATTR {
    for (size_t k = 0; k < kRegisters; ++k) {
      out[k] = term(i + k * hn::MaxLanes(DF()));
    }
  });
}
#endif

// The largest lane. Highway's own takes no lane of its emulated target to be
// less than the least finite number.
HWY_INLINE float LargestLane(VF lanes) {
  const DF d;
#if HWY_TARGET == HWY_EMU128
  HWY_ALIGN float each[kLanes];
  hn::Store(lanes, d, each);
  float max = each[0];
  for (size_t i = 1; i < hn::Lanes(d); ++i) max = each[i] > max ? each[i] : max;
  return max;
#else
  return hn::GetLane(hn::MaxOfLanes(d, lanes));
#endif
}

// The largest of a block of l.
HWY_INLINE float BlockMax(const float* HWY_RESTRICT l) {
  const DF d;
  VF max = hn::Load(d, l);
  for (size_t i = hn::Lanes(d); i < kBlockSize; i += hn::Lanes(d)) {
    max = hn::Max(max, hn::Load(d, l + i));
  }
  return LargestLane(max);
}

// Adds block sums in double: accumulator b % 8, then 4, 2, 1.
class BlockAccumulator {
 public:
  HWY_INLINE void Add(uint32_t block, float sum) {
    sums_[block % 8] += static_cast<double>(sum);
  }
  HWY_INLINE double Total() const {
    const double a = sums_[0] + sums_[4], b = sums_[1] + sums_[5];
    const double c = sums_[2] + sums_[6], e = sums_[3] + sums_[7];
    return (a + c) + (b + e);
  }

 private:
  double sums_[8] = {0, 0, 0, 0, 0, 0, 0, 0};
};

// Members of a cut in a block that lies on one side of the cut's id: all of at
// least the pivot.
struct PlainMember {
  float pivot;
  HWY_INLINE auto operator()(DF d, VF l, size_t) const
      -> decltype(hn::Ge(l, l)) {
    return hn::Ge(l, hn::Set(d, pivot));
  }
};

// Members in the one block that holds the cut's id, at offset `last`.
struct SplitMember {
  float value;
  int32_t last;
  HWY_INLINE auto operator()(DF d, VF l, size_t i) const
      -> decltype(hn::Ge(l, l)) {
    const DI di;
    const auto after = hn::RebindMask(
        d, hn::Gt(hn::Iota(di, static_cast<int32_t>(i)), hn::Set(di, last)));
    const VF pivot = hn::Set(d, value);
    return hn::Or(hn::Gt(l, pivot), hn::AndNot(after, hn::Eq(l, pivot)));
  }
};

// The float after `value`, which is finite and not -0.
HWY_INLINE float NextFloat(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  bits += value >= 0.0f ? 1u : 0xFFFFFFFFu;
  __builtin_memcpy(&value, &bits, sizeof(bits));
  return value;
}

// Floats as whole numbers in the same order, -0 at 0.
HWY_INLINE int64_t OrderOf(float value) {
  int32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  return bits >= 0 ? bits : -int64_t{bits & 0x7FFFFFFF};
}
HWY_INLINE float FloatOf(int64_t order) {
  const auto size = static_cast<int32_t>(__builtin_llabs(order));
  float value;
  __builtin_memcpy(&value, &size, sizeof(value));
  return order < 0 ? -value : value;
}

// Calls function(member) with the member test that fits block b. Only one
// block of a row pays for comparing ids.
template <class Function>
HWY_INLINE auto WithCut(Cut cut, uint32_t b, const Function& function) {
  const uint32_t base = b * kBlockSize;
  if (cut.id >= base + (kBlockSize - 1)) {
    return function(PlainMember{cut.value});
  }
  if (cut.id < base) return function(PlainMember{NextFloat(cut.value)});
  return function(SplitMember{cut.value, static_cast<int32_t>(cut.id - base)});
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
