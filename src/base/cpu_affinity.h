// Which CPUs the calling thread may run on. Linux: sched_getaffinity(2), sched_setaffinity(2).
#pragma once

#include <span>
#include <vector>

namespace bora {

// By the kernel's numbers, ascending; empty where it does not tell.
std::vector<int> allowed_cpus();

// Binds the calling thread, and those that it starts from now on, to these CPUs; nothing happens
// where there are none. False where the system refuses: the thread runs where it did.
bool allow_cpus(std::span<const int> cpus);

// Binds the calling thread for as long as it lives.
class CpuBinding {
 public:
  explicit CpuBinding(std::span<const int> cpus);
  ~CpuBinding();
  CpuBinding(const CpuBinding&) = delete;
  CpuBinding& operator=(const CpuBinding&) = delete;
  CpuBinding(CpuBinding&&) = delete;
  CpuBinding& operator=(CpuBinding&&) = delete;

 private:
  std::vector<int> before_;  // empty: nothing to undo
};

}  // namespace bora
