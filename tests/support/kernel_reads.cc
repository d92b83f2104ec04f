#include "tests/support/kernel_reads.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace logitd::tests {
namespace {

using kernels::Cut;
using kernels::KernelTable;
using kernels::Listing;
using kernels::RowView;
using kernels::Scale;

const KernelTable* real = nullptr;
// Of the whole row: a kernel may be given a part of it.
uint32_t row_blocks = 0;
uint64_t trace_so_far = 0;

// What of an argument goes into the trace.
void Note(uint64_t bits) {
  trace_so_far = (trace_so_far ^ bits) * 0x9E3779B97F4A7C15u;
  trace_so_far ^= trace_so_far >> 29;
}
void Note(uint32_t number) { Note(uint64_t{number}); }
void Note(bool flag) { Note(uint64_t{flag}); }
void Note(double number) { Note(std::bit_cast<uint64_t>(number)); }
void Note(float number) { Note(std::bit_cast<uint32_t>(number)); }
void Note(Cut cut) {
  Note(cut.value);
  Note(cut.id);
}
void Note(const Scale& scale) {
  Note(scale.m);
  Note(scale.inverse_temperature);
  Note(scale.square);
  Note(scale.cube);
}
void Note(const kernels::Guidance& guidance) { Note(guidance.scale); }
void Note(const kernels::Adaptation& how) { Note(how.inverse_mass); }
void Note(const Listing& listing) {
  Note(listing.low);
  Note(listing.high);
  Note(listing.capacity);
}
void Note(const Listing* listing) { Note(*listing); }
void Note(const RowView& row) {
  Note(row.block_count);
  Note(row.active_count);
}
void Note(const float* pivots) {  // or the begin of a row
  for (uint32_t i = 0; i < kernels::kPivots; ++i) Note(pivots[i]);
}
// Results, and lists of ids: other arguments tell of these.
void Note(const void*) {}
void Note(float*) {}

// The blocks of the row, or only its active ones, whose maximum is at least
// this.
template <bool kOnlyActive>
uint32_t From(float value, const RowView& row) {
  uint32_t visited = 0;
  const uint32_t count = kOnlyActive ? row.active_count : row.block_count;
  for (uint32_t i = 0; i < count; ++i) {
    const float max = row.block_max[kOnlyActive ? row.active[i] : i];
    visited += max >= value ? 1 : 0;
  }
  return visited;
}

float Lowest(const float* pivots) {
  return *std::min_element(pivots, pivots + kernels::kPivots);
}

// What a kernel visits, by its arguments.
struct Everything {
  template <class... Args>
  static uint32_t Of(const RowView& row, Args...) {
    return row.block_count;
  }
};
struct EverythingLast {
  static uint32_t Of(const uint8_t*, size_t, const RowView& row) {
    return row.block_count;
  }
};
struct Loaded {
  static uint32_t Of(const void*, uint32_t, bool, const RowView& row,
                     uint32_t*) {
    return row.block_count;
  }
};
struct Screened {
  static uint32_t Of(const RowView& row, bool, uint32_t*) {
    return row.block_count;
  }
};
struct Listed {
  static uint32_t Of(const uint32_t*, uint32_t count, const RowView&) {
    return count;
  }
};
struct Active {
  template <class... Args>
  static uint32_t Of(const RowView& row, Args...) {
    return row.active_count;
  }
};
// Of the blocks from the threshold on those before the first that is equal.
struct UpToEqual {
  static uint32_t Of(const RowView& row, float value) {
    const uint32_t id = real->first_equal(row, value);
    RowView before = row;
    if (id != kernels::kNone) before.block_count = id / kernels::kBlockSize + 1;
    return From<false>(value, before);
  }
};
template <bool kOnlyActive>
struct FromPivots {
  template <class Result>
  static uint32_t Of(const RowView& row, const float* pivots, Result*) {
    return From<kOnlyActive>(Lowest(pivots), row);
  }
};
// A full list ends the search.
struct Gathered {
  static uint32_t Of(const RowView& row, float low, float high, uint32_t* ids,
                     uint32_t capacity) {
    RowView before = row;
    const uint32_t count = real->gather(row, low, high, ids, capacity);
    if (count > 0 && count == capacity) {
      before.block_count = ids[count - 1] / kernels::kBlockSize + 1;
    }
    return From<false>(low, before);
  }
};
struct ListedWithMass {
  static uint32_t Of(const RowView& row, const Listing* listing) {
    return From<true>(listing->low, row);
  }
};
template <bool kOnlyActive>
struct FromCut {
  static uint32_t Of(const RowView& row, Cut cut, uint32_t* = nullptr,
                     uint64_t* = nullptr) {
    return From<kOnlyActive>(cut.value, row);
  }
  template <class... Args>
  static uint32_t Of(const RowView& row, Scale, Cut cut, Args...) {
    return From<kOnlyActive>(cut.value, row);
  }
  template <class... Args>
  static uint32_t Of(const RowView& row, Scale, float, Cut cut, Args...) {
    return From<kOnlyActive>(cut.value, row);
  }
};
// Blocks that are known to hold no banned id are counted without a look.
struct CountedCut {
  static uint32_t Of(const RowView& row, Cut cut) {
    const bool all = cut.value == std::numeric_limits<float>::lowest() &&
                     cut.id == kernels::kNone && row.lazy != nullptr;
    if (!all) return From<false>(cut.value, row);
    uint32_t visited = 0;
    for (uint32_t b = 0; b < row.block_count; ++b) {
      const bool known = (row.lazy->has[b] & kernels::kAllAreFinite) != 0;
      visited += !known && row.block_max[b] >= cut.value ? 1 : 0;
    }
    return visited;
  }
};
struct FromValue {
  static uint32_t Of(const RowView& row, float value, float*, float*) {
    return From<true>(value, row);
  }
};
struct Nothing {
  static uint32_t Of(const RowView&) { return 0; }
};
struct NoLogits {
  static uint32_t Of(const RowView&, Scale) { return 0; }
};
// Of a lazy row the blocks that have ids on the list.
struct FromListing {
  static uint32_t Of(const RowView& row, Cut cut, const Listing& listing,
                     uint32_t*, uint64_t*) {
    if (row.lazy == nullptr) return From<true>(cut.value, row);
    uint32_t visited = 0;
    for (uint32_t a = 0; a < row.active_count; ++a) {
      const uint32_t b = row.active[a];
      const bool listed = listing.block_high[b] < 0;
      visited += listed && row.block_max[b] >= cut.value ? 1 : 0;
    }
    return visited;
  }
};
struct Weighed {
  static uint32_t Of(const RowView& row, Scale scale, Cut cut, uint32_t*,
                     uint64_t* = nullptr) {
    uint32_t visited = 0;
    for (uint32_t b = 0; b < row.block_count; ++b) {
      const float max = row.block_max[b];
      visited += max >= cut.value && kernels::DOf(scale, max) >= -87.0f ? 1 : 0;
    }
    return visited;
  }
};

const RowView& RowIn(const RowView& row) { return row; }
template <class... Rest>
const RowView& RowIn(const RowView& row, Rest...) {
  return row;
}
template <class First, class... Rest>
const RowView& RowIn(First, const Rest&... rest) {
  return RowIn(rest...);
}

template <auto kKernel, class Visits, class Signature>
struct Counted;

template <auto kKernel, class Visits, class Result, class... Args>
struct Counted<kKernel, Visits, Result (*KernelTable::*)(Args...)> {
  static inline KernelCalls* calls = nullptr;
  static Result Call(Args... args) {
    const uint32_t visited = Visits::Of(args...);
    row_blocks = std::max(row_blocks, RowIn(args...).block_count);
    ++calls->calls;
    calls->full += 2 * visited > row_blocks ? 1 : 0;
    calls->rows += static_cast<double>(visited) / row_blocks;
    for (const char* c = calls->kernel; *c != 0; ++c)
      Note(static_cast<uint64_t>(*c));
    Note(visited);
    (Note(args), ...);
    return (real->*kKernel)(args...);
  }
};

class Installer {
 public:
  Installer(KernelTable* table, std::vector<KernelCalls>* calls)
      : table_(table), calls_(calls) {}

