// CountTable: how often each token id occurs, for the distinct ids of a window.
//
// Open addressing with true deletion, so that a sliding window never rebuilds
// it. 8 bytes a slot, at most 2/3 full: 12 to 24 bytes per distinct id. Grows
// by doubling (the only allocation); copyable; thread-compatible.
#ifndef LOGITD_SAMPLER_COUNT_TABLE_H_
#define LOGITD_SAMPLER_COUNT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logitd {

class CountTable {
 public:
  void Clear();
  void Add(uint32_t id);
  // `id` must be present.
  void Remove(uint32_t id);
  uint32_t Count(uint32_t id) const;
  size_t distinct() const { return distinct_; }

  // Calls visit(id, count) once for each distinct id, in no stated order.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.count != 0) visit(slot.id, slot.count);
    }
  }

 private:
  struct Slot {
    uint32_t id = 0;
    uint32_t count = 0;  // 0: free
  };
  size_t Home(uint32_t id) const;
  size_t Find(uint32_t id) const;  // its slot, or the free one it would take
  void Grow();

  std::vector<Slot> slots_;  // a power of two, or empty
  size_t distinct_ = 0;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_COUNT_TABLE_H_
