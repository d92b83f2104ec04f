// Counts how much of a row each kernel looks at: the kernels of another table,
// with a note taken of every call.
//
// A call visits the blocks that its contract (kernels.h) cannot skip: all, the
// active ones, or those whose maximum reaches a threshold. One that visits more
// than half of them is a full read; less is a revisit of blocks. Knows nothing
// of GoogleTest. Confined to one thread, and one at a time.
#ifndef LOGITD_TESTS_SUPPORT_KERNEL_READS_H_
#define LOGITD_TESTS_SUPPORT_KERNEL_READS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sampler/kernels/kernels.h"

namespace logitd::tests {

struct KernelCalls {
  const char* kernel = "";
  uint32_t calls = 0;
  uint32_t full = 0;  // of them
  double rows = 0;    // blocks visited, in rows
};

class KernelReads {
 public:
  explicit KernelReads(const kernels::KernelTable& kernels);
  ~KernelReads();
  KernelReads(const KernelReads&) = delete;
  KernelReads& operator=(const KernelReads&) = delete;

  // Valid as long as this is.
  const kernels::KernelTable& table() const { return table_; }
  void Reset();

  // Of all kernels since Reset.
  uint32_t full() const;
  double rows() const;
  // Of what they were called with, in their order: numbers, pivots, cuts, the
  // sizes of lists. The same for every table.
  uint64_t trace() const;
  // "load_f32 1, count_ge 3 of 5": full reads, and of how many calls if more.
  std::string Text() const;
  const std::vector<KernelCalls>& kernels() const { return calls_; }

 private:
  kernels::KernelTable table_;
  std::vector<KernelCalls> calls_;
};

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SUPPORT_KERNEL_READS_H_
