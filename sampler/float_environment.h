// Sets round-to-nearest without flush-to-zero while it lives, and restores the
// caller's state: one library linked with -ffast-math changes both for the
// whole process. Confined to one thread and one scope. Costs a few cycles.
#ifndef LOGITD_SAMPLER_FLOAT_ENVIRONMENT_H_
#define LOGITD_SAMPLER_FLOAT_ENVIRONMENT_H_

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace logitd {

class FloatEnvironment {
 public:
  FloatEnvironment() : saved_(Read()) { Write(Clean(saved_)); }
  ~FloatEnvironment() { Write(saved_); }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(__x86_64__)
  using Word = uint32_t;
  static Word Read() { return _mm_getcsr(); }
  static void Write(Word word) { _mm_setcsr(word); }
  // Clears FTZ (15), rounding (14, 13) and DAZ (6); masks all exceptions.
  static Word Clean(Word word) { return (word & ~0xE040u) | 0x1F80u; }
#elif defined(__aarch64__)
  using Word = uint64_t;
  static Word Read() {
    Word word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void Write(Word word) { asm volatile("msr fpcr, %0" ::"r"(word)); }
  // Clears FZ (24) and rounding (23, 22), FZ16 (19).
  static Word Clean(Word word) { return word & ~Word{0x1C80000}; }
#else
#error "logitd runs on x86-64 and aarch64"
#endif
  Word saved_;
};

}  // namespace logitd

#endif  // LOGITD_SAMPLER_FLOAT_ENVIRONMENT_H_
