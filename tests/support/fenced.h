// Memory behind whose last byte nothing may be read: whoever does is ended by a
// signal. What tests hand over as a caller's bytes lies in such.
//
// Not thread-safe. O(pages) to make, O(1) to reuse.
#ifndef LOGITD_TESTS_SUPPORT_FENCED_H_
#define LOGITD_TESTS_SUPPORT_FENCED_H_

#include <cstddef>
#include <cstdint>

namespace logitd::tests {

class Fenced {
 public:
  Fenced() = default;
  ~Fenced();
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  // So many bytes, with anything in them, that end `before` bytes before the
  // fence; those taken earlier are gone. Ends the process if there is no
  // memory.
  uint8_t* Take(size_t bytes, size_t before = 0);
  // A copy of them. nullptr of none.
  const void* Copy(const void* bytes, size_t count);

 private:
  uint8_t* memory_ = nullptr;
  size_t size_ = 0;  // of what may be read
};

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SUPPORT_FENCED_H_
