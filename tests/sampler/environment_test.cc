// What surrounds a call: the caller's floating-point state, and the heap.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "tests/sampler/ask.h"
#include "tests/sampler/oracle_case.h"
#include "tests/support/counting_heap.h"

namespace logitd::tests {
namespace {

// ---- the heap

class Allocations : public Sampling {
 protected:
  void SetUp() override {
    if (!CountsAllocations()) GTEST_SKIP() << "the heap is the sanitizer's";
  }
};

// Knobs that touch every stage, over a history with many distinct tokens.
std::vector<Case> WarmCases() {
  std::vector<Case> cases;
  for (int i = 0; i < 120; ++i) {
    const Focus focus = static_cast<Focus>(i % kFocusCount);
    Case c =
        MakeCase(focus, i % 4 == 0 ? 32001 : 1000, static_cast<uint64_t>(i));
    if (c.report.top_n_final == 0) c.report.top_n_final = 20;
    cases.push_back(c);
  }
  return cases;
}

TEST_P(Allocations, OfAWarmSampleAreNone) {
  const Sampler sampler(kernels());
  Workspace workspace;
  Outcome outcome;
  int sampled = 0;
  for (const Case& c : WarmCases()) {
    const absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
    ASSERT_TRUE(plan.ok());
    const History history = MakeHistory(c, *plan);
    Row row;
    row.logits = c.logits.data();
    row.width = static_cast<uint32_t>(c.logits.size());
    row.mask = c.has_mask && !c.mask.empty() ? c.mask.data() : nullptr;
    row.mask_bytes = c.mask.size();
    if (!c.guidance.empty()) row.guidance = c.guidance.data();
    const auto sample = [&] {
      return sampler.Sample(*plan, history, c.feedback, c.at, row, c.report,
                            {c.given}, &workspace, &outcome);
    };
    if (!sample().ok()) continue;  // a failure's message may allocate
    const uint64_t before = AllocationCount();
    const absl::Status again = sample();
    EXPECT_EQ(AllocationCount(), before) << c.name;
    EXPECT_TRUE(again.ok());
    ++sampled;
  }
  EXPECT_GT(sampled, 80);
}

TEST_P(Allocations, OfASmallerRowAfterALargeOneAreNone) {
  const Sampler sampler(kernels());
  Workspace workspace;
  Outcome outcome;
  const Plan large = *Plan::Compile(Params(), 32001);
  const Plan small = *Plan::Compile(Params(), 1000);
  const std::vector<float> logits(32001, 1.0f);
  Row row;
  row.logits = logits.data();
  row.width = 32001;
  const History history;
  const auto sample = [&](const Plan& plan) {
    return sampler
        .Sample(plan, history, {}, {}, row, {}, {}, &workspace, &outcome)
        .ok();
  };
  ASSERT_TRUE(sample(large));
  const uint64_t before = AllocationCount();
  EXPECT_TRUE(sample(small));
  EXPECT_TRUE(sample(large));
  EXPECT_EQ(AllocationCount(), before);
}

LOGITD_ON_EACH_TARGET(Allocations);

// ---- the floating-point state

#if defined(__x86_64__)
class FloatState : public Sampling {
 protected:
  ~FloatState() override { _mm_setcsr(kDefault); }
  static constexpr unsigned kDefault = 0x1F80;
};

TEST_P(FloatState, OfTheCallerChangesNoBitAndIsGivenBack) {
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x40;
  constexpr unsigned kDown = 0x2000, kUp = 0x4000, kToZero = 0x6000;
  for (int i = 0; i < Effort(400, 60); ++i) {
    const Focus focus = static_cast<Focus>(i % kFocusCount);
    const uint64_t seed = static_cast<uint64_t>(i);
    const Case c = MakeCase(focus, SmallVocabulary(seed), seed);
    const absl::StatusOr<Plan> plan = Plan::Compile(c.params, c.vocab_size);
    ASSERT_TRUE(plan.ok());
    const Ran expected = runner_.Run(c);
    for (const unsigned state :
         {kFlushToZero | kDenormalsAreZero, kFlushToZero, kDenormalsAreZero,
          kDown, kUp, kToZero | kFlushToZero}) {
      _mm_setcsr(kDefault | state);
      const Ran& got = runner_.Run(c);
      const unsigned after = _mm_getcsr() & ~0x3Fu;  // without sticky flags
      _mm_setcsr(kDefault);
      EXPECT_EQ(after, kDefault | state) << c.name;
      ASSERT_EQ(got.status, expected.status) << c.name;
      if (!got.status.ok()) continue;
      EXPECT_EQ(Difference(expected.outcome, got.outcome), "")
          << c.name << " state " << state;
    }
  }
}

TEST_P(FloatState, WithUnmaskedExceptionsIsSurvivedAndGivenBack) {
  const Case c = Question(MakeRow(Shape::kHuge, 300, 1));
  const Outcome expected = Ask(c);
  _mm_setcsr(0);  // every exception would trap
  const Ran& got = runner_.Run(c);
  const unsigned after = _mm_getcsr() & ~0x3Fu;
  _mm_setcsr(kDefault);
  EXPECT_EQ(after, 0u);
  EXPECT_EQ(Difference(expected, got.outcome), "");
}

LOGITD_ON_EACH_TARGET(FloatState);
#endif

// ---- threads

TEST(Threads, EachWithAWorkspaceOfItsOwnGetTheSameNumbers) {
  std::vector<Case> cases;
  for (int i = 0; i < Effort(300, 60); ++i) {
    cases.push_back(MakeCase(Focus::kEverything, i % 10 == 0 ? 32001 : 300,
                             static_cast<uint64_t>(i)));
  }
  CaseRunner alone(*Targets()[0]);
  std::vector<Ran> expected;
  for (const Case& c : cases) expected.push_back(alone.Run(c));
  std::atomic<int> different{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 7; ++t) {
    threads.emplace_back([&, t] {
      CaseRunner runner(*Targets()[0]);
      for (size_t i = 0; i < cases.size(); ++i) {
        const size_t which = (i * 7 + t) % cases.size();
        const Ran& got = runner.Run(cases[which]);
        const bool same =
            got.status == expected[which].status &&
            (!got.status.ok() ||
             Difference(expected[which].outcome, got.outcome).empty());
        if (!same) ++different;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different.load(), 0);
}

}  // namespace
}  // namespace logitd::tests
