#include "service/log.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/log_call.h"
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

TEST(Log, StaysJsonWhateverBytesItIsGiven) {
  const std::string line = LogLine("t", LogLevel::kInfo, "grpc",
                                   {{"text", std::string("a\xff\0z\xc3", 5)},
                                    {"name",
                                     "gr\xc3\xbc\xc3\x9f"
                                     "e"}});
  EXPECT_NE(line.find(R"("text":"a\ufffd\u0000z\ufffd")"), std::string::npos)
      << line;
  EXPECT_NE(line.find("\"name\":\"gr\xc3\xbc\xc3\x9f"
                      "e\""),
            std::string::npos);
}

TEST(Log, LevelsHaveNames) {
  for (const char* name : {"debug", "info", "warning", "error"}) {
    const auto level = ReadLogLevel(name);
    ASSERT_TRUE(level.has_value()) << name;
    EXPECT_STREQ(NameOf(*level), name);
  }
  EXPECT_FALSE(ReadLogLevel("loud").has_value());
}

TEST(LogSampler, LetsTheFirstTenThroughAndCountsTheRest) {
  LogSampler sampler;
  const absl::Time begin = absl::UnixEpoch();
  for (int i = 0; i < 100; ++i) {
    const auto taken = sampler.Take("again", begin + absl::Seconds(0.05 * i));
    EXPECT_EQ(taken.has_value(), i < 10) << i;
  }
  EXPECT_TRUE(sampler.Take("another", begin).has_value());
  EXPECT_EQ(sampler.Take("again", begin + absl::Seconds(10)), 90u);
  EXPECT_EQ(sampler.Take("again", begin + absl::Seconds(11)), 0u);
}

TEST(LogSampler, SurvivesAClockThatIsSetBack) {
  LogSampler sampler;
  const absl::Time now = absl::UnixEpoch() + absl::Hours(1);
  for (int i = 0; i < 20; ++i) sampler.Take("m", now);
  EXPECT_TRUE(sampler.Take("m", now - absl::Minutes(30)).has_value());
}

TEST(LogSampler, HoldsABoundedNumberOfMessages) {
  LogSampler sampler;
  int taken = 0;
  for (int i = 0; i < 10000; ++i) {
    if (sampler.Take(absl::StrCat("m", i), absl::UnixEpoch())) ++taken;
  }
  EXPECT_EQ(taken, static_cast<int>(LogSampler::kMessagesMax) + 10);
}

TEST(TraceParent, IsReadAsW3cSays) {
  const TraceContext trace = ReadTraceParent(
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(trace.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace.span_id, "00f067aa0ba902b7");
  // A later version may have more.
  EXPECT_NE(ReadTraceParent(
                "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-new")
                .trace_id,
            "");
}

TEST(TraceParent, OfAnotherFormIsNoTrace) {
  for (const char* bad :
       {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-new",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-\"},{\"level\":\"error\",\"a\":\"b-00f067aa0ba902b7-01"}) {
    EXPECT_EQ(ReadTraceParent(bad).trace_id, "") << bad;
    EXPECT_EQ(ReadTraceParent(bad).span_id, "") << bad;
  }
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

double WrongSum(const kernels::RowView& row, kernels::Scale scale,
                kernels::Cut cut, uint32_t* active_count, uint64_t* count) {
  return kernels::Find("auto")->sum_weights(row, scale, cut, active_count,
                                            count) *
         (1 + 0x1p-52);
}

TEST(SelfTest, FailsWhenOneMassIsOffByTheLastBit) {
  kernels::KernelTable wrong = *kernels::Find("auto");
  wrong.name = "WRONG";
  wrong.mass_cut = WrongMass;
  wrong.weigh = WrongWeigh;
  wrong.sum_weights = WrongSum;
  EXPECT_THAT(SelfTest(wrong), testing::StatusIs(absl::StatusCode::kInternal,
                                                 "the kernels WRONG and"));
}

}  // namespace
}  // namespace logitd
