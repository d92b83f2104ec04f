// Weights of a row: made, added up in the one order of mass(), listed and
// restricted. Contracts: kernels.h. Arithmetic: lanes-inl.h.
#if defined(LOGITD_SAMPLER_KERNELS_WEIGHTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_WEIGHTS_INL_H_
#undef LOGITD_SAMPLER_KERNELS_WEIGHTS_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_WEIGHTS_INL_H_
#endif

#include "sampler/kernels/lanes-inl.h"
#include "sampler/kernels/lazy-inl.h"
#include "sampler/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

// The ids of a cut that have weight: without a curve a cut too, so that one
// comparison tells.
HWY_INLINE Cut WithWeight(Scale scale, Cut cut) {
  const auto weighs = [&](float l) { return DOf(scale, l) >= kLeastD; };
  if (scale.curved() || weighs(cut.value)) return cut;
  // Halved among the floats from the cut, without weight, to m, which has some.
  int64_t low = OrderOf(cut.value), high = OrderOf(scale.m);
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (weighs(FloatOf(middle)) ? high : low) = middle;
  }
  return {FloatOf(high), kNone};
}

#if !HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR
// The members' weights of N registers from id i of a block on.
// Where few are members most registers have none.
template <bool kFew, size_t N, class Read, class DOfLogit, class Member>
HWY_INLINE void WeightsOfLanes(const Read& read, const DOfLogit& d_of,
                               const Member& member, size_t i, VF (&w)[N]) {
  const DF d;
  decltype(hn::Eq(w[0], w[0])) in[N];
  for (size_t k = 0; k < N; ++k) {
    const size_t at = i + k * hn::Lanes(d);
    const VF l = read(at);
    in[k] = member(d, l, at);
    w[k] = d_of(d, l);
    if constexpr (DOfLogit::kCurved) {
      in[k] = hn::And(in[k], hn::Ge(w[k], hn::Set(d, kLeastD)));
    }
  }
  if constexpr (kFew) {
    auto any = in[0];
    for (size_t k = 1; k < N; ++k) any = hn::Or(any, in[k]);
    if (hn::AllFalse(d, any)) {
      for (VF& x : w) x = hn::Zero(d);
      return;
    }
  }
  for (size_t k = 0; k < N; ++k) {
    w[k] = hn::IfThenElseZero(in[k], ExpWithin(d, w[k]));
  }
}
#endif

// The sum of the weights of a block's members; told(i, w) hears of each
// register.
template <bool kFew, class Read, class DOfLogit, class Told>
HWY_INLINE float SumBlock(const Read& read, const DOfLogit& d_of, Cut within,
                          uint32_t b, const Told& told) {
  return WithCut(within, b, [&](const auto& member) HWY_ATTR {
#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
    return BlockSum([&](size_t i) HWY_ATTR {
      const DF d;
      const VF l = read(i);
      const VF x = d_of(d, l);
      auto in = member(d, l, i);
      if constexpr (DOfLogit::kCurved) {
        in = hn::And(in, hn::Ge(x, hn::Set(d, kLeastD)));
      }
      const VF w = hn::IfThenElseZero(in, ExpWithin(d, x));
      told(i, w);
      return w;
    });
#else
    constexpr size_t kAtOnce = HWY_MAX(kRegisters, 2);
    return BlockSumOf<kAtOnce>([&](size_t i, VF (&w)[kAtOnce]) HWY_ATTR {
      WeightsOfLanes<kFew>(read, d_of, member, i, w);
      for (size_t k = 0; k < kAtOnce; ++k) {
        told(i + k * hn::MaxLanes(DF()), w[k]);
      }
    });
#endif
  });
}

// w of one block from its l; their sum.
template <bool kFew, class DOfLogit>
HWY_INLINE float WeighBlock(const RowView& row, const DOfLogit& d_of,
                            Cut within, uint32_t b) {
  const DF d;
  const float* HWY_RESTRICT l = LogitsOf(row, b);
  float* HWY_RESTRICT w = row.w + size_t{b} * kBlockSize;
  const auto read = [&](size_t i) HWY_ATTR { return hn::Load(d, l + i); };
  const auto store = [&](size_t i, VF x) HWY_ATTR { hn::Store(x, d, w + i); };
  return SumBlock<kFew>(read, d_of, within, b, store);
}

void MakeWeights(const RowView& row, uint32_t b) {
  LazyRow& lazy = *row.lazy;
  lazy.has[row.first_block + b] |= kHasWeights;
  WithD(lazy.scale, [&](const auto& d_of) HWY_ATTR {
    return WeighBlock<false>(row, d_of, lazy.within, b);
  });
}

