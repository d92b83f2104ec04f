#include "tests/support/counting_heap.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> count{0};
}  // namespace

#ifndef LOGITD_SANITIZED

namespace {

void* Allocate(std::size_t bytes, std::size_t alignment) noexcept {
  count.fetch_add(1, std::memory_order_relaxed);
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  return std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
}

void* AllocateOrThrow(std::size_t bytes, std::size_t alignment) {
  void* memory = Allocate(bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

constexpr std::size_t kAlignment = alignof(std::max_align_t);

}  // namespace

// The library's array forms call these.
void* operator new(std::size_t bytes) {
  return AllocateOrThrow(bytes, kAlignment);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return AllocateOrThrow(bytes, static_cast<std::size_t>(alignment));
}
// std::stable_sort asks this way.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return Allocate(bytes, kAlignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

#endif

namespace logitd::tests {

bool CountsAllocations() {
#ifdef LOGITD_SANITIZED
  return false;
#else
  return true;
#endif
}

std::uint64_t AllocationCount() {
  return count.load(std::memory_order_relaxed);
}

}  // namespace logitd::tests
