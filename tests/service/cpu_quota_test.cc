#include "service/cpu_quota.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/support/service_fixture.h"

namespace logitd {
namespace {

class CpuQuotaTest : public ::testing::Test {
 protected:
  void Put(const std::string& file, const std::string& text) {
    const std::filesystem::path path = folder_.File(file);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::optional<double> Quota() { return CpuQuota(folder_.path()); }

  testing::TempFolder folder_;
};

TEST_F(CpuQuotaTest, HasNoneWithoutControlGroups) {
  EXPECT_EQ(Quota(), std::nullopt);
}

TEST_F(CpuQuotaTest, ReadsVersionTwo) {
  Put("proc/self/cgroup", "0::/pod/box\n");
  Put("sys/fs/cgroup/pod/box/cpu.max", "150000 100000\n");
  EXPECT_EQ(Quota(), 1.5);
}

TEST_F(CpuQuotaTest, TakesTheLeastOnTheWayUp) {
  Put("proc/self/cgroup", "0::/pod/box\n");
  Put("sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
  Put("sys/fs/cgroup/pod/cpu.max", "50000 100000\n");
  Put("sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(Quota(), 0.5);
}

TEST_F(CpuQuotaTest, ReadsTheRootOfAContainer) {
  Put("proc/self/cgroup", "0::/\n");
  Put("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(Quota(), 2.0);
}

TEST_F(CpuQuotaTest, ReadsVersionOne) {
  Put("proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a/b\n");
  Put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "250000\n");
  Put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), 2.5);
}

TEST_F(CpuQuotaTest, VersionOneWithoutLimitIsNone) {
  Put("proc/self/cgroup", "4:cpu,cpuacct:/\n");
  Put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  Put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), std::nullopt);
}

TEST_F(CpuQuotaTest, SurvivesNonsense) {
  Put("proc/self/cgroup", "nonsense\n0::/x\n");
  Put("sys/fs/cgroup/x/cpu.max", "a b c\n");
  Put("sys/fs/cgroup/cpu.max", "1 0\n");
  EXPECT_EQ(Quota(), std::nullopt);
}

TEST(UsableCpus, IsAtLeastOne) { EXPECT_GE(UsableCpus(), 1u); }

}  // namespace
}  // namespace logitd