// Lists the blocks that can hold weight, all of mass +0 so far. Returns how
// many.
HWY_INLINE uint32_t ListActive(const RowView& row, Scale scale, Cut within) {
  __builtin_memset(row.block_mass, 0, row.block_count * sizeof(float));
  uint32_t active = 0;
  for (const uint32_t b : BlocksFrom(row, within.value)) {
    if (scale.curved() && !(DOf(scale, row.block_max[b]) >= kLeastD)) continue;
    row.active[active++] = b;
  }
  return active;
}

// Makes block_mass of the active blocks, of which sum(b) gives one. Returns
// their mass.
template <class Sum>
HWY_INLINE double SumActive(const RowView& row, uint32_t active,
                            const Sum& sum) {
  BlockAccumulator total;
  for (uint32_t a = 0; a < active; ++a) {
    const uint32_t b = row.active[a];
    const float mass = sum(b);
    row.block_mass[b] = mass;
    total.Add(b, mass);
  }
  return total.Total();
}

// Remembers what the weights are that are made later.
HWY_INLINE void SetWeights(const RowView& row, Scale scale, Cut within) {
  if (row.lazy == nullptr) return;
  row.lazy->scale = scale;
  row.lazy->within = within;
}

double Weigh(const RowView& row, Scale scale, Cut cut, uint32_t* active_count) {
  const Cut within = WithWeight(scale, cut);
  SetWeights(row, scale, within);
  *active_count = ListActive(row, scale, within);
  const bool few = !IsWhole(cut);
  return WithD(scale, [&](const auto& d_of) HWY_ATTR {
    return SumActive(row, *active_count, [&](uint32_t b) HWY_ATTR {
      const float mass = few ? WeighBlock<true>(row, d_of, within, b)
                             : WeighBlock<false>(row, d_of, within, b);
      if (row.lazy != nullptr) row.lazy->has[b] |= kHasWeights;
      return mass;
    });
  });
}

double SpreadOfBlocks(const RowView& row, Scale scale) {
  const DF d;
  double sum = 0, squares = 0;
  for (uint32_t b = 0; b < row.block_count; b += kBlockSize) {
    const float* HWY_RESTRICT max = row.block_max + b;
    const float* HWY_RESTRICT at = max;
    WithD(scale, [&](const auto& d_of) HWY_ATTR {
      sum += static_cast<double>(BlockSum([&](size_t i) HWY_ATTR {
        return ExpF(d, d_of(d, hn::Load(d, at + i)));
      }));
      squares += static_cast<double>(BlockSum([&](size_t i) HWY_ATTR {
        const VF e = ExpF(d, d_of(d, hn::Load(d, at + i)));
        return hn::Mul(e, e);
      }));
    });
  }
  return sum * sum / squares;
}

// Calls function(read) with what reads the logits of block b of a lazy row, one
// register at a time: from where they are, unless they were made or are dear to
// widen.
template <class Widen, class Function>
HWY_INLINE auto WithLogits(const RowView& row, uint32_t b,
                           const Function& function) {
  const DF d;
  if constexpr (Widen::kIsCheap) {
    const LazyRow& lazy = *row.lazy;
    if ((lazy.has[b] & kHasLogits) == 0) {
      const auto* at = static_cast<const typename Widen::Value*>(lazy.source) +
                       size_t{b} * kBlockSize;
      // What is above the maximum is taken for it: nobody may change a row so
      // that its weights are infinite.
      const VF max = hn::Set(d, row.block_max[b]);
      return function(
          [&](size_t i) HWY_ATTR { return hn::Min(Widen()(d, at + i), max); });
    }
  }
  const float* HWY_RESTRICT l = LogitsOf(row, b);
  return function([&](size_t i) HWY_ATTR { return hn::Load(d, l + i); });
}

double SumWeights(const RowView& row, Scale scale, Cut cut,
                  uint32_t* active_count, uint64_t* count) {
  if (count != nullptr) *count = CountCut(row, cut);
  const Cut within = WithWeight(scale, cut);
  SetWeights(row, scale, within);
  const uint32_t active = *active_count = ListActive(row, scale, within);
  if (row.lazy == nullptr) {
    return WithD(scale, [&](const auto& d_of) HWY_ATTR {
      return SumActive(row, active, [&](uint32_t b) HWY_ATTR {
        return WeighBlock<false>(row, d_of, within, b);
      });
    });
  }
  const bool few = !IsWhole(cut);
  const auto nobody = [](size_t, VF) HWY_ATTR {};
  const double mass = WithWiden(*row.lazy, [&](auto widen) HWY_ATTR {
    return WithD(scale, [&](const auto& d_of) HWY_ATTR {
      return SumActive(row, active, [&](uint32_t b) HWY_ATTR {
        row.lazy->has[b] &= static_cast<uint8_t>(~kHasWeights);
        return WithLogits<decltype(widen)>(
            row, b, [&](const auto& read) HWY_ATTR {
              return few ? SumBlock<true>(read, d_of, within, b, nobody)
                         : SumBlock<false>(read, d_of, within, b, nobody);
            });
      });
    });
  });
  // Some processors' minimum of NaN is NaN.
  if (!(mass >= 0)) row.lazy->changed = true;
  return mass;
}

