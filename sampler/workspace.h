// Workspace: all scratch memory of one row in the making.
//
// One per worker, never shared: confined to one thread at a time. Reserve
// allocates when a larger vocabulary comes, each of the extra rows and the long
// id list when a knob first needs it, and lists when they grow; nothing else
// ever does. About 8.2 bytes per token of the largest vocabulary and 40
// KiB; 8.2 more for a copy, 8.2 for a second row or second weights, 4 each for
// the long list and kept logits, 4 where repeats are looked for, and 4 per
// token of endlessly repetitive histories.
#ifndef LOGITD_SAMPLER_WORKSPACE_H_
#define LOGITD_SAMPLER_WORKSPACE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "sampler/kernels/kernels.h"
#include "sampler/repeat_index.h"

namespace logitd {

// A logit that a sparse stage changed, with what it was before.
struct Edit {
  uint32_t id;
  float before;
};

class Workspace {
 public:
  // Makes room for rows of vocab_size and sets the row's shape.
  void Reserve(uint32_t vocab_size);

  // Makes the row lazy: Reserve, then the source is screened. It must be there
  // until the row is whole or no longer needed.
  kernels::LazyRow& ReserveLazy(uint32_t vocab_size);
  // Makes all that a lazy row still lacks: for those who look at l and w as a
  // whole, or write them.
  void MakeWhole();
  // Whether the source of the row was changed while it was read.
  bool SourceChanged() const { return lazy_.changed; }

  // Valid until the next Reserve.
  kernels::RowView& row() { return row_; }
  const kernels::RowView& row() const { return row_; }

  // Room for a second row of the same shape: logits and block maxima of its
  // own, everything else shared with row(). Call after Reserve, for each row.
  kernels::RowView& ReserveSecond();
  // As the last ReserveSecond left it.
  kernels::RowView& second() { return second_; }
  // Room for second weights of the row, in the second row's place: weights and
  // block masses of their own, everything else shared with row(), its active
  // list as it is now.
  kernels::RowView SecondWeights();

  // Blocks whose maximum must be refreshed, each once.
  void Touch(uint32_t id);
  std::vector<uint32_t>& touched() { return touched_; }
  void ClearTouched();
  // Their maxima, from l.
  void RefreshTouched(const kernels::KernelTable& kernels) {
    kernels.refresh_block_max(touched_.data(),
                              static_cast<uint32_t>(touched_.size()), row_);
    ClearTouched();
  }

  std::vector<Edit>& edits() { return edits_; }
  // Room for kGatherMax ids.
  std::vector<uint32_t>& ids() { return ids_; }
  const std::vector<uint32_t>& ids() const { return ids_; }
  std::vector<float>& block_scratch() { return block_scratch_; }
  // A float for each block, of the last listing by mass.
  float* listed_masses() { return listed_masses_.data(); }
  Repeats& repeats() { return repeats_; }

  // A copy of the row's l and block_max, with room for its own weights. Valid
  // until the next Reserve or CopyRow.
  kernels::RowView& CopyRow();
  // Room for every id.
  std::vector<uint32_t>& all_ids();
  // What KeepLogits found in the row; valid until it is called again.
  const std::vector<float>& kept_logits() const { return kept_logits_; }
  void KeepLogits();

  static constexpr uint32_t kGatherMax = 8192;

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  using Floats = std::unique_ptr<float, Free>;
  // Memory for l and w, block_max and block_mass of a row.
  struct RowMemory {
    Floats floats;
    std::vector<uint32_t> active;
    uint32_t blocks = 0;
    kernels::RowView view = {};
    // A view of rows of that many blocks, none of them active.
    kernels::RowView Reserve(uint32_t block_count);
  };
  RowMemory row_memory_;
  RowMemory copy_memory_;
  RowMemory second_memory_;
  kernels::RowView row_ = {};
  kernels::RowView copy_ = {};
  kernels::RowView second_ = {};
  kernels::LazyRow lazy_ = {};
  std::vector<uint8_t> has_;
  std::vector<float> listed_masses_;
  std::vector<uint32_t> all_ids_;
  std::vector<float> kept_logits_;
  std::vector<uint32_t> touched_;
  std::vector<uint8_t> is_touched_;
  std::vector<Edit> edits_;
  std::vector<uint32_t> ids_;
  std::vector<float> block_scratch_;
  Repeats repeats_;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_WORKSPACE_H_
