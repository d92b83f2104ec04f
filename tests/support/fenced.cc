#include "tests/support/fenced.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace logitd::tests {
namespace {

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

Fenced::~Fenced() {
  if (memory_ != nullptr) munmap(memory_, size_ + PageSize());
}

uint8_t* Fenced::Take(size_t bytes, size_t before) {
  const size_t page = PageSize();
  if (memory_ == nullptr || bytes + before > size_) {
    if (memory_ != nullptr) munmap(memory_, size_ + page);
    size_ = (bytes + before + page - 1) / page * page;
    void* made = mmap(nullptr, size_ + page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED) std::abort();
    memory_ = static_cast<uint8_t*>(made);
    if (mprotect(memory_ + size_, page, PROT_NONE) != 0) std::abort();
  }
  return memory_ + size_ - before - bytes;
}

const void* Fenced::Copy(const void* bytes, size_t count) {
  if (count == 0) return nullptr;
  return std::memcpy(Take(count), bytes, count);
}

}  // namespace logitd::tests
