// The vector loops over one row of logits, as a table of functions for each
// instruction set.
//
// Knows nothing of parameters, sessions or status: arguments were checked at
// the door, and no kernel can fail or allocate. All functions are pure on their
// arguments and thread-safe. Formulas: sampler/README.md, "Arithmetic".
//
// Notation. A row is `l`, fp32, padded with -inf to whole blocks of 128 ids;
// block_max[b] is the largest value of block b. w holds weights; only the
// blocks on an active list hold defined ones. Every table gives the same bits.
#ifndef LOGITD_SAMPLER_KERNELS_KERNELS_H_
#define LOGITD_SAMPLER_KERNELS_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace logitd::kernels {

inline constexpr uint32_t kBlockSize = 128;
inline constexpr uint32_t kLanes = 16;
inline constexpr uint32_t kNone = 0xFFFFFFFFu;
// How many pivots CountGe and MassGe take at once.
inline constexpr uint32_t kPivots = 4;

// A prefix of the rank (logit falling, id rising): all ids with l > value, and
// those with l == value up to id.
struct Cut {
  float value;
  uint32_t id;
};

// All that is not banned.
inline constexpr Cut kAllAllowed = {-0x1.fffffep+127f, kNone};
inline bool IsWhole(Cut cut) {
  return cut.value == kAllAllowed.value && cut.id == kAllAllowed.id;
}

struct LazyRow;

// l, w, block_max and block_mass of one row, and the list of its blocks that
// can hold members. Owned by the caller's workspace; 64-byte aligned. Of a lazy
// row kernels make l and w of a block when they first look at it; others ask
// LogitsOf and WeightsOf.
struct RowView {
  float* l;
  float* w;
  float* block_max;
  float* block_mass;
  uint32_t* active;  // rising block numbers
  uint32_t block_count;
  uint32_t active_count;
  LazyRow* lazy = nullptr;   // all is there
  uint32_t first_block = 0;  // of a part of a lazy row: which of its blocks
};

// The elementwise map: x = (l - m) * inverse_temperature; d = x, or, with a
// curve, x * x * (cube * x - square) of x no less than kCurveFloor;
// w = exp_f(d).
struct Scale {
  float m;
  float inverse_temperature;
  float square = 0;  // no curve: both 0
  float cube = 0;
  bool curved() const { return square != 0 || cube != 0; }
  friend bool operator==(const Scale&, const Scale&) = default;
};
// Below this d a weight is +0.
inline constexpr float kLeastD = -87.0f;
// Lower x would overflow on the curve.
inline constexpr float kCurveFloor = -1e12f;

// d of one logit, as the kernels compute it.
inline float DOf(const Scale& scale, float l) {
  float x = (l - scale.m) * scale.inverse_temperature;
  if (!scale.curved()) return x;
  x = x < kCurveFloor ? kCurveFloor : x;
  return (x * x) * (scale.cube * x - scale.square);
}

// How logits are stored where they come from.
enum class Stored : uint8_t { kFloat32, kBfloat16, kFloat16 };

struct KernelTable;

// A row whose first read found the maxima of its blocks, and no more. The
// source may be written by others meanwhile: what it has above a block's
// maximum, or NaN, is taken for that maximum, one logit of each block is the
// maximum, and `changed` says that this was necessary.
struct LazyRow {
  const void* source;  // aligned to its values
  uint32_t count;
  Stored stored;
  uint8_t* has;  // kHasLogits, kHasWeights, kAllAreFinite of each block
  bool changed;
  Scale scale;  // of the weights that are not made yet
  Cut within;   // and who has some
  const KernelTable* kernels;
};
inline constexpr uint8_t kHasLogits = 1;
inline constexpr uint8_t kHasWeights = 2;
inline constexpr uint8_t kAllAreFinite = 4;

// What adaptive-p makes of a probability p = w * inverse_mass:
// x = |p - target| * (1 / 0.3), l = 5 - 10 * x * x / (1 + x).
struct Adaptation {
  float target;
  float inverse_mass;
};

// What one pass over weights lists and adds up. `ids` gets those of the active
// blocks with low <= l < high, rising, at most `capacity`: `count` of them. The
// masses are of all active blocks, even when the list is full.
struct Listing {
  float low;
  float high;
  uint32_t* ids;
  uint32_t capacity;
  // Of each active block, at its number: its part of mass({l >= high}), or -1
  // if it has ids between the two. nullptr: nobody asks.
  float* block_high = nullptr;
  uint32_t count = 0;
  uint64_t others = 0;   // with l >= high, in blocks that have none on the list
  double from_low = 0;   // mass({l >= low})
  double from_high = 0;  // mass({l >= high})
};

