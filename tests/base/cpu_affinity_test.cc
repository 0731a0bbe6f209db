#include "base/cpu_affinity.h"

#include <gtest/gtest.h>

#include <sched.h>
#include <thread>

namespace bora {
namespace {

// On a thread of its own: the others of the test stay where they are.
template <class Test>
void on_a_thread(const Test& test) {
  std::thread(test).join();
}

TEST(CpuAffinity, IsWhatTheKernelSays) {
  const std::vector<int> cpus = allowed_cpus();
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  ASSERT_EQ(static_cast<int>(cpus.size()), CPU_COUNT(&set));
  for (const int cpu : cpus) EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(cpu), &set)) << cpu;
}

TEST(CpuAffinity, BindsTheCallingThreadAlone) {
  const std::vector<int> before = allowed_cpus();
  on_a_thread([&] {
    EXPECT_TRUE(allow_cpus(std::vector{before.back()}));
    EXPECT_EQ(allowed_cpus(), std::vector{before.back()});
    EXPECT_EQ(sched_getcpu(), before.back());
  });
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(CpuAffinity, RefusesCpusThatAreNotThereAndChangesNothing) {
  const std::vector<int> before = allowed_cpus();
  EXPECT_FALSE(allow_cpus(std::vector{1 << 15}));
  EXPECT_TRUE(allow_cpus({}));
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(CpuBinding, EndsWithItsScope) {
  const std::vector<int> before = allowed_cpus();
  on_a_thread([&] {
    {
      const CpuBinding binding(std::vector{before.front()});
      EXPECT_EQ(allowed_cpus(), std::vector{before.front()});
    }
    EXPECT_EQ(allowed_cpus(), before);
    const CpuBinding nowhere(std::vector{1 << 15});
    EXPECT_EQ(allowed_cpus(), before);
  });
}

}  // namespace
}  // namespace bora
