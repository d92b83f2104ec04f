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

// The blocks whose largest logit is no less than `least`, rising: found by a
// register of maxima at a time.
class BlocksFrom {
 public:
  struct End {};
  class Iterator {
   public:
    HWY_INLINE explicit Iterator(const BlocksFrom& blocks)
        : row_(blocks.row_), least_(blocks.least_), bits_(BitsOf(0)) {
      Settle();
    }
    HWY_INLINE uint32_t operator*() const {
      return first_ + static_cast<uint32_t>(__builtin_ctzll(bits_));
    }
    HWY_INLINE void operator++() {
      bits_ &= bits_ - 1;
      Settle();
    }
    HWY_INLINE bool operator!=(End) const { return bits_ != 0; }

   private:
    // Until there is a block, or no more.
    HWY_INLINE void Settle() {
      const auto step = static_cast<uint32_t>(hn::Lanes(DF()));
      while (bits_ == 0 && first_ + step < row_.block_count) {
        first_ += step;
        bits_ = BitsOf(first_);
      }
    }

    // A bit for each of the blocks of a register from b on.
    HWY_INLINE uint64_t BitsOf(uint32_t b) const {
      const DF d;
      const size_t step = hn::Lanes(d);
      if (b + step > row_.block_count) {
        uint64_t bits = 0;
        for (uint32_t i = 0; b + i < row_.block_count; ++i) {
          bits |= uint64_t{row_.block_max[b + i] >= least_} << i;
        }
        return bits;
      }
      uint8_t bytes[8];
      hn::StoreMaskBits(
          d, hn::Ge(hn::LoadU(d, row_.block_max + b), hn::Set(d, least_)),
          bytes);
      if (step <= 8) return bytes[0];
      uint16_t word;
      __builtin_memcpy(&word, bytes, sizeof(word));
      return word;
    }

    const RowView& row_;
    const float least_;
    uint32_t first_ = 0;
    uint64_t bits_;
  };

  HWY_INLINE BlocksFrom(const RowView& row, float least)
      : row_(row), least_(least) {}
  HWY_INLINE Iterator begin() const { return Iterator(*this); }
  HWY_INLINE End end() const { return {}; }

 private:
  const RowView& row_;
  const float least_;
};

HWY_INLINE float LowestPivot(const float* pivots) {
  float lowest = pivots[0];
  for (size_t p = 1; p < kPivots; ++p) {
    lowest = HWY_MIN(lowest, pivots[p]);
  }
  return lowest;
}

// Block b may hold banned ids from now on.
HWY_INLINE void SetBanned(const RowView& row, uint32_t b) {
  if (row.lazy == nullptr) return;
  row.lazy->has[b] &= static_cast<uint8_t>(~kAllAreFinite);
}

void RefreshBlockMax(const uint32_t* blocks, uint32_t count,
                     const RowView& row) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t b = blocks[i];
    row.block_max[b] = BlockMax(LogitsOf(row, b));
    SetBanned(row, b);
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
    float* l = LogitsOf(row, b);
    for (size_t i = 0; i < kBlockSize; i += step) {
      uint8_t here[8] = {};
      here[0] = static_cast<uint8_t>(bits[i / 8] >> (i % 8));
      here[1] = bits[i / 8 + 1];
      const auto allowed = hn::LoadMaskBits(d, here);
      hn::Store(hn::IfThenElse(allowed, hn::Load(d, l + i), banned), d, l + i);
    }
    row.block_max[b] = BlockMax(l);
    SetBanned(row, b);
  }
}

float Largest(const RowView& row) {
  const DF d;
  const auto step = static_cast<uint32_t>(hn::Lanes(d));
  VF max = hn::Set(d, kMinusInf);
  uint32_t b = 0;
  for (; b + step <= row.block_count; b += step) {
    max = hn::Max(max, hn::LoadU(d, row.block_max + b));
  }
  float largest = LargestLane(max);
  for (; b < row.block_count; ++b) {
    largest = HWY_MAX(largest, row.block_max[b]);
  }
  return largest;
}

uint32_t FirstEqual(const RowView& row, float value) {
  for (const uint32_t b : BlocksFrom(row, value)) {
    const float* l = LogitsOf(row, b);
    for (uint32_t i = 0; i < kBlockSize; ++i) {
      if (l[i] == value) return b * kBlockSize + i;
    }
  }
  return kNone;
}

// How many of a register's lanes a mask takes, added to counters of 32 bits.
HWY_INLINE hn::Vec<DI> Counted(hn::Vec<DI> counter, hn::Mask<DF> mask) {
  const DI di;  // a lane of a mask is -1
  return hn::Sub(counter, hn::VecFromMask(di, hn::RebindMask(di, mask)));
}