// How the second row of a step guides the first: l = narrow(lu + scale * (lc -
// lu)) with lc and lu relative to each row's own log-sum-exp.
struct Guidance {
  double log_sum_exp;
  double second_log_sum_exp;
  double scale;
};

// Whose noise: the words of the stream key, the position, and the purpose with
// the attempt above its 8 bits.
struct NoiseKey {
  uint32_t low;
  uint32_t high;
  uint32_t position;
  uint32_t purpose;
};

struct KernelTable {
  // The instruction set, as Highway names it: "AVX3", "AVX2", "NEON"...
  const char* name;

  // Widens `count` logits at `source` (any alignment) into row.l, -0 to +0,
  // pads with -inf, fills block_max. Returns the first index that is NaN or
  // +inf, or kNone; then l from that block on is undefined unless ban_bad, when
  // all such values become -inf and *bad_count counts them.
  uint32_t (*load_f32)(const void* source, uint32_t count, bool ban_bad,
                       const RowView& row, uint32_t* bad_count);
  uint32_t (*load_bf16)(const void* source, uint32_t count, bool ban_bad,
                        const RowView& row, uint32_t* bad_count);
  uint32_t (*load_f16)(const void* source, uint32_t count, bool ban_bad,
                       const RowView& row, uint32_t* bad_count);

  // Reads a lazy row once and copies nothing: block_max, and what load says of
  // NaN and +inf. Blocks that hold some, and the last one, are there
  // afterwards.
  uint32_t (*screen)(const RowView& row, bool ban_bad, uint32_t* bad_count);
  // Makes what is missing of one block of a lazy row: l; l and w.
  void (*make_logits)(const RowView& row, uint32_t block);
  void (*make_weights)(const RowView& row, uint32_t block);

  // Replaces l of what is not banned by what `second`, the l of another row of
  // the same size, makes of it; refreshes block_max.
  void (*guide)(const RowView& row, const float* second, Guidance guidance);

  // Bans every id whose bit is 0 or beyond mask_bytes; refreshes block_max.
  void (*apply_mask)(const uint8_t* mask, size_t mask_bytes,
                     const RowView& row);

  // block_max[b] from l, for the given blocks.
  void (*refresh_block_max)(const uint32_t* blocks, uint32_t count,
                            const RowView& row);

  // The largest logit; -inf if all are banned.
  float (*largest)(const RowView& row);
  // Lowest id with l == value; kNone if there is none.
  uint32_t (*first_equal)(const RowView& row, float value);

  // How many ids have l >= pivots[i], for each i.
  void (*count_ge)(const RowView& row, const float* pivots, uint64_t* counts);
  // How many ids are in the cut.
  uint64_t (*count_cut)(const RowView& row, Cut cut);
  // The last of the cut in the rank, as the cut that ends with it. The cut
  // holds at least one id.
  Cut (*last_of)(const RowView& row, Cut cut);
  // The ids with low <= l < high, rising, at most `capacity`. Returns how many.
  uint32_t (*gather)(const RowView& row, float low, float high, uint32_t* ids,
                     uint32_t capacity);