// The four sums of one block for MassGe, in the order of BlockSum.
HWY_INLINE void BlockSumsGe(const float* HWY_RESTRICT l,
                            const float* HWY_RESTRICT w, const float* pivots,
                            float* sums) {
  static_assert(kPivots == 4, "one accumulator each");
  const DF d;
  const size_t step = hn::Lanes(d);
  const VF p0 = hn::Set(d, pivots[0]), p1 = hn::Set(d, pivots[1]);
  const VF p2 = hn::Set(d, pivots[2]), p3 = hn::Set(d, pivots[3]);
  HWY_ALIGN float lanes[kPivots][kLanes];
  for (size_t j = 0; j < kLanes; j += step) {
    VF s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (size_t i = j; i < kBlockSize; i += kLanes) {
      const VF v = hn::Load(d, l + i);
      const VF e = hn::Load(d, w + i);
      s0 = hn::Add(s0, hn::IfThenElseZero(hn::Ge(v, p0), e));
      s1 = hn::Add(s1, hn::IfThenElseZero(hn::Ge(v, p1), e));
      s2 = hn::Add(s2, hn::IfThenElseZero(hn::Ge(v, p2), e));
      s3 = hn::Add(s3, hn::IfThenElseZero(hn::Ge(v, p3), e));
    }
    hn::Store(s0, d, lanes[0] + j);
    hn::Store(s1, d, lanes[1] + j);
    hn::Store(s2, d, lanes[2] + j);
    hn::Store(s3, d, lanes[3] + j);
  }
  for (size_t p = 0; p < kPivots; ++p) sums[p] = FoldLanes(lanes[p]);
}

void MassGe(const RowView& row, const float* pivots, double* masses) {
  BlockAccumulator totals[kPivots];
  const float lowest = LowestPivot(pivots);
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    if (!(row.block_max[b] >= lowest)) continue;
    const float* w = WeightsOf(row, b);
    float sums[kPivots];
    BlockSumsGe(LogitsOf(row, b), w, pivots, sums);
    for (size_t p = 0; p < kPivots; ++p) totals[p].Add(b, sums[p]);
  }
  for (size_t p = 0; p < kPivots; ++p) masses[p] = totals[p].Total();
}

// Makes a listing block by block, of rising ones.
class Lister {
 public:
  explicit Lister(Listing* listing) : listing_(*listing) {
    listing_.count = 0;
    listing_.others = 0;
  }

  // With the weights w of the block, which need not be the row's.
  HWY_INLINE void Add(const RowView& row, uint32_t b, const float* w) {
    const float max = row.block_max[b];
    Tell(b, 0);
    if (!(max >= listing_.low)) return;
    const DF d;
    const DI di;
    const VF low = hn::Set(d, listing_.low), high = hn::Set(d, listing_.high);
    const float* HWY_RESTRICT l = LogitsOf(row, b);
    const bool reaches_high = max >= listing_.high;
    auto listed = hn::Lt(low, low);
    auto members = hn::Zero(di);
    const float sum = BlockSum([&](size_t i) HWY_ATTR {
      const VF v = hn::Load(d, l + i);
      const auto in = hn::Ge(v, low);
      listed = hn::Or(listed, hn::AndNot(hn::Ge(v, high), in));
      members = Counted(members, in);
      return hn::IfThenElseZero(in, hn::Load(d, w + i));
    });
    from_low_.Add(b, sum);
    const bool lists = !hn::AllFalse(d, listed);
    Tell(b, lists ? -1 : sum);
    if (!lists) {
      listing_.others +=
          static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(di, members)));
    } else {
      listing_.count =
          GatherBlock(row, b, listing_.low, listing_.high, listing_.ids,
                      listing_.count, listing_.capacity);
    }
    if (!reaches_high) return;
    // Without any between the two the sums are the same.
    from_high_.Add(b, lists ? BlockSumGe(l, w, high) : sum);
  }

  void End() {
    listing_.from_low = from_low_.Total();
    listing_.from_high = from_high_.Total();
  }

 private:
  HWY_INLINE void Tell(uint32_t b, float mass) {
    if (listing_.block_high != nullptr) listing_.block_high[b] = mass;
  }

  static HWY_INLINE float BlockSumGe(const float* HWY_RESTRICT l,
                                     const float* HWY_RESTRICT w, VF least) {
    const DF d;
    return BlockSum([&](size_t i) HWY_ATTR {
      return hn::IfThenElseZero(hn::Ge(hn::Load(d, l + i), least),
                                hn::Load(d, w + i));
    });
  }

  Listing& listing_;
  BlockAccumulator from_low_, from_high_;
};