  template <auto kKernel, class Visits>
  void Count(const char* name) {
    using Kernel = Counted<kKernel, Visits, decltype(kKernel)>;
    calls_->push_back({name});
    Kernel::calls = &calls_->back();
    table_->*kKernel = Kernel::Call;
  }

 private:
  KernelTable* table_;
  std::vector<KernelCalls>* calls_;
};

}  // namespace

KernelReads::KernelReads(const KernelTable& kernels) : table_(kernels) {
  using K = KernelTable;
  real = &kernels;
  calls_.reserve(40);  // they stay where they are
  Installer in(&table_, &calls_);
  in.Count<&K::load_f32, Loaded>("load_f32");
  in.Count<&K::screen, Screened>("screen");
  in.Count<&K::sum_weights, Weighed>("sum_weights");
  in.Count<&K::load_bf16, Loaded>("load_bf16");
  in.Count<&K::load_f16, Loaded>("load_f16");
  in.Count<&K::guide, Everything>("guide");
  in.Count<&K::apply_mask, EverythingLast>("apply_mask");
  in.Count<&K::refresh_block_max, Listed>("refresh_block_max");
  in.Count<&K::largest, Nothing>("largest");
  in.Count<&K::first_equal, UpToEqual>("first_equal");
  in.Count<&K::count_ge, FromPivots<false>>("count_ge");
  in.Count<&K::count_cut, CountedCut>("count_cut");
  in.Count<&K::last_of, FromCut<false>>("last_of");
  in.Count<&K::gather, Gathered>("gather");
  in.Count<&K::weigh, Weighed>("weigh");
  in.Count<&K::mass_ge, FromPivots<true>>("mass_ge");
  in.Count<&K::gather_mass, ListedWithMass>("gather_mass");
  in.Count<&K::mass_cut, FromCut<true>>("mass_cut");
  in.Count<&K::restrict_to, FromCut<true>>("restrict_to");
  in.Count<&K::restrict_to_listed, FromListing>("restrict_to_listed");
  in.Count<&K::spread_of_blocks, NoLogits>("spread_of_blocks");
  in.Count<&K::split_mass, FromValue>("split_mass");
  in.Count<&K::mass_of_blocks, Nothing>("mass_of_blocks");
  in.Count<&K::weighted_sum, Active>("weighted_sum");
  in.Count<&K::squares_of_weights, Active>("squares_of_weights");
  in.Count<&K::sum_of_d, FromCut<false>>("sum_of_d");
  in.Count<&K::squares_around, FromCut<false>>("squares_around");
  in.Count<&K::surprisals, Active>("surprisals");
  in.Count<&K::restrict_to_surprisals, FromCut<true>>("restrict_to_surprisals");
  in.Count<&K::distances, Everything>("distances");
  in.Count<&K::keep_by_keys, Everything>("keep_by_keys");
  in.Count<&K::ban_cut, FromCut<false>>("ban_cut");
  in.Count<&K::adapt, Everything>("adapt");
  in.Count<&K::apply_scale, Everything>("apply_scale");
  Reset();
}

KernelReads::~KernelReads() { real = nullptr; }

uint64_t KernelReads::trace() const { return trace_so_far; }

void KernelReads::Reset() {
  row_blocks = 0;
  trace_so_far = 0;
  for (KernelCalls& calls : calls_) calls = {calls.kernel};
}

uint32_t KernelReads::full() const {
  uint32_t full = 0;
  for (const KernelCalls& calls : calls_) full += calls.full;
  return full;
}

double KernelReads::rows() const {
  double rows = 0;
  for (const KernelCalls& calls : calls_) rows += calls.rows;
  return rows;
}

std::string KernelReads::Text() const {
  std::string text;
  for (const KernelCalls& calls : calls_) {
    if (calls.calls == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(calls.kernel) + " " +
            std::to_string(calls.full);
    if (calls.calls != calls.full) text += " of " + std::to_string(calls.calls);
  }
  return text;
}

}  // namespace logitd::tests
