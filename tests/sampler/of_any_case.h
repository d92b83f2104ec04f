// What a property of any combination of knobs is tested with.
//
// Knows GoogleTest. Confined to one thread.
#ifndef LOGITD_TESTS_SAMPLER_OF_ANY_CASE_H_
#define LOGITD_TESTS_SAMPLER_OF_ANY_CASE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

#include "sampler/fingerprint.h"
#include "tests/sampler/any_case.h"
#include "tests/sampler/ask.h"

namespace logitd::tests {

class OfAnyCase : public Sampling {
 protected:
  // Calls check(case, outcome) for as many cases that have an outcome,
  // some with guidance.
  void ForEach(const std::function<void(Case*)>& prepare,
               const std::function<void(const Case&, const Outcome&)>& check,
               uint32_t vocab_size = 150) {
    const auto rounds = static_cast<uint64_t>(Effort(kAnyCases, 40));
    uint64_t judged = 0;
    for (uint64_t seed = 0; judged < rounds && !HasFailure(); ++seed) {
      ASSERT_LT(seed, 4 * rounds) << "most cases fail";
      Case c = AnyCase(seed, vocab_size);
      AddGuidance(&c);
      prepare(&c);
      const Ran& ran = runner_.Run(c);
      if (!ran.status.ok()) continue;  // nothing left, or nothing to draw
      ++judged;
      SCOPED_TRACE(c.name + ", " +
                   testing::PrintToString(FingerprintLines(
                       *Plan::Compile(c.params, c.vocab_size))));
      const Outcome outcome = ran.outcome;
      check(c, outcome);
    }
    RecordProperty("cases", static_cast<int>(judged));
  }
};

}  // namespace logitd::tests

#endif  // LOGITD_TESTS_SAMPLER_OF_ANY_CASE_H_