  // w of the cut's members (+0 for others) in every block that can hold weight,
  // their block_mass, the active list (row.active, *active_count); block_mass
  // is +0 elsewhere. Returns mass(cut).
  double (*weigh)(const RowView& row, Scale scale, Cut cut,
                  uint32_t* active_count);
  // The same, and how many ids are in the cut, if count is not nullptr; of a
  // lazy row w is made where somebody looks at it.
  double (*sum_weights)(const RowView& row, Scale scale, Cut cut,
                        uint32_t* active_count, uint64_t* count);
  // Of how many blocks most of the weight is, roughly: the square of the sum of
  // what the largest ids of the blocks weigh, over the sum of the squares.
  double (*spread_of_blocks)(const RowView& row, Scale scale);
  // mass({l >= pivots[i]}) over the active blocks, for each i.
  void (*mass_ge)(const RowView& row, const float* pivots, double* masses);
  // Makes the listing.
  void (*gather_mass)(const RowView& row, Listing* listing);
  // mass(cut) over the active blocks.
  double (*mass_cut)(const RowView& row, Cut cut);
  // Sets w of non-members to +0, takes blocks that can hold no member off the
  // active list (row.active, *active_count), refreshes block_mass. Returns
  // mass(cut), and how many of its members are in those blocks.
  double (*restrict_to)(const RowView& row, Cut cut, uint32_t* active_count,
                        uint64_t* count);
  // The same for a cut between low and high, after gather_mass: visits the
  // blocks that have ids on the list, and of a lazy row no others.
  double (*restrict_to_listed)(const RowView& row, Cut cut,
                               const Listing& listing, uint32_t* active_count,
                               uint64_t* count);
  // Each active block's part of mass({l > value}) and of mass({l >= value}), at
  // its number.
  void (*split_mass)(const RowView& row, float value, float* above,
                     float* reached);
  // The block_mass of the active blocks, added up as mass() is. Reads no l or
  // w.
  double (*mass_of_blocks)(const RowView& row);
  // Sum of w * d over the active blocks, added up as mass() is.
  double (*weighted_sum)(const RowView& row, Scale scale);
  // Sum of w * w over the active blocks.
  double (*squares_of_weights)(const RowView& row);
  // Sum of d, and of (d - center)^2, over the cut, added up as mass() is.
  double (*sum_of_d)(const RowView& row, Scale scale, Cut cut);
  double (*squares_around)(const RowView& row, Scale scale, Cut cut,
                           float center);
  // Sum of t = w * (log_mass - d) over the active blocks, added up as mass()
  // is; and the listing with t for weights.
  double (*surprisals)(const RowView& row, Scale scale, float log_mass,
                       Listing* listing);
  // restrict_to, and t of what is left in terms.w, their sums in
  // terms.block_mass. Returns mass(cut).
  double (*restrict_to_surprisals)(const RowView& row, Scale scale,
                                   float log_mass, Cut cut,
                                   const RowView& terms, uint32_t* active_count,
                                   uint64_t* count);

  // noise[2 i] and noise[2 i + 1]: of the indices 2 (first_pair + i) and the
  // one behind it.
  void (*noise)(const NoiseKey& key, uint32_t first_pair, uint32_t pair_count,
                uint64_t* noise);

  // rest.w = max(w * inverse_mass - rest.w, +0) in the active blocks,
  // rest.block_mass their sums; the active list is the row's.
  void (*subtract)(const RowView& row, float inverse_mass, const RowView& rest);

  // keys.l = -|d - center| for the cut's members and -inf for others, in all
  // blocks, and keys.block_max.
  void (*distances)(const RowView& row, Scale scale, Cut cut, float center,
                    const RowView& keys);
  // Bans all but those whose key is in the cut; refreshes block_max.
  void (*keep_by_keys)(const RowView& row, const RowView& keys, Cut cut);
  // Bans the cut's members; refreshes block_max.
  void (*ban_cut)(const RowView& row, Cut cut);
  // l = adapted for the cut's members, -inf for others; refreshes block_max.
  void (*adapt)(const RowView& row, Scale scale, Cut cut, Adaptation how);
  // l = base + d for the cut's members, within +-FLT_MAX, -inf for others;
  // refreshes block_max.
  void (*apply_scale)(const RowView& row, Scale scale, Cut cut, float base);
};

// l and w of one block, made if they are not there yet.
inline float* LogitsOf(const RowView& row, uint32_t block) {
  if (row.lazy != nullptr &&
      (row.lazy->has[row.first_block + block] & kHasLogits) == 0) {
    row.lazy->kernels->make_logits(row, block);
  }
  return row.l + size_t{block} * kBlockSize;
}
inline float* WeightsOf(const RowView& row, uint32_t block) {
  if (row.lazy != nullptr &&
      (row.lazy->has[row.first_block + block] & kHasWeights) == 0) {
    row.lazy->kernels->make_weights(row, block);
  }
  return row.w + size_t{block} * kBlockSize;
}
inline float& LogitOf(const RowView& row, uint32_t id) {
  return LogitsOf(row, id / kBlockSize)[id % kBlockSize];
}

// Tables that this build holds and this processor runs, best first. At least
// one. Made on the first call, then immutable; thread-safe.
struct KernelList {
  const KernelTable* const* tables;
  size_t count;
};
KernelList Available();

// The table of that name, case ignored; nullptr if this build or processor has
// none. "auto" is the best.
const KernelTable* Find(const char* name);

}  // namespace logitd::kernels

#endif  // LOGITD_SAMPLER_KERNELS_KERNELS_H_
