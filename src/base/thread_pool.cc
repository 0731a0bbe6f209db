#include "base/thread_pool.h"

#include "base/check.h"
#include "base/cpu_affinity.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace bora {
namespace {

// A wait that is worth parking for has lasted this long: longer than workers with equal parts of an
// op are apart, and than what runs between two ops; parking and waking take some 10 us each.
constexpr std::chrono::microseconds kPatience{200};

// A busy wait. A few microseconds of pauses cost the other hyper-thread little; after them the wait
// is long enough (or another process owns the CPU that we wait for) to offer ours.
class Spinner {
 public:
  // Waits a moment; false where that has been tried for kPatience.
  bool turn() {
    if (turns_ < kPauses) {
      ++turns_;
      pause();
      return true;
    }
    const auto now = std::chrono::steady_clock::now();
    if (turns_ == kPauses) {
      ++turns_;
      end_ = now + kPatience;
    }
    if (now >= end_) return false;
    std::this_thread::yield();
    return true;
  }

 private:
  static constexpr int kPauses = 256;

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  int turns_ = 0;
  std::chrono::steady_clock::time_point end_;
};

// One for each node that has a thread.
std::vector<WorkerGroup> make_groups(int threads, const CpuTopology& topology) {
  const std::vector<int> counts = threads_by_node(topology, threads);
  std::vector<WorkerGroup> groups;
  int first = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const CpuNode node = topology.nodes.empty() ? CpuNode{} : topology.nodes[i];
    if (counts[i] == 0) continue;
    groups.push_back({.first = first, .count = counts[i], .node = node.number, .cpus = node.cpus});
    first += counts[i];
  }
  return groups;
}

}  // namespace

struct ThreadPool::State {
  using Task = FunctionRef<void(int)>;

  // Counts the tasks handed out; parked workers wait on it. Alone on its cache line, as is
  // `unfinished`: every worker reads the one in a loop and writes the other once a task.
  alignas(64) std::atomic<std::uint32_t> generation{0};
  alignas(64) std::atomic<int> unfinished{0};
  alignas(64) std::atomic<bool> hot{false};
  std::atomic<bool> stopping{false};
  const Task* task = nullptr;  // published by `generation`
  std::vector<WorkerGroup> groups;
  std::vector<std::thread> workers;

  void work(int worker) {
    allow_cpus(group_of(worker).cpus);  // where that is refused it works all the same
    std::uint32_t seen = 0;
    while (true) {
      wait_for_task(seen);
      ++seen;
      if (stopping.load(std::memory_order_relaxed)) return;
      (*task)(worker);
      if (unfinished.fetch_sub(1, std::memory_order_release) == 1) unfinished.notify_one();
    }
  }

  [[nodiscard]] const WorkerGroup& group_of(int worker) const {
    std::size_t g = 0;
    while (worker >= groups[g].first + groups[g].count) ++g;
    return groups[g];
  }

  void wait_for_task(std::uint32_t seen) {
    Spinner spinner;
    while (generation.load(std::memory_order_acquire) == seen) {
      if (!hot.load(std::memory_order_relaxed) || !spinner.turn()) {
        generation.wait(seen, std::memory_order_acquire);
      }
    }
  }

  void wait_for_workers() {
    Spinner spinner;
    for (int left = unfinished.load(std::memory_order_acquire); left != 0;
         left = unfinished.load(std::memory_order_acquire)) {
      if (!spinner.turn()) unfinished.wait(left, std::memory_order_acquire);
    }
  }

  void publish() {
    generation.fetch_add(1, std::memory_order_release);
    generation.notify_all();
  }
};

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads, const CpuTopology& topology) {
  if (threads < 1 || threads > kMostThreads) {
    return Error{ErrorCode::kUsage,
                 "threads: expected 1 to " + std::to_string(kMostThreads) + ", found " +
                     std::to_string(threads),
                 {}};
  }
  // The pool owns the state before the first thread starts, so that its destructor ends the threads
  // that did start where a later one is refused.
  std::unique_ptr<ThreadPool> pool(new ThreadPool(std::make_unique<State>()));
  State* state = pool->state_.get();
  state->groups = make_groups(threads, topology);
  state->workers.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int worker = 1; worker < threads; ++worker) {
      state->workers.emplace_back([state, worker] { state->work(worker); });
    }
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kFailed,
                 "threads: the system refused thread " + std::to_string(state->workers.size() + 2) +
                     " of " + std::to_string(threads) + " (" + error.what() + ")",
                 {"use a smaller --threads"}};
  }
  return pool;
}

ThreadPool::ThreadPool(std::unique_ptr<State> state) : state_(std::move(state)) {}

ThreadPool::~ThreadPool() {
  state_->stopping.store(true, std::memory_order_relaxed);
  state_->publish();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

std::span<const WorkerGroup> ThreadPool::groups() const { return state_->groups; }

const WorkerGroup& ThreadPool::group_of(int worker) const { return state_->group_of(worker); }

void ThreadPool::run(FunctionRef<void(int worker)> task) {
  State& state = *state_;
  if (state.workers.empty()) {
    task(0);
    return;
  }
  state.task = &task;
  state.unfinished.store(static_cast<int>(state.workers.size()), std::memory_order_relaxed);
  state.publish();
  task(0);
  state.wait_for_workers();
}

void ThreadPool::run_bound(FunctionRef<void(int worker)> task) {
  const CpuBinding binding(group_of(0).cpus);
  run(task);
}

ThreadPool::HotScope::HotScope(ThreadPool& pool) : pool_(pool) {
  CHECK(!pool_.state_->hot.load(std::memory_order_relaxed), "one HotScope at a time");
  pool_.state_->hot.store(true, std::memory_order_relaxed);
}

ThreadPool::HotScope::~HotScope() { pool_.state_->hot.store(false, std::memory_order_relaxed); }

}  // namespace bora
