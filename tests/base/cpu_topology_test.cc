#include "base/cpu_topology.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sched.h>
#include <string>
#include <thread>

namespace bora {
namespace {

struct Machine {
  std::string description;
  std::string usable;
  int cores;
  int cpus;
  int nodes;
};

TEST(CpuTopology, CountsCoresCpusAndNodesThatMayBeUsed) {
  // hwloc numbers CPUs depth first: both of a core one after the other.
  const Machine machines[] = {
      {"core:3 pu:1", "", 3, 3, 1},
      {"core:16 pu:2", "", 16, 32, 1},
      {"numa:2 core:16 pu:2", "", 32, 64, 2},
      {"package:2 numa:2 core:8 pu:2", "", 32, 64, 4},
      {"numa:8 core:128 pu:1", "", 1024, 1024, 8},
      {"numa:2 core:4 pu:2", "0-3", 2, 4, 1},        // one socket
      {"numa:2 core:4 pu:2", "0,2,4,6,8", 5, 5, 2},  // a CPU a core
      {"numa:2 core:4 pu:2", "1,7-9", 3, 4, 2},      // in part
      {"numa:2 core:4 pu:2", "15", 1, 1, 1},
      {"package:2 [numa] [numa] core:4 pu:2", "", 8, 16, 2},  // fast memory and large
      {"[numa] [numa] core:4 pu:1", "", 4, 4, 1},
      {"pu:6", "", 6, 6, 1},  // no cores are shown
  };
  for (const Machine& machine : machines) {
    const auto found = synthetic_topology(machine.description, machine.usable);
    ASSERT_TRUE(found.has_value()) << machine.description;
    EXPECT_EQ(found->cores, machine.cores) << machine.description << ", " << machine.usable;
    EXPECT_EQ(found->cpus, machine.cpus) << machine.description << ", " << machine.usable;
    EXPECT_EQ(found->nodes, machine.nodes) << machine.description << ", " << machine.usable;
    EXPECT_EQ(default_threads(*found), machine.cores) << machine.description;
  }
  EXPECT_FALSE(synthetic_topology("nonsense", "").has_value());
}

TEST(CpuTopology, GivesAThreadToEachCoreWithinTheQuota) {
  EXPECT_EQ(default_threads({.cores = 16, .cpus = 32, .nodes = 1, .quota = {}}), 16);
  EXPECT_EQ(default_threads({.cores = 16, .cpus = 32, .nodes = 1, .quota = 20}), 16);
  EXPECT_EQ(default_threads({.cores = 16, .cpus = 32, .nodes = 1, .quota = 3}), 3);
  EXPECT_EQ(default_threads({.cores = 0, .cpus = 0, .nodes = 0, .quota = {}}), 1);
  EXPECT_EQ(default_threads({.cores = 2000, .cpus = 4000, .nodes = 1, .quota = {}}), 1024);
}

TEST(CpuTopology, KeepsToTheAffinityMask) {
  cpu_set_t whole;
  ASSERT_EQ(sched_getaffinity(0, sizeof(whole), &whole), 0);
  const CpuTopology all = cpu_topology();
  EXPECT_EQ(all.cpus, CPU_COUNT(&whole));
  EXPECT_LE(all.cores, all.cpus);
  CpuTopology found;
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof(one), &one) == 0) found = cpu_topology();
  }).join();
  EXPECT_EQ(found.cpus, 1);
  EXPECT_EQ(found.cores, 1);
  EXPECT_EQ(found.nodes, 1);
}

TEST(CpuTopology, IsThatOfThisMachineWhateverTheEnvironmentSays) {
  const CpuTopology plain = cpu_topology();
  ASSERT_EQ(setenv("HWLOC_SYNTHETIC", "numa:2 core:400 pu:2", 1), 0);
  const CpuTopology told = cpu_topology();
  unsetenv("HWLOC_SYNTHETIC");
  EXPECT_EQ(told.cpus, plain.cpus);
  EXPECT_EQ(told.nodes, 1);
  EXPECT_EQ(told.cores, plain.cpus);
}

}  // namespace
}  // namespace bora
