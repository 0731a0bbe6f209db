// ThreadPool: a fixed set of workers that run one task at a time, together.
//
// Within a step (while a HotScope lives) idle workers spin for a while, so that a task costs about
// a microsecond to start; then, and outside of one at once, they park and use no CPU. The caller
// waits for the workers likewise. Owner: one thread calls run() and makes HotScopes, the same one
// for the pool's whole life; it takes part as worker 0. Tasks must not throw and must not call
// run().
#pragma once

#include "base/function_ref.h"
#include "base/result.h"

#include <memory>

namespace bora {

class ThreadPool {
 public:
  static constexpr int kMostThreads = 1024;

  // Starts `threads` - 1 threads (the caller is worker 0). threads: 1 to kMostThreads.
  // Errors: kUsage for a count out of range; kFailed where the system refuses a thread.
  static Result<std::unique_ptr<ThreadPool>> create(int threads);

  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;

  [[nodiscard]] int threads() const;

  // Calls task(worker) once for every worker in [0, threads()) and returns when all have returned.
  // What the workers wrote is visible to the caller afterwards.
  void run(FunctionRef<void(int worker)> task);

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
