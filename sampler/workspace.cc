#include "sampler/workspace.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>

namespace logitd {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;

// Of large memory in pages as large as there are: blocks are looked at here and
// there, and each page of 4 KiB would have to be looked up.
float* Allocate(size_t values) {
  const size_t bytes = values * sizeof(float);
  const bool large = bytes >= kHugePage / 2;
  const size_t alignment = large ? kHugePage : kAlignment;
  const size_t whole = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  if (large) madvise(memory, whole, MADV_HUGEPAGE);  // a hint
#endif
  return static_cast<float*>(memory);
}

// Values for each of `blocks`, rounded up to whole blocks of values.
size_t PerBlock(uint32_t blocks) {
  constexpr size_t kSize = kernels::kBlockSize;
  return (size_t{blocks} + kSize - 1) / kSize * kSize;
}

}  // namespace

void Workspace::Free::operator()(void* memory) const { std::free(memory); }

kernels::RowView Workspace::RowMemory::Reserve(uint32_t block_count) {
  if (block_count > blocks) {
    // l and w, then block_max and block_mass, each on its own cache lines.
    const size_t values = size_t{block_count} * kernels::kBlockSize;
    const size_t per_block = PerBlock(block_count);
    floats.reset(Allocate(2 * values + 2 * per_block));
    view.l = floats.get();
    view.w = view.l + values;
    view.block_max = view.w + values;
    view.block_mass = view.block_max + per_block;
    active.resize(block_count);
    view.active = active.data();
    blocks = block_count;
  }
  view.block_count = block_count;
  std::fill(view.block_max + block_count,
            view.block_max + PerBlock(block_count),
            -std::numeric_limits<float>::infinity());
  return view;
}

void Workspace::Reserve(uint32_t vocab_size) {
  const uint32_t blocks =
      (vocab_size + kernels::kBlockSize - 1) / kernels::kBlockSize;
  if (blocks > row_memory_.blocks) {
    is_touched_.assign(blocks, 0);
    touched_.reserve(blocks);
    block_scratch_.reserve(2 * size_t{blocks});
    edits_.reserve(kGatherMax);
    ids_.resize(kGatherMax);
  }
  if (blocks > has_.size()) {
    has_.resize(blocks);
    listed_masses_.resize(blocks);
  }
  row_ = row_memory_.Reserve(blocks);
  row_.active_count = 0;
  lazy_.changed = false;
}

kernels::LazyRow& Workspace::ReserveLazy(uint32_t vocab_size) {
  Reserve(vocab_size);
  lazy_ = {};
  lazy_.has = has_.data();
  lazy_.count = vocab_size;
  row_.lazy = &lazy_;
  return lazy_;
}

void Workspace::MakeWhole() {
  if (row_.lazy == nullptr) return;
  for (uint32_t b = 0; b < row_.block_count; ++b) LogitsOf(row_, b);
  for (uint32_t a = 0; a < row_.active_count; ++a) {
    WeightsOf(row_, row_.active[a]);
  }
  row_.lazy = nullptr;
}

kernels::RowView& Workspace::CopyRow() {
  MakeWhole();
  copy_ = copy_memory_.Reserve(row_.block_count);
  const size_t values = size_t{row_.block_count} * kernels::kBlockSize;
  std::copy(row_.l, row_.l + values, copy_.l);
  std::copy(row_.block_max, row_.block_max + row_.block_count, copy_.block_max);
  return copy_;
}

kernels::RowView& Workspace::ReserveSecond() {
  const kernels::RowView own = second_memory_.Reserve(row_.block_count);
  second_ = row_;
  second_.lazy = nullptr;
  second_.l = own.l;
  second_.block_max = own.block_max;
  return second_;
}

kernels::RowView Workspace::SecondWeights() {
  const kernels::RowView own = second_memory_.Reserve(row_.block_count);
  kernels::RowView weights = row_;
  weights.lazy = nullptr;
  weights.w = own.w;
  weights.block_mass = own.block_mass;
  return weights;
}

std::vector<uint32_t>& Workspace::all_ids() {
  const size_t values = size_t{row_.block_count} * kernels::kBlockSize;
  if (all_ids_.size() < values) all_ids_.resize(values);
  return all_ids_;
}

void Workspace::KeepLogits() {
  MakeWhole();
  const size_t values = size_t{row_.block_count} * kernels::kBlockSize;
  kept_logits_.assign(row_.l, row_.l + values);
}

void Workspace::Touch(uint32_t id) {
  const uint32_t block = id / kernels::kBlockSize;
  if (is_touched_[block] != 0) return;
  is_touched_[block] = 1;
  touched_.push_back(block);
}

void Workspace::ClearTouched() {
  for (const uint32_t block : touched_) is_touched_[block] = 0;
  touched_.clear();
}

}  // namespace logitd
