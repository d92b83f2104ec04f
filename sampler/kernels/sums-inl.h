// Sums over a row, in the one order of mass(), and the rewriting of rows by d.
// Contracts: kernels.h. Arithmetic: lanes-inl.h.
#if defined(LOGITD_SAMPLER_KERNELS_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_SUMS_INL_H_
#undef LOGITD_SAMPLER_KERNELS_SUMS_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_SUMS_INL_H_
#endif

#include "sampler/kernels/lanes-inl.h"
#include "sampler/kernels/rows-inl.h"
#include "sampler/kernels/weights-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

// Sum over the active blocks of term(l, w), one register of terms.
template <class Term>
HWY_INLINE double SumActive(const RowView& row, const Term& term) {
  BlockAccumulator total;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    const float* HWY_RESTRICT w = WeightsOf(row, b);
    const float* HWY_RESTRICT l = LogitsOf(row, b);
    total.Add(b, BlockSum([&](size_t i) HWY_ATTR {
                return term(hn::Load(DF(), l + i), hn::Load(DF(), w + i));
              }));
  }
  return total.Total();
}

double WeightedSum(const RowView& row, Scale scale) {
  const DF d;
  return WithD(scale, [&](const auto& d_of) HWY_ATTR {
    return SumActive(row, [&](VF l, VF w) HWY_ATTR {
      const VF x = d_of(d, l);
      // -inf * 0 is NaN: only members count.
      return hn::IfThenElseZero(hn::Gt(w, hn::Zero(d)), hn::Mul(w, x));
    });
  });
}

double SquaresOfWeights(const RowView& row) {
  return SumActive(row, [&](VF, VF w) HWY_ATTR { return hn::Mul(w, w); });
}

// A block's terms w * (log_mass - d); their sum.
template <class DOfLogit>
HWY_INLINE float SurprisalBlock(const float* HWY_RESTRICT l,
                                const float* HWY_RESTRICT w,
                                const DOfLogit& d_of, VF log_mass,
                                float* HWY_RESTRICT terms) {
  const DF d;
  return BlockSum([&](size_t i) HWY_ATTR {
    const VF weight = hn::Load(d, w + i);
    const VF x = hn::Sub(log_mass, d_of(d, hn::Load(d, l + i)));
    const VF term =
        hn::IfThenElseZero(hn::Gt(weight, hn::Zero(d)), hn::Mul(weight, x));
    hn::Store(term, d, terms + i);
    return term;
  });
}

double Surprisals(const RowView& row, Scale scale, float log_mass,
                  Listing* listing) {
  const VF log = hn::Set(DF(), log_mass);
  HWY_ALIGN float terms[kBlockSize];
  BlockAccumulator total;
  Lister lister(listing);
  WithD(scale, [&](const auto& d_of) HWY_ATTR {
    for (uint32_t a = 0; a < row.active_count; ++a) {
      const uint32_t b = row.active[a];
      const float* w = WeightsOf(row, b);
      total.Add(b, SurprisalBlock(LogitsOf(row, b), w, d_of, log, terms));
      lister.Add(row, b, terms);
    }
  });
  lister.End();
  return total.Total();
}

double RestrictToSurprisals(const RowView& row, Scale scale, float log_mass,
                            Cut cut, const RowView& terms,
                            uint32_t* active_count, uint64_t* count) {
  const VF log = hn::Set(DF(), log_mass);
  return WithD(scale, [&](const auto& d_of) HWY_ATTR {
    return Restrict(row, cut, active_count, count, [&](uint32_t b) HWY_ATTR {
      const size_t base = size_t{b} * kBlockSize;
      terms.block_mass[b] =
          SurprisalBlock(row.l + base, row.w + base, d_of, log, terms.w + base);
    });
  });
}

void Subtract(const RowView& row, float inverse_mass, const RowView& rest) {
  const DF d;
  const VF inverse = hn::Set(d, inverse_mass);
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    const float* HWY_RESTRICT w = WeightsOf(row, b);
    float* HWY_RESTRICT r = rest.w + size_t{b} * kBlockSize;
    rest.block_mass[b] = BlockSum([&](size_t i) HWY_ATTR {
      const VF share = hn::Mul(hn::Load(d, w + i), inverse);
      const VF left = hn::Max(hn::Sub(share, hn::Load(d, r + i)), hn::Zero(d));
      hn::Store(left, d, r + i);
      return left;
    });
  }
}

// Sum over the members of a cut of term(d).
template <class Term>
HWY_INLINE double SumCut(const RowView& row, Scale scale, Cut cut,
                         const Term& term) {
  const DF d;
  BlockAccumulator total;
  for (const uint32_t b : BlocksFrom(row, cut.value)) {
    const float* HWY_RESTRICT l = LogitsOf(row, b);
    const float sum = WithD(scale, [&](const auto& d_of) HWY_ATTR {
      return WithCut(cut, b, [&](const auto& member) HWY_ATTR {
        return BlockSum([&](size_t i) HWY_ATTR {
          const VF v = hn::Load(d, l + i);
          return hn::IfThenElseZero(member(d, v, i), term(d_of(d, v)));
        });
      });
    });
    total.Add(b, sum);
  }
  return total.Total();
}

