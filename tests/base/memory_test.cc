#include "base/memory.h"

#include "tests/base/temp_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace bora {
namespace {

namespace fs = std::filesystem;

class AvailableMemory : public ::testing::Test {
 protected:
  void write(const fs::path& name, std::string_view text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  std::size_t available() {
    return available_memory({root_ / "proc", root_ / "sys"}, root_ / "meminfo");
  }

 private:
  const testing::TempFolder temp_;
  const fs::path& root_ = temp_.path();
};

TEST_F(AvailableMemory, IsUnlimitedWhereNothingCanBeRead) {
  EXPECT_EQ(available(), std::numeric_limits<std::size_t>::max());
}

TEST_F(AvailableMemory, IsWhatTheKernelEstimates) {
  write("meminfo", "MemTotal:       2048 kB\nMemAvailable:    1000 kB\n");
  EXPECT_EQ(available(), 1024000U);
}

TEST_F(AvailableMemory, CountsThePageCacheOfAVersion2GroupAsFree) {
  write("meminfo", "MemAvailable:    1000000 kB\n");
  write("proc", "0::/box\n");
  write("sys/box/memory.max", "10000\n");
  write("sys/box/memory.current", "7000\n");
  write("sys/box/memory.stat", "anon 4000\ninactive_file 1000\nactive_file 2000\n");
  EXPECT_EQ(available(), 6000U);
}

TEST_F(AvailableMemory, ReadsVersion1AndTheTightestParent) {
  write("meminfo", "MemAvailable:    1000000 kB\n");
  write("proc", "4:memory:/outer/inner\n");
  write("sys/memory/outer/inner/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/memory/outer/memory.limit_in_bytes", "5000\n");
  write("sys/memory/outer/memory.usage_in_bytes", "3000\n");
  EXPECT_EQ(available(), 2000U);
}

TEST_F(AvailableMemory, IsZeroWhereTheGroupIsFull) {
  write("proc", "0::/\n");
  write("sys/memory.max", "1000\n");
  write("sys/memory.current", "2000\n");
  EXPECT_EQ(available(), 0U);
}

TEST(AvailableMemoryHere, IsPositive) { EXPECT_GT(available_memory(), 0U); }

}  // namespace
}  // namespace bora
