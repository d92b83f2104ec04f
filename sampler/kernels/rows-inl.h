// The vector loops of the kernel table, written once for all instruction sets.
// Contracts: kernels.h. Arithmetic: lanes-inl.h.
#if defined(LOGITD_SAMPLER_KERNELS_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOGITD_SAMPLER_KERNELS_ROWS_INL_H_
#undef LOGITD_SAMPLER_KERNELS_ROWS_INL_H_
#else
#define LOGITD_SAMPLER_KERNELS_ROWS_INL_H_
#endif

#include "sampler/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace logitd::kernels {
namespace HWY_NAMESPACE {

HWY_INLINE float LowestPivot(const float* pivots) {
  float lowest = pivots[0];
  for (size_t p = 1; p < kPivots; ++p) {
    lowest = pivots[p] < lowest ? pivots[p] : lowest;
  }
  return lowest;
}

void RefreshBlockMax(const uint32_t* blocks, uint32_t count,
                     const RowView& row) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t b = blocks[i];
    row.block_max[b] = BlockMax(row.l + size_t{b} * kBlockSize);
  }
}

void ApplyMask(const uint8_t* mask, size_t mask_bytes, const RowView& row) {
  const DF d;
  const size_t step = hn::Lanes(d);
  const VF banned = hn::Set(d, kMinusInf);
  for (uint32_t b = 0; b < row.block_count; ++b) {
    uint8_t bits[kBlockSize / 8 + 8] = {};  // 8 more: LoadMaskBits may read on
    const size_t first = size_t{b} * (kBlockSize / 8);
    for (size_t i = 0; i < kBlockSize / 8 && first + i < mask_bytes; ++i) {
      bits[i] = mask[first + i];
    }
    float* l = row.l + size_t{b} * kBlockSize;
    for (size_t i = 0; i < kBlockSize; i += step) {
      uint8_t here[8] = {};
      here[0] = static_cast<uint8_t>(bits[i / 8] >> (i % 8));
      here[1] = bits[i / 8 + 1];
      const auto allowed = hn::LoadMaskBits(d, here);
      hn::Store(hn::IfThenElse(allowed, hn::Load(d, l + i), banned), d, l + i);
    }
    row.block_max[b] = BlockMax(l);
  }
}

uint32_t FirstEqual(const RowView& row, float value) {
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (!(row.block_max[b] >= value)) continue;
    const float* l = row.l + size_t{b} * kBlockSize;
    for (uint32_t i = 0; i < kBlockSize; ++i) {
      if (l[i] == value) return b * kBlockSize + i;
    }
  }
  return kNone;
}

void CountGe(const RowView& row, const float* pivots, uint64_t* counts) {
  static_assert(kPivots == 4, "one counter each");
  const DF d;
  const size_t step = hn::Lanes(d);
  const VF p0 = hn::Set(d, pivots[0]), p1 = hn::Set(d, pivots[1]);
  const VF p2 = hn::Set(d, pivots[2]), p3 = hn::Set(d, pivots[3]);
  const float lowest = LowestPivot(pivots);
  uint64_t c0 = 0, c1 = 0, c2 = 0, c3 = 0;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (!(row.block_max[b] >= lowest)) continue;
    const float* HWY_RESTRICT l = row.l + size_t{b} * kBlockSize;
    for (size_t i = 0; i < kBlockSize; i += step) {
      const VF v = hn::Load(d, l + i);
      c0 += hn::CountTrue(d, hn::Ge(v, p0));
      c1 += hn::CountTrue(d, hn::Ge(v, p1));
      c2 += hn::CountTrue(d, hn::Ge(v, p2));
      c3 += hn::CountTrue(d, hn::Ge(v, p3));
    }
  }
  counts[0] = c0;
  counts[1] = c1;
  counts[2] = c2;
  counts[3] = c3;
}

uint64_t CountCut(const RowView& row, Cut cut) {
  const DF d;
  const size_t step = hn::Lanes(d);
  uint64_t count = 0;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (!(row.block_max[b] >= cut.value)) continue;
    const float* HWY_RESTRICT l = row.l + size_t{b} * kBlockSize;
    count += WithCut(cut, b, [&](const auto& member) HWY_ATTR {
      uint64_t here = 0;
      for (size_t i = 0; i < kBlockSize; i += step) {
        here += hn::CountTrue(d, member(d, hn::Load(d, l + i), i));
      }
      return here;
    });
  }
  return count;
}

