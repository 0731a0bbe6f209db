#include "base/cpu_topology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <sched.h>
#include <string>
#include <thread>
#include <vector>

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
    EXPECT_EQ(found->nodes.size(),
              machine.nodes == 1 ? 0U : static_cast<std::size_t>(machine.nodes))
        << machine.description << ", " << machine.usable;
    EXPECT_EQ(default_threads(*found), machine.cores) << machine.description;
  }
  EXPECT_FALSE(synthetic_topology("nonsense", "").has_value());
}

TEST(CpuTopology, TellsWhichCpusOfWhichNodeMayBeUsed) {
  const auto found = synthetic_topology("numa:4 core:2 pu:2", "0-3,5,6,8");
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->nodes.size(), 3U) << "none of the last node";
  EXPECT_EQ(found->nodes[0].cpus, std::vector({0, 1, 2, 3}));
  EXPECT_EQ(found->nodes[1].cpus, std::vector({5, 6}));
  EXPECT_EQ(found->nodes[2].cpus, std::vector({8}));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found->nodes[i].number, static_cast<int>(i));
    EXPECT_EQ(found->nodes[i].cores, i == 2 ? 1 : 2);
  }
}

// A node whose CPUs are not all known as its own would get too few threads.
TEST(CpuTopology, PlacesNothingWhereTheNodesOverlap) {
  const auto found = synthetic_topology("package:2 [numa] l3:2 [numa] core:2 pu:1", "");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->cpus, 8);
  EXPECT_TRUE(found->nodes.empty());
}

TEST(ThreadsByNode, FollowTheCoresOfTheNodes) {
  for (const char* machine : {"core:6 pu:2", "numa:2 core:16 pu:2", "numa:8 core:12 pu:1"}) {
    for (const char* usable : {"", "0-20", "3,17-40", "1-90"}) {
      const auto found = synthetic_topology(machine, usable);
      ASSERT_TRUE(found.has_value());
      int cores = 0;
      for (const CpuNode& node : found->nodes) cores += node.cores;
      for (int threads = 1; threads <= 256; ++threads) {
        const std::vector<int> counts = threads_by_node(*found, threads);
        ASSERT_EQ(counts.size(), std::max<std::size_t>(found->nodes.size(), 1));
        int sum = 0;
        for (std::size_t i = 0; i < counts.size(); ++i) {
          sum += counts[i];
          if (found->nodes.empty()) continue;
          const double share = static_cast<double>(threads) * found->nodes[i].cores / cores;
          EXPECT_NEAR(counts[i], share, 1.0) << machine << ", " << usable << ", " << threads;
        }
        EXPECT_EQ(sum, threads) << machine << ", " << usable;
      }
    }
  }
}

TEST(CpuTopology, IsDescribedInWords) {
  EXPECT_EQ(describe({.cores = 1, .cpus = 1, .nodes = {}, .quota = {}}),
            "1 with 1 CPU on 1 NUMA node");
  auto two = synthetic_topology("numa:2 core:8 pu:2", "");
  ASSERT_TRUE(two.has_value());
  two->quota = 6;
  EXPECT_EQ(describe(*two), "16 with 32 CPUs on 2 NUMA nodes, quota of 6 CPUs");
}

TEST(CpuTopology, GivesAThreadToEachCoreWithinTheQuota) {
  EXPECT_EQ(default_threads({.cores = 16, .cpus = 32, .nodes = {}, .quota = {}}), 16);
  EXPECT_EQ(default_threads({.cores = 16, .cpus = 32, .nodes = {}, .quota = 20}), 16);
  EXPECT_EQ(default_threads({.cores = 16, .cpus = 32, .nodes = {}, .quota = 3}), 3);
  EXPECT_EQ(default_threads({.cores = 0, .cpus = 0, .nodes = {}, .quota = {}}), 1);
  EXPECT_EQ(default_threads({.cores = 2000, .cpus = 4000, .nodes = {}, .quota = {}}), 1024);
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
  EXPECT_TRUE(found.nodes.empty());
}

TEST(CpuTopology, IsThatOfThisMachineWhateverTheEnvironmentSays) {
  const CpuTopology plain = cpu_topology();
  ASSERT_EQ(setenv("HWLOC_SYNTHETIC", "numa:2 core:400 pu:2", 1), 0);
  const CpuTopology told = cpu_topology();
  unsetenv("HWLOC_SYNTHETIC");
  EXPECT_EQ(told.cpus, plain.cpus);
  EXPECT_EQ(told.nodes.size(), plain.nodes.size());
  EXPECT_EQ(told.cores, plain.cpus);
}

}  // namespace
}  // namespace bora