void GatherMass(const RowView& row, Listing* listing) {
  Lister lister(listing);
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    lister.Add(row, b,
               row.block_max[b] >= listing->low ? WeightsOf(row, b) : nullptr);
  }
  lister.End();
}

double MassCut(const RowView& row, Cut cut) {
  const DF d;
  BlockAccumulator total;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    if (!(row.block_max[b] >= cut.value)) continue;
    const float* HWY_RESTRICT w = WeightsOf(row, b);
    const float* HWY_RESTRICT l = LogitsOf(row, b);
    const float sum = WithCut(cut, b, [&](const auto& member) HWY_ATTR {
      return BlockSum([&](size_t i) HWY_ATTR {
        return hn::IfThenElseZero(member(d, hn::Load(d, l + i), i),
                                  hn::Load(d, w + i));
      });
    });
    total.Add(b, sum);
  }
  return total.Total();
}

// Sets w of block b's non-members to +0. Returns the sum of the others, and
// adds how many they are.
HWY_INLINE float RestrictBlock(const RowView& row, uint32_t b, Cut cut,
                               uint64_t* count) {
  const DF d;
  const DI di;
  float* HWY_RESTRICT w = WeightsOf(row, b);
  const float* HWY_RESTRICT l = LogitsOf(row, b);
  auto members = hn::Zero(di);
  const float sum = WithCut(cut, b, [&](const auto& member) HWY_ATTR {
    return BlockSum([&](size_t i) HWY_ATTR {
      const auto in = member(d, hn::Load(d, l + i), i);
      const VF kept = hn::IfThenElseZero(in, hn::Load(d, w + i));
      members = Counted(members, in);
      hn::Store(kept, d, w + i);
      return kept;
    });
  });
  *count += static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(di, members)));
  return sum;
}

// Then told(block) for each block that may hold members.
template <class Told>
HWY_INLINE double Restrict(const RowView& row, Cut cut, uint32_t* active_count,
                           uint64_t* count, const Told& told) {
  BlockAccumulator total;
  uint32_t active = 0;
  *count = 0;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    row.block_mass[b] = 0.0f;
    if (!(row.block_max[b] >= cut.value)) continue;
    const float sum = RestrictBlock(row, b, cut, count);
    row.block_mass[b] = sum;
    row.active[active++] = b;
    total.Add(b, sum);
    told(b);
  }
  *active_count = active;
  return total.Total();
}

double RestrictTo(const RowView& row, Cut cut, uint32_t* active_count,
                  uint64_t* count) {
  return Restrict(row, cut, active_count, count, [](uint32_t) {});
}

double RestrictToListed(const RowView& row, Cut cut, const Listing& listing,
                        uint32_t* active_count, uint64_t* count) {
  if (row.lazy == nullptr) return RestrictTo(row, cut, active_count, count);
  row.lazy->within = cut;
  BlockAccumulator total;
  uint32_t active = 0;
  uint64_t listed = 0;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    const float high = listing.block_high[b];
    row.block_mass[b] = 0.0f;
    if (!(row.block_max[b] >= cut.value)) continue;
    if (high < 0) {
      row.block_mass[b] = RestrictBlock(row, b, cut, &listed);
    } else {
      row.block_mass[b] = high;
      row.lazy->has[b] &= static_cast<uint8_t>(~kHasWeights);
    }
    row.active[active++] = b;
    total.Add(b, row.block_mass[b]);
  }
  *active_count = active;
  *count = listing.others + listed;
  return total.Total();
}

void SplitMass(const RowView& row, float value, float* above, float* reached) {
  const DF d;
  const VF pivot = hn::Set(d, value);
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    above[b] = reached[b] = 0.0f;
    if (!(row.block_max[b] >= value)) continue;
    const float* HWY_RESTRICT w = WeightsOf(row, b);
    const float* HWY_RESTRICT l = LogitsOf(row, b);
    above[b] = BlockSum([&](size_t i) HWY_ATTR {
      return hn::IfThenElseZero(hn::Gt(hn::Load(d, l + i), pivot),
                                hn::Load(d, w + i));
    });
    reached[b] = BlockSum([&](size_t i) HWY_ATTR {
      return hn::IfThenElseZero(hn::Ge(hn::Load(d, l + i), pivot),
                                hn::Load(d, w + i));
    });
  }
}

double MassOfBlocks(const RowView& row) {
  BlockAccumulator total;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    total.Add(b, row.block_mass[b]);
  }
  return total.Total();
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