// The least logit of a cut's members in block b; +inf if it has none.
HWY_INLINE float LeastMember(const RowView& row, Cut cut, uint32_t b) {
  const DF d;
  const float* l = row.l + size_t{b} * kBlockSize;
  HWY_ALIGN float lanes[kLanes];
  const size_t step = hn::Lanes(d);
  WithCut(cut, b, [&](const auto& member) HWY_ATTR {
    for (size_t j = 0; j < kLanes; j += step) {
      VF least = hn::Set(d, kPlusInf);
      for (size_t i = j; i < kBlockSize; i += kLanes) {
        const VF v = hn::Load(d, l + i);
        least = hn::Min(
            least, hn::IfThenElse(member(d, v, i), v, hn::Set(d, kPlusInf)));
      }
      hn::Store(least, d, lanes + j);
    }
    return 0;
  });
  float least = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) {
    least = lanes[i] < least ? lanes[i] : least;
  }
  return least;
}

Cut LastOf(const RowView& row, Cut cut) {
  float least = kPlusInf;
  uint32_t block = 0;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    if (!(row.block_max[b] >= cut.value)) continue;
    const float here = LeastMember(row, cut, b);
    if (here == kPlusInf || here > least) continue;
    least = here;
    block = b;
  }
  const uint32_t base = block * kBlockSize;
  uint32_t id = base + (kBlockSize - 1);
  if (least == cut.value && id > cut.id) id = cut.id;
  while (id > base && row.l[id] != least) --id;
  return {least, id};
}

// The ids of block b with low <= l < high, behind the first `count`. Returns
// how many there are then.
HWY_INLINE uint32_t GatherBlock(const RowView& row, uint32_t b, float low,
                                float high, uint32_t* ids, uint32_t count,
                                uint32_t capacity) {
  const DF d;
  const size_t step = hn::Lanes(d);
  const VF vlow = hn::Set(d, low), vhigh = hn::Set(d, high);
  const uint32_t base = b * kBlockSize;
  const float* l = row.l + base;
  uint8_t bytes[8] = {};
  for (size_t i = 0; i < kBlockSize; i += step) {
    const VF v = hn::Load(d, l + i);
    hn::StoreMaskBits(d, hn::And(hn::Ge(v, vlow), hn::Lt(v, vhigh)), bytes);
    uint32_t bits = bytes[0] | uint32_t{bytes[1]} << 8;
    for (; bits != 0; bits &= bits - 1) {
      if (count == capacity) return count;
      ids[count++] = base + static_cast<uint32_t>(i) +
                     static_cast<uint32_t>(__builtin_ctz(bits));
    }
  }
  return count;
}

uint32_t Gather(const RowView& row, float low, float high, uint32_t* ids,
                uint32_t capacity) {
  uint32_t count = 0;
  for (uint32_t b = 0; b < row.block_count && count < capacity; ++b) {
    if (!(row.block_max[b] >= low)) continue;
    count = GatherBlock(row, b, low, high, ids, count, capacity);
  }
  return count;
}

// w of one block; its sum.
template <class DOfLogit>
HWY_INLINE float WeighBlock(const RowView& row, const DOfLogit& d_of, Cut cut,
                            uint32_t b) {
  const DF d;
  const float* HWY_RESTRICT l = row.l + size_t{b} * kBlockSize;
  float* HWY_RESTRICT w = row.w + size_t{b} * kBlockSize;
  return WithCut(cut, b, [&](const auto& member) HWY_ATTR {
    return BlockSum([&](size_t i) HWY_ATTR {
      const VF v = hn::Load(d, l + i);
      const VF kept = hn::IfThenElseZero(member(d, v, i), ExpF(d, d_of(d, v)));
      hn::Store(kept, d, w + i);
      return kept;
    });
  });
}

double Weigh(const RowView& row, Scale scale, Cut cut, uint32_t* active_count) {
  BlockAccumulator total;
  uint32_t active = 0;
  for (uint32_t b = 0; b < row.block_count; ++b) {
    row.block_mass[b] = 0.0f;
    const float max = row.block_max[b];
    if (!(max >= cut.value) || !(DOf(scale, max) >= kWeightFloor)) continue;
    const float sum = WithD(scale, [&](const auto& d_of) HWY_ATTR {
      return WeighBlock(row, d_of, cut, b);
    });
    row.block_mass[b] = sum;
    row.active[active++] = b;
    total.Add(b, sum);
  }
  *active_count = active;
  return total.Total();
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
    const size_t base = size_t{b} * kBlockSize;
    float sums[kPivots];
    BlockSumsGe(row.l + base, row.w + base, pivots, sums);
    for (size_t p = 0; p < kPivots; ++p) totals[p].Add(b, sums[p]);
  }
  for (size_t p = 0; p < kPivots; ++p) masses[p] = totals[p].Total();
}

