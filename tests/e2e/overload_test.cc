// More load than a server can take: what it lets in is as fast as it was, what
// it does not is told so at once, and no token is wrong.
//
// The figures depend on a quiet machine, so they are printed; LOGITD_LONG=1
// runs longer and holds them against their bounds.
#include <cstdio>
#include <cstdlib>

#include "gtest/gtest.h"
#include "tests/e2e/open_load.h"
#include "tests/e2e/processes.h"

namespace logitd {
namespace {

using testing::LoadResult;
using testing::Logitd;
using testing::OpenLoad;
using testing::Quantile;

bool IsLong() { return std::getenv("LOGITD_LONG") != nullptr; }

void Print(const char* name, const LoadResult& load) {
  const auto per_second = [&load](uint64_t count) {
    return static_cast<double>(count) / load.seconds;
  };
  std::printf(
      "%-12s offered %7.0f/s withheld %7.0f/s admitted %6.0f/s (p50 %.2f, p99 "
      "%.2f ms) refused %6.0f/s (p50 %.2f, p99 %.2f ms)\n",
      name, per_second(load.offered), per_second(load.withheld),
      per_second(load.admitted), Quantile(load.admitted_ms, .5),
      Quantile(load.admitted_ms, .99), per_second(load.refused),
      Quantile(load.refused_ms, .5), Quantile(load.refused_ms, .99));
}

// What holds on any machine.
void ExpectWhole(const LoadResult& load) {
  EXPECT_EQ(load.wrong, 0u);
  EXPECT_EQ(load.offered, load.withheld + load.admitted + load.refused);
  EXPECT_GT(load.admitted, 0u);
}

struct Figures {
  double peak = 0;
  LoadResult half, twice, tenfold, after;
};

Figures Measure(OpenLoad* load, absl::Duration duration) {
  Figures figures;
  load->Closed(2, duration / 4);  // warms up
  const LoadResult peak = load->Closed(4, duration);
  Print("peak", peak);
  figures.peak = peak.Goodput();
  const auto open = [&](const char* name, double times) {
    LoadResult result = load->Open(times * figures.peak, duration);
    Print(name, result);
    ExpectWhole(result);
    return result;
  };
  figures.half = open("half", .5);
  figures.twice = open("twice", 2);
  figures.tenfold = open("tenfold", 10);
  figures.after = open("half again", .5);
  return figures;
}

// Goodput, latency of what was let in, and how fast the rest was refused.
bool Hold(const Figures& figures) {
  const double half = Quantile(figures.half.admitted_ms, .99);
  bool hold = true;
  for (const LoadResult* load : {&figures.twice, &figures.tenfold}) {
    hold = hold && load->Goodput() >= .95 * figures.peak &&
           Quantile(load->admitted_ms, .99) <= 3 * half &&
           Quantile(load->refused_ms, .99) <= half;
  }
  // Over within the pause between two phases: the server is as it was.
  return hold && figures.after.refused <= figures.half.refused &&
         Quantile(figures.after.admitted_ms, .99) <= 1.5 * half;
}

TEST(Overload, IsShedAndWhatIsLetInStaysFast) {
  const testing::TempFolder folder;
  Logitd server(folder, "1", "auto", {"--max_queue_delay", "4ms"});
  ASSERT_TRUE(server.Serves());
  OpenLoad load(server.target(), 80);
  bool hold = false;
  for (int run = 0; run < (IsLong() ? 3 : 1) && !hold; ++run) {
    const Figures figures =
        Measure(&load, IsLong() ? absl::Seconds(10) : absl::Seconds(2));
    EXPECT_GT(figures.tenfold.refused, 0u);
    hold = Hold(figures);
  }
  if (IsLong()) {
    EXPECT_TRUE(hold);
  }
  // What the server counted is what the clients saw.
  EXPECT_EQ(server.Metric("logitd_unanswered_bytes"), 0);
  EXPECT_EQ(
      server.Metric(R"(logitd_shed_requests_total{reason="queue_delay"})"),
      static_cast<double>(load.total().refused));
  EXPECT_EQ(server.Metric("logitd_steps_total"),
            static_cast<double>(load.total().admitted));
}

}  // namespace
}  // namespace logitd
