// ThreadPool: a fixed set of workers that run one task at a time, together.
//
// Within a step (while a HotScope lives) idle workers spin for a while, so that a task costs about
// a microsecond to start; then, and outside of one at once, they park and use no CPU. The caller
// waits for the workers likewise. Owner: one thread calls run() and makes HotScopes, and takes part
// as worker 0; it may hand the pool over whole between two calls. Tasks must not throw and must not
// call run().
//
// On a machine of several NUMA nodes workers stand in groups, one a node, each bound to the CPUs of
// its node: memory that a worker is the first to write is its own node's.
#pragma once

#include "base/cpu_topology.h"
#include "base/function_ref.h"
#include "base/result.h"

#include <memory>
#include <span>
#include <vector>

namespace bora {

// Workers [first, first + count) of a pool.
struct WorkerGroup {
  int first = 0;
  int count = 0;
  int node = 0;           // NUMA node, by the kernel's number
  std::vector<int> cpus;  // which they are bound to; empty: they are not
};

class ThreadPool {
 public:
  static constexpr int kMostThreads = 1024;

  // Starts `threads` - 1 threads (the caller is worker 0), spread over the nodes as
  // threads_by_node() says. threads: 1 to kMostThreads.
  // Errors: kUsage for a count out of range; kFailed where the system refuses a thread.
  static Result<std::unique_ptr<ThreadPool>> create(int threads, const CpuTopology& topology = {});

  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;

  [[nodiscard]] int threads() const;
  // At least one, in the order of the workers.
  [[nodiscard]] std::span<const WorkerGroup> groups() const;
  [[nodiscard]] const WorkerGroup& group_of(int worker) const;

  // Calls task(worker) once for every worker in [0, threads()) and returns when all have returned.
  // What the workers wrote is visible to the caller afterwards. The caller is not bound: a thread
  // that calls for long binds itself to the CPUs of group_of(0).
  void run(FunctionRef<void(int worker)> task);
  // The same with the caller bound, as the workers are, while it lasts: for tasks that are the
  // first to write memory that their workers will read.
  void run_bound(FunctionRef<void(int worker)> task);

  // Keeps the workers spinning between tasks for as long as it lives.
  class HotScope {
   public:
    explicit HotScope(ThreadPool& pool);
    ~HotScope();
    HotScope(const HotScope&) = delete;
    HotScope& operator=(const HotScope&) = delete;
    HotScope(HotScope&&) = delete;
    HotScope& operator=(HotScope&&) = delete;

   private:
    ThreadPool& pool_;
  };

 private:
  struct State;
  explicit ThreadPool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bora
