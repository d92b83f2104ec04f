#include "sampler/workspace.h"

#include <cstdlib>
#include <new>

namespace logitd {
namespace {

constexpr size_t kAlignment = 64;

float* Allocate(size_t values) {
  void* memory = std::aligned_alloc(kAlignment, values * sizeof(float));
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<float*>(memory);
}

// Values for each of `blocks`, rounded up to whole cache lines.
size_t PerBlock(uint32_t blocks) { return (size_t{blocks} + 15) / 16 * 16; }

}  // namespace

void Workspace::Free::operator()(void* memory) const { std::free(memory); }

void Workspace::Reserve(uint32_t vocab_size) {
  const uint32_t blocks =
      (vocab_size + kernels::kBlockSize - 1) / kernels::kBlockSize;
  if (blocks > block_capacity_) {
    // l and w, then block_max and block_mass, each on its own cache lines.
    const size_t values = size_t{blocks} * kernels::kBlockSize;
    const size_t per_block = PerBlock(blocks);
    memory_.reset(Allocate(2 * values + 2 * per_block));
    row_.l = memory_.get();
    row_.w = row_.l + values;
    row_.block_max = row_.w + values;
    row_.block_mass = row_.block_max + per_block;
    block_capacity_ = blocks;
    active_.resize(blocks);
    row_.active = active_.data();
    is_touched_.assign(blocks, 0);
    touched_.reserve(blocks);
    block_scratch_.reserve(blocks);
    edits_.reserve(kGatherMax);
    ids_.resize(kGatherMax);
  }
  row_.block_count = blocks;
  row_.active_count = 0;
}

kernels::RowView& Workspace::ReserveSecond() {
  if (second_capacity_ < block_capacity_) {
    const size_t values = size_t{block_capacity_} * kernels::kBlockSize;
    second_memory_.reset(Allocate(values + PerBlock(block_capacity_)));
    second_capacity_ = block_capacity_;
  }
  second_ = row_;
  second_.l = second_memory_.get();
  second_.block_max =
      second_.l + size_t{second_capacity_} * kernels::kBlockSize;
  return second_;
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