// A block's part of mass({l >= value}).
HWY_INLINE float BlockSumGe(const float* HWY_RESTRICT l,
                            const float* HWY_RESTRICT w, float value) {
  const DF d;
  const VF least = hn::Set(d, value);
  return BlockSum([&](size_t i) HWY_ATTR {
    return hn::IfThenElseZero(hn::Ge(hn::Load(d, l + i), least),
                              hn::Load(d, w + i));
  });
}

// Makes a listing block by block, of rising ones.
class Lister {
 public:
  explicit Lister(Listing* listing) : listing_(*listing) { listing_.count = 0; }

  // With the weights w of the block, which need not be the row's.
  HWY_INLINE void Add(const RowView& row, uint32_t b, const float* w) {
    const float max = row.block_max[b];
    if (!(max >= listing_.low)) return;
    listing_.count =
        GatherBlock(row, b, listing_.low, listing_.high, listing_.ids,
                    listing_.count, listing_.capacity);
    const float* l = row.l + size_t{b} * kBlockSize;
    from_low_.Add(b, BlockSumGe(l, w, listing_.low));
    if (!(max >= listing_.high)) return;
    from_high_.Add(b, BlockSumGe(l, w, listing_.high));
  }

  void End() {
    listing_.from_low = from_low_.Total();
    listing_.from_high = from_high_.Total();
  }

 private:
  Listing& listing_;
  BlockAccumulator from_low_, from_high_;
};

void GatherMass(const RowView& row, Listing* listing) {
  Lister lister(listing);
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    lister.Add(row, b, row.w + size_t{b} * kBlockSize);
  }
  lister.End();
}

double MassCut(const RowView& row, Cut cut) {
  const DF d;
  BlockAccumulator total;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    if (!(row.block_max[b] >= cut.value)) continue;
    const float* HWY_RESTRICT l = row.l + size_t{b} * kBlockSize;
    const float* HWY_RESTRICT w = row.w + size_t{b} * kBlockSize;
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

// Sets w of block b's non-members to +0. Returns the sum of the others.
HWY_INLINE float RestrictBlock(const RowView& row, uint32_t b, Cut cut) {
  const DF d;
  const float* HWY_RESTRICT l = row.l + size_t{b} * kBlockSize;
  float* HWY_RESTRICT w = row.w + size_t{b} * kBlockSize;
  return WithCut(cut, b, [&](const auto& member) HWY_ATTR {
    return BlockSum([&](size_t i) HWY_ATTR {
      const VF kept = hn::IfThenElseZero(member(d, hn::Load(d, l + i), i),
                                         hn::Load(d, w + i));
      hn::Store(kept, d, w + i);
      return kept;
    });
  });
}

// Then told(block) for each block that may hold members.
template <class Told>
HWY_INLINE double Restrict(const RowView& row, Cut cut, uint32_t* active_count,
                           const Told& told) {
  BlockAccumulator total;
  uint32_t active = 0;
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    row.block_mass[b] = 0.0f;
    if (!(row.block_max[b] >= cut.value)) continue;
    const float sum = RestrictBlock(row, b, cut);
    row.block_mass[b] = sum;
    row.active[active++] = b;
    total.Add(b, sum);
    told(b);
  }
  *active_count = active;
  return total.Total();
}

double RestrictTo(const RowView& row, Cut cut, uint32_t* active_count) {
  return Restrict(row, cut, active_count, [](uint32_t) {});
}

void SplitMass(const RowView& row, float value, float* above, float* reached) {
  const DF d;
  const VF pivot = hn::Set(d, value);
  for (uint32_t a = 0; a < row.active_count; ++a) {
    const uint32_t b = row.active[a];
    above[b] = reached[b] = 0.0f;
    if (!(row.block_max[b] >= value)) continue;
    const float* HWY_RESTRICT l = row.l + size_t{b} * kBlockSize;
    const float* HWY_RESTRICT w = row.w + size_t{b} * kBlockSize;
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
