#include "base/cpu_affinity.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <sched.h>

namespace bora {
namespace {

// A mask of a size that is known when the machine is: CPU numbers up to `capacity` - 1.
class Mask {
 public:
  explicit Mask(int capacity)
      : capacity_(capacity), bytes_(CPU_ALLOC_SIZE(capacity)), set_(CPU_ALLOC(capacity)) {
    if (set_ != nullptr) CPU_ZERO_S(bytes_, set_.get());
  }

  bool read() { return set_ != nullptr && sched_getaffinity(0, bytes_, set_.get()) == 0; }
  [[nodiscard]] bool write() const {
    return set_ != nullptr && sched_setaffinity(0, bytes_, set_.get()) == 0;
  }
  void add(int cpu) {
    if (set_ != nullptr) CPU_SET_S(static_cast<std::size_t>(cpu), bytes_, set_.get());
  }
  [[nodiscard]] std::vector<int> cpus() const {
    std::vector<int> cpus;
    for (int cpu = 0; cpu < capacity_; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes_, set_.get())) cpus.push_back(cpu);
    }
    return cpus;
  }

 private:
  struct Free {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
  };
  int capacity_;
  std::size_t bytes_;
  std::unique_ptr<cpu_set_t, Free> set_;
};

}  // namespace

std::vector<int> allowed_cpus() {
  // The kernel's own mask has as many bits as it was built for: grow until it fits.
  constexpr int kMost = 1 << 20;
  for (int capacity = 1024; capacity <= kMost; capacity *= 2) {
    if (Mask mask(capacity); mask.read()) return mask.cpus();
  }
  return {};
}

bool allow_cpus(std::span<const int> cpus) {
  if (cpus.empty()) return true;
  Mask mask(*std::max_element(cpus.begin(), cpus.end()) + 1);
  for (const int cpu : cpus) mask.add(cpu);
  return mask.write();
}

CpuBinding::CpuBinding(std::span<const int> cpus) {
  if (cpus.empty()) return;
  before_ = allowed_cpus();
  if (!allow_cpus(cpus)) before_.clear();
}

CpuBinding::~CpuBinding() { allow_cpus(before_); }

}  // namespace bora
