#include "sampler/count_table.h"

#include <utility>

namespace logitd {

size_t CountTable::Home(uint32_t id) const {
  const uint64_t mixed = uint64_t{id} * 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(mixed >> 32) & (slots_.size() - 1);
}

size_t CountTable::Find(uint32_t id) const {
  size_t i = Home(id);
  while (slots_[i].count != 0 && slots_[i].id != id) {
    i = (i + 1) & (slots_.size() - 1);
  }
  return i;
}

void CountTable::Clear() {
  for (Slot& slot : slots_) slot = Slot();
  distinct_ = 0;
}

void CountTable::Grow() {
  std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
  std::swap(old, slots_);
  for (const Slot& slot : old) {
    if (slot.count != 0) slots_[Find(slot.id)] = slot;
  }
}

void CountTable::Add(uint32_t id) {
  if (3 * (distinct_ + 1) > 2 * slots_.size()) Grow();
  Slot& slot = slots_[Find(id)];
  if (slot.count == 0) {
    slot.id = id;
    ++distinct_;
  }
  ++slot.count;
}

void CountTable::Remove(uint32_t id) {
  size_t hole = Find(id);
  if (--slots_[hole].count != 0) return;
  --distinct_;
  // Moves later slots of the run back, so that no probe meets a false end.
  const size_t mask = slots_.size() - 1;
  for (size_t i = (hole + 1) & mask; slots_[i].count != 0; i = (i + 1) & mask) {
    const size_t home = Home(slots_[i].id);
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    slots_[hole] = slots_[i];
    slots_[i].count = 0;
    hole = i;
  }
}

uint32_t CountTable::Count(uint32_t id) const {
  return slots_.empty() ? 0 : slots_[Find(id)].count;
}

}  // namespace logitd