void CountGe(const RowView& row, const float* pivots, uint64_t* counts) {
  static_assert(kPivots == 4, "one counter each");
  const DF d;
  const DI di;
  const size_t step = hn::Lanes(d);
  const VF p0 = hn::Set(d, pivots[0]), p1 = hn::Set(d, pivots[1]);
  const VF p2 = hn::Set(d, pivots[2]), p3 = hn::Set(d, pivots[3]);
  auto c0 = hn::Zero(di), c1 = c0, c2 = c0, c3 = c0;  // rows have < 2^31 ids
  for (const uint32_t b : BlocksFrom(row, LowestPivot(pivots))) {
    const float* HWY_RESTRICT l = LogitsOf(row, b);
    for (size_t i = 0; i < kBlockSize; i += step) {
      const VF v = hn::Load(d, l + i);
      c0 = Counted(c0, hn::Ge(v, p0));
      c1 = Counted(c1, hn::Ge(v, p1));
      c2 = Counted(c2, hn::Ge(v, p2));
      c3 = Counted(c3, hn::Ge(v, p3));
    }
  }
  counts[0] = static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(di, c0)));
  counts[1] = static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(di, c1)));
  counts[2] = static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(di, c2)));
  counts[3] = static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(di, c3)));
}

// How many members of the cut block b has, whose logits must be read for it.
HWY_NOINLINE uint64_t CountMembersOf(const RowView& row, Cut cut, uint32_t b) {
  const DF d;
  const float* HWY_RESTRICT l = LogitsOf(row, b);
  return WithCut(cut, b, [&](const auto& member) HWY_ATTR {
    uint64_t here = 0;
    for (size_t i = 0; i < kBlockSize; i += hn::Lanes(d)) {
      here += hn::CountTrue(d, member(d, hn::Load(d, l + i), i));
    }
    return here;
  });
}

// How many members of the cut block b has.
HWY_INLINE uint64_t CountMembers(const RowView& row, Cut cut, uint32_t b) {
  const bool all = row.lazy != nullptr && IsWhole(cut) &&
                   (row.lazy->has[b] & kAllAreFinite) != 0;
  return all ? kBlockSize : CountMembersOf(row, cut, b);
}

uint64_t CountCut(const RowView& row, Cut cut) {
  uint64_t count = 0;
  for (const uint32_t b : BlocksFrom(row, cut.value)) {
    count += CountMembers(row, cut, b);
  }
  return count;
}

// The least logit of a cut's members in block b; +inf if it has none.
HWY_INLINE float LeastMember(const RowView& row, Cut cut, uint32_t b) {
  const DF d;
  const float* l = LogitsOf(row, b);
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
  for (const uint32_t b : BlocksFrom(row, cut.value)) {
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

// A bit for each id of a block: whether low <= l < high.
struct BlockBits {
  uint64_t words[kBlockSize / 64];
};
HWY_INLINE BlockBits BitsBetween(const float* HWY_RESTRICT l, VF low, VF high) {
  const DF d;
  const size_t step = hn::Lanes(d);
  // 8 more: StoreMaskBits may write on.
  uint8_t bytes[kBlockSize / 8 + 8] = {};
  uint8_t few[8] = {};
  for (size_t i = 0; i < kBlockSize; i += step) {
    const VF v = hn::Load(d, l + i);
    const auto between = hn::And(hn::Ge(v, low), hn::Lt(v, high));
    if (step >= 8) {
      hn::StoreMaskBits(d, between, bytes + i / 8);
    } else {
      hn::StoreMaskBits(d, between, few);
      bytes[i / 8] |= static_cast<uint8_t>(few[0] << (i % 8));
    }
  }
  BlockBits bits;
  __builtin_memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

// The ids of block b with low <= l < high, behind the first `count`. Returns
// how many there are then.
HWY_INLINE uint32_t GatherBlock(const RowView& row, uint32_t b, float low,
                                float high, uint32_t* ids, uint32_t count,
                                uint32_t capacity) {
  const DF d;
  const BlockBits bits =
      BitsBetween(LogitsOf(row, b), hn::Set(d, low), hn::Set(d, high));
  uint32_t base = b * kBlockSize;
  for (uint64_t word : bits.words) {
    for (; word != 0; word &= word - 1) {
      if (count == capacity) return count;
      ids[count++] = base + static_cast<uint32_t>(__builtin_ctzll(word));
    }
    base += 64;
  }
  return count;
}

uint32_t Gather(const RowView& row, float low, float high, uint32_t* ids,
                uint32_t capacity) {
  uint32_t count = 0;
  for (const uint32_t b : BlocksFrom(row, low)) {
    if (count == capacity) break;
    count = GatherBlock(row, b, low, high, ids, count, capacity);
  }
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace logitd::kernels
HWY_AFTER_NAMESPACE();

#endif
