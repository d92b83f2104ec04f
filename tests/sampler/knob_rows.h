// Rows that knobs are tried on, and what it is to change nothing.
//
// Knows GoogleTest. Confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_KNOB_ROWS_H_
#define LOGITD_TESTS_SAMPLER_KNOB_ROWS_H_

#include <vector>

#include "sampler/fingerprint.h"
#include "tests/sampler/ask.h"
#include "tests/sampler/oracle_case.h"

namespace logitd::tests {

class OnKnobRows : public Sampling {
 protected:
  // Rows of every shape, each with a history and a point of its own.
  std::vector<Case> Rows(int rounds = 3) {
    std::vector<Case> cases;
    Dice dice(31);
    for (int round = 0; round < rounds; ++round) {
      for (int shape = 0; shape < kShapeCount; ++shape) {
        const uint32_t size = dice.OneOf(SmallVocabularies());
        Case c =
            Question(MakeRow(static_cast<Shape>(shape), size, dice.Next()));
        c.name = Name(static_cast<Shape>(shape));
        c.at.key.bits = dice.Next();
        for (int i = 0; i < 20; ++i) {
          (i < 8 ? c.prompt : c.output).push_back(dice.Below(size));
        }
        c.at.position = 20;
        cases.push_back(c);
      }
    }
    return cases;
  }

  // Nothing at all differs between the two, in numbers or in identity.
  void ExpectSame(const Case& plain, const Case& turned, const char* knob) {
    EXPECT_EQ(Difference(Ask(plain), Ask(turned)), "")
        << knob << " on " << plain.name;
  }
  void ExpectSameFingerprint(const Case& plain, const Case& turned,
                             const char* knob) {
    EXPECT_EQ(
        FingerprintLines(*Plan::Compile(plain.params, plain.vocab_size)),
        FingerprintLines(*Plan::Compile(turned.params, turned.vocab_size)))
        << knob;
  }
};

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_KNOB_ROWS_H_
