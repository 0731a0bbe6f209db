#include "base/cpu_limit.h"

#include "tests/base/temp_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>

namespace bora {
namespace {

namespace fs = std::filesystem;

// A scratch folder that stands for /proc/self/cgroup ("proc") and /sys/fs/cgroup ("sys").
class CgroupCpuLimit : public ::testing::Test {
 protected:
  void write(const fs::path& name, std::string_view text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  std::optional<int> limit() { return cgroup_cpu_limit(root_ / "proc", root_ / "sys"); }

 private:
  const testing::TempFolder temp_;
  const fs::path& root_ = temp_.path();
};

TEST_F(CgroupCpuLimit, IsNoneWithoutAnyFile) { EXPECT_EQ(limit(), std::nullopt); }

TEST_F(CgroupCpuLimit, RoundsTheQuotaOfVersion2Up) {
  write("proc", "0::/box\n");
  write("sys/box/cpu.max", "250000 100000\n");
  EXPECT_EQ(limit(), 3);
}

TEST_F(CgroupCpuLimit, TakesTheTightestGroupOnTheWayToTheRoot) {
  write("proc", "0::/outer/inner\n");
  write("sys/outer/inner/cpu.max", "max 100000\n");
  write("sys/outer/cpu.max", "400000 100000\n");
  write("sys/cpu.max", "800000 100000\n");
  EXPECT_EQ(limit(), 4);
}

TEST_F(CgroupCpuLimit, ReadsTheRootWhereTheHostsPathIsNotVisible) {
  write("proc", "0::/docker/0123abcd\n");
  write("sys/cpu.max", "50000 100000\n");
  EXPECT_EQ(limit(), 1);
}

TEST_F(CgroupCpuLimit, ReadsTheQuotaOfVersion1) {
  write("proc", "5:memory:/m\n4:cpu,cpuacct:/box\n");
  write("sys/cpu,cpuacct/box/cpu.cfs_quota_us", "200000\n");
  write("sys/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limit(), 2);
  write("sys/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(limit(), std::nullopt);
}

TEST_F(CgroupCpuLimit, IgnoresMalformedFiles) {
  for (const char* text : {"", "max", "100000", "x y", "1 0", "99999999999999999999 1"}) {
    write("proc", "0::/box\n:\nnonsense\n");
    write("sys/box/cpu.max", text);
    EXPECT_EQ(limit(), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bora