double SumOfD(const RowView& row, Scale scale, Cut cut) {
  return SumCut(row, scale, cut, [](VF x) HWY_ATTR { return x; });
}

double SquaresAround(const RowView& row, Scale scale, Cut cut, float center) {
  const DF d;
  const VF c = hn::Set(d, center);
  return SumCut(row, scale, cut, [&](VF x) HWY_ATTR {
    const VF off = hn::Sub(x, c);
    return hn::Mul(off, off);
  });
}

// target.l of every id: value(l) for the cut's members, -inf for others; its
// block_max. target may be the row itself.
template <class Value>
HWY_INLINE void MapCut(const RowView& row, Cut cut, const RowView& target,
                       const Value& value) {
  const DF d;
  const VF banned = hn::Set(d, kMinusInf);
  const size_t step = hn::Lanes(d);
  for (uint32_t b = 0; b < row.block_count; ++b) {
    const float* l = LogitsOf(row, b);
    float* to = target.l + size_t{b} * kBlockSize;
    if (!(row.block_max[b] >= cut.value)) {
      for (size_t i = 0; i < kBlockSize; i += step)
        hn::Store(banned, d, to + i);
    } else {
      WithCut(cut, b, [&](const auto& member) HWY_ATTR {
        for (size_t i = 0; i < kBlockSize; i += step) {
          const VF v = hn::Load(d, l + i);
          hn::Store(hn::IfThenElse(member(d, v, i), value(v), banned), d,
                    to + i);
        }
      });
    }
    target.block_max[b] = BlockMax(to);
  }
}

void Distances(const RowView& row, Scale scale, Cut cut, float center,
               const RowView& keys) {
  const DF d;
  const VF c = hn::Set(d, center);
  WithD(scale, [&](const auto& d_of) HWY_ATTR {
    MapCut(row, cut, keys, [&](VF l) HWY_ATTR {
      // Never -0: keys are compared as logits are.
      return hn::Sub(hn::Zero(d), hn::Abs(hn::Sub(d_of(d, l), c)));
    });
  });
}

void KeepByKeys(const RowView& row, const RowView& keys, Cut cut) {
  const DF d;
  const VF banned = hn::Set(d, kMinusInf);
  const size_t step = hn::Lanes(d);
  for (uint32_t b = 0; b < row.block_count; ++b) {
    const float* key = keys.l + size_t{b} * kBlockSize;
    float* l = LogitsOf(row, b);
    WithCut(cut, b, [&](const auto& member) HWY_ATTR {
      for (size_t i = 0; i < kBlockSize; i += step) {
        const auto kept = member(d, hn::Load(d, key + i), i);
        hn::Store(hn::IfThenElse(kept, hn::Load(d, l + i), banned), d, l + i);
      }
    });
    row.block_max[b] = BlockMax(l);
    SetBanned(row, b);
  }
}

void BanCut(const RowView& row, Cut cut) {
  const DF d;
  const VF banned = hn::Set(d, kMinusInf);
  const size_t step = hn::Lanes(d);
  for (const uint32_t b : BlocksFrom(row, cut.value)) {
    float* l = LogitsOf(row, b);
    WithCut(cut, b, [&](const auto& member) HWY_ATTR {
      for (size_t i = 0; i < kBlockSize; i += step) {
        const VF v = hn::Load(d, l + i);
        hn::Store(hn::IfThenElse(member(d, v, i), banned, v), d, l + i);
      }
    });
    row.block_max[b] = BlockMax(l);
    SetBanned(row, b);
  }
}

void Adapt(const RowView& row, Scale scale, Cut cut, Adaptation how) {
  const DF d;
  const VF target = hn::Set(d, how.target);
  const VF inverse_mass = hn::Set(d, how.inverse_mass);
  const VF inverse_width = hn::Set(d, 1.0f / 0.3f);
  const VF one = hn::Set(d, 1.0f), five = hn::Set(d, 5.0f);
  const VF ten = hn::Set(d, 10.0f);
  WithD(scale, [&](const auto& d_of) HWY_ATTR {
    MapCut(row, cut, row, [&](VF l) HWY_ATTR {
      const VF p = hn::Mul(ExpF(d, d_of(d, l)), inverse_mass);
      const VF x = hn::Mul(hn::Abs(hn::Sub(p, target)), inverse_width);
      const VF y = hn::Mul(ten, hn::Mul(x, x));
      return hn::Sub(five, hn::Div(y, hn::Add(one, x)));
    });
  });
}

void ApplyScale(const RowView& row, Scale scale, Cut cut, float base) {
  const DF d;
  const VF from = hn::Set(d, base), most = hn::Set(d, kLargest);
  WithD(scale, [&](const auto& d_of) HWY_ATTR {
    MapCut(row, cut, row, [&](VF l) HWY_ATTR {
      const VF sum = hn::Add(from, d_of(d, l));
      const VF within = hn::Min(hn::Max(sum, hn::Neg(most)), most);
      return hn::Add(within, hn::Zero(d));  // -0 to +0
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
