#include "service/log.h"

#include "gtest/gtest.h"
#include "service/metrics.h"
#include "service/self_test.h"
#include "tests/support/service_matchers.h"

namespace logitd {
namespace {

TEST(Log, IsOneJsonObjectALine) {
  EXPECT_EQ(LogLine("T", LogLevel::kWarning, "a \"quote\"",
                    {{"key", "back\\slash\nline"}}),
            "{\"ts\":\"T\",\"level\":\"warning\",\"msg\":\"a \\\"quote\\\"\","
            "\"key\":\"back\\\\slash\\u000aline\"}\n");
}

TEST(StepTally, PutsValuesIntoTheBucketOfTheirUpperBound) {
  BucketTally<kKeptBounds.size()> tally(kKeptBounds);
  for (const double value : {1.0, 2.0, 3.0, 4.0, 1e9}) tally.Add(value);
  EXPECT_EQ(tally.counts()[0], 1);  // 1
  EXPECT_EQ(tally.counts()[1], 1);  // 2
  EXPECT_EQ(tally.counts()[2], 2);  // 3 and 4
  EXPECT_EQ(tally.counts().back(), 1);
  EXPECT_EQ(tally.sum(), 1e9 + 10);
  tally.Clear();
  EXPECT_EQ(tally.sum(), 0);
}

TEST(SelfTest, PassesWithEveryInstructionSet) {
  const kernels::KernelList list = kernels::Available();
  for (size_t i = 0; i < list.count; ++i) {
    EXPECT_THAT(SelfTest(*list.tables[i]), testing::IsOk());
  }
}

// A table that adds up wrongly by one unit in the last place.
double WrongMass(const kernels::RowView& row, kernels::Cut cut) {
  return kernels::Find("auto")->mass_cut(row, cut) * (1 + 0x1p-52);
}
double WrongWeigh(const kernels::RowView& row, kernels::Scale scale,
                  kernels::Cut cut, uint32_t* active_count) {
  return kernels::Find("auto")->weigh(row, scale, cut, active_count) *
         (1 + 0x1p-52);
}

TEST(SelfTest, FailsWhenOneMassIsOffByTheLastBit) {
  kernels::KernelTable wrong = *kernels::Find("auto");
  wrong.name = "WRONG";
  wrong.mass_cut = WrongMass;
  wrong.weigh = WrongWeigh;
  EXPECT_THAT(SelfTest(wrong), testing::StatusIs(absl::StatusCode::kInternal,
                                                 "the kernels WRONG and"));
}

}  // namespace
}  // namespace logitd
