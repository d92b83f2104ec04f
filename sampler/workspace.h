// Workspace: all scratch memory of one row in the making.
//
// One per worker, never shared: confined to one thread at a time. Reserve
// allocates when a larger vocabulary comes, ReserveSecond when one comes with
// guidance; nothing else ever does. About 8.2 bytes per token of the largest
// vocabulary, 4.1 more with guidance, and 40 KiB.
#ifndef LOGITD_SAMPLER_WORKSPACE_H_
#define LOGITD_SAMPLER_WORKSPACE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "sampler/kernels/kernels.h"

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

  // Valid until the next Reserve.
  kernels::RowView& row() { return row_; }

  // Room for a second row of the same shape: logits and block maxima of its
  // own, everything else shared with row(). Call after Reserve, for each row.
  kernels::RowView& ReserveSecond();
  // As the last ReserveSecond left it.
  kernels::RowView& second() { return second_; }

  // Blocks whose maximum must be refreshed, each once.
  void Touch(uint32_t id);
  std::vector<uint32_t>& touched() { return touched_; }
  void ClearTouched();

  std::vector<Edit>& edits() { return edits_; }
  // Room for kGatherMax ids.
  std::vector<uint32_t>& ids() { return ids_; }
  std::vector<float>& block_scratch() { return block_scratch_; }

  static constexpr uint32_t kGatherMax = 4096;

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<float, Free> memory_;
  uint32_t block_capacity_ = 0;
  kernels::RowView row_ = {};
  std::unique_ptr<float, Free> second_memory_;
  uint32_t second_capacity_ = 0;
  kernels::RowView second_ = {};
  std::vector<uint32_t> active_;
  std::vector<uint32_t> touched_;
  std::vector<uint8_t> is_touched_;
  std::vector<Edit> edits_;
  std::vector<uint32_t> ids_;
  std::vector<float> block_scratch_;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_WORKSPACE_H_
