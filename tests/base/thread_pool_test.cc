#include "base/thread_pool.h"

#include "base/cpu_affinity.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

namespace bora {
namespace {

std::unique_ptr<ThreadPool> make_pool(int threads) {
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(threads);
  EXPECT_TRUE(pool.has_value());
  return std::move(pool).value();
}

TEST(ThreadPool, CallsTheTaskOnceForEveryWorker) {
  for (const int threads : {1, 2, 3, 8}) {
    const auto pool = make_pool(threads);
    EXPECT_EQ(pool->threads(), threads);
    std::vector<int> calls(static_cast<std::size_t>(threads), 0);
    for (int i = 0; i < 100; ++i) {
      pool->run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
    }
    EXPECT_EQ(calls, std::vector<int>(static_cast<std::size_t>(threads), 100)) << threads;
  }
}

TEST(ThreadPool, ShowsTheCallerWhatTheWorkersWrote) {
  const auto pool = make_pool(4);
  std::vector<int> values(4096, 0);
  const ThreadPool::HotScope hot(*pool);
  for (int round = 1; round <= 50; ++round) {
    pool->run([&](int worker) {
      for (std::size_t i = static_cast<std::size_t>(worker); i < values.size(); i += 4) {
        values[i] = round;
      }
    });
    EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0), 4096 * round);
  }
}

TEST(ThreadPool, RunsInsideAndOutsideHotScopesInTurn) {
  const auto pool = make_pool(3);
  std::atomic<int> calls{0};
  const auto count = [&](int) { calls.fetch_add(1, std::memory_order_relaxed); };
  for (int i = 0; i < 20; ++i) {
    pool->run(count);
    const ThreadPool::HotScope hot(*pool);
    pool->run(count);
    pool->run(count);
  }
  EXPECT_EQ(calls.load(), 20 * 3 * 3);
}

// Workers and caller park when they have waited long: neither may miss that it is over.
TEST(ThreadPool, WakesThoseThatParkedWithinAHotScope) {
  const auto pool = make_pool(3);
  const ThreadPool::HotScope hot(*pool);
  std::atomic<int> calls{0};
  for (int round = 0; round < 60; ++round) {
    pool->run([&](int worker) {
      const bool is_late = worker == round % 4;
      if (is_late) std::this_thread::sleep_for(std::chrono::microseconds(150 + 10 * round));
      calls.fetch_add(1, std::memory_order_relaxed);
    });
    EXPECT_EQ(calls.load(), 3 * (round + 1));
    if (round % 4 == 3) std::this_thread::sleep_for(std::chrono::microseconds(10 * round));
  }
}

TEST(ThreadPool, EndsItsTasksWithManyMoreThreadsThanCpus) {
  const auto pool = make_pool(64);
  const ThreadPool::HotScope hot(*pool);
  std::atomic<int> calls{0};
  for (int round = 0; round < 100; ++round) {
    pool->run([&](int) { calls.fetch_add(1, std::memory_order_relaxed); });
  }
  EXPECT_EQ(calls.load(), 64 * 100);
}

TEST(ThreadPool, MayBeDestroyedWithoutEverHavingRun) {
  for (int i = 0; i < 20; ++i) make_pool(4);
}

TEST(ThreadPool, RefusesACountOutOfRange) {
  for (const int threads : {0, -1, 1025}) {
    const auto pool = ThreadPool::create(threads);
    ASSERT_FALSE(pool.has_value());
    EXPECT_EQ(pool.error().code, ErrorCode::kUsage);
    EXPECT_NE(pool.error().message.find("found " + std::to_string(threads)), std::string::npos)
        << pool.error().message;
  }
}

// A machine of as many nodes as this one has CPUs, at most two.
CpuTopology nodes_of_a_cpu() {
  CpuTopology topology;
  for (const int cpu : allowed_cpus()) {
    if (topology.nodes.size() == 2) break;
    topology.nodes.push_back(
        {.number = static_cast<int>(topology.nodes.size()), .cores = 1, .cpus = {cpu}});
  }
  return topology;
}

TEST(ThreadPool, BindsTheWorkersOfAGroupToTheirNode) {
  const CpuTopology topology = nodes_of_a_cpu();
  if (topology.nodes.size() < 2) GTEST_SKIP() << "one CPU";
  const std::vector<int> before = allowed_cpus();
  for (const int threads : {2, 3, 5}) {
    const auto pool = ThreadPool::create(threads, topology);
    ASSERT_TRUE(pool.has_value());
    ASSERT_EQ((*pool)->groups().size(), 2U);
    EXPECT_EQ((*pool)->groups()[1].first, (*pool)->groups()[0].count);
    std::vector<std::vector<int>> seen(static_cast<std::size_t>(threads));
    (*pool)->run([&](int worker) { seen[static_cast<std::size_t>(worker)] = allowed_cpus(); });
    for (int worker = 0; worker < threads; ++worker) {
      const WorkerGroup& group = (*pool)->group_of(worker);
      EXPECT_GE(worker, group.first);
      EXPECT_LT(worker, group.first + group.count);
      EXPECT_EQ(seen[static_cast<std::size_t>(worker)], worker == 0 ? before : group.cpus);
    }
  }
  EXPECT_EQ(allowed_cpus(), before);
}

TEST(ThreadPool, HasNoGroupWithoutWorkers) {
  const auto one = ThreadPool::create(1, nodes_of_a_cpu());
  ASSERT_TRUE(one.has_value());
  ASSERT_EQ((*one)->groups().size(), 1U);
  EXPECT_EQ((*one)->groups()[0].count, 1);
  const auto unbound = make_pool(4);
  ASSERT_EQ(unbound->groups().size(), 1U);
  EXPECT_TRUE(unbound->groups()[0].cpus.empty());
  EXPECT_EQ(unbound->group_of(3).count, 4);
}

}  // namespace
}  // namespace bora
