#include "base/cpu_topology.h"

#include "base/cpu_limit.h"
#include "base/thread_pool.h"

#include <algorithm>
#include <hwloc.h>
#include <memory>
#include <sched.h>
#include <thread>

namespace bora {
namespace {

struct Destroy {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
  void operator()(hwloc_bitmap_s* bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Topology = std::unique_ptr<hwloc_topology, Destroy>;
using Bitmap = std::unique_ptr<hwloc_bitmap_s, Destroy>;

// Without caches and devices, which take time to look at, and without running on every CPU to ask
// it, as hwloc's component x86 does.
Topology make_topology() {
  hwloc_topology_t made = nullptr;
  if (hwloc_topology_init(&made) != 0) return nullptr;
  Topology topology(made);
  hwloc_topology_set_all_types_filter(made, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_type_filter(made, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
  // Or a node would count the CPUs of the machine as its own.
  hwloc_topology_set_type_filter(made, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL);
  hwloc_topology_set_type_filter(made, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
  hwloc_topology_set_components(made, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
  return topology;
}

// The affinity mask, asked of the kernel: hwloc would answer for what its environment variables
// say. It has as many bits as the kernel was built for: grow until it fits.
Bitmap affinity_mask() {
  Bitmap mask(hwloc_bitmap_alloc());
  for (int capacity = 1024; mask != nullptr && capacity <= (1 << 20); capacity *= 2) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    const bool fits = sched_getaffinity(0, bytes, set) == 0;
    for (int cpu = 0; fits && cpu < capacity; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set)) {
        hwloc_bitmap_set(mask.get(), static_cast<unsigned>(cpu));
      }
    }
    CPU_FREE(set);
    if (fits) return mask;
  }
  return nullptr;
}

// Objects of a type that have one of the CPUs `usable`; those with the same CPUs (a node's fast
// memory and its large one) are one.
int count(hwloc_topology_t topology, hwloc_obj_type_t type, hwloc_const_bitmap_t usable) {
  int found = 0;
  hwloc_const_bitmap_t last = nullptr;  // hwloc orders objects by their CPUs
  for (hwloc_obj_t each = hwloc_get_next_obj_by_type(topology, type, nullptr); each != nullptr;
       each = hwloc_get_next_obj_by_type(topology, type, each)) {
    const bool is_new = last == nullptr || hwloc_bitmap_isequal(each->cpuset, last) == 0;
    if (is_new && hwloc_bitmap_intersects(each->cpuset, usable) != 0) ++found;
    last = each->cpuset;
  }
  return found;
}

CpuTopology counts(hwloc_topology_t topology, hwloc_const_bitmap_t usable) {
  CpuTopology counted;
  counted.cpus = std::max(1, hwloc_bitmap_weight(usable));
  counted.cores = count(topology, HWLOC_OBJ_CORE, usable);
  if (counted.cores == 0) counted.cores = counted.cpus;
  counted.nodes = std::max(1, count(topology, HWLOC_OBJ_NUMANODE, usable));
  return counted;
}

CpuTopology each_a_core(int cpus) {
  return {.cores = cpus, .cpus = cpus, .nodes = 1, .quota = std::nullopt};
}

CpuTopology look() {
  const Bitmap usable = affinity_mask();
  if (usable == nullptr) {
    return each_a_core(std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
  }
  const Topology topology = make_topology();
  if (topology == nullptr || hwloc_topology_load(topology.get()) != 0 ||
      hwloc_topology_is_thissystem(topology.get()) == 0) {
    return each_a_core(std::max(1, hwloc_bitmap_weight(usable.get())));
  }
  return counts(topology.get(), usable.get());
}

}  // namespace

CpuTopology cpu_topology() {
  CpuTopology found = look();
  found.quota = cgroup_cpu_limit("/proc/self/cgroup", "/sys/fs/cgroup");
  return found;
}

std::optional<CpuTopology> synthetic_topology(const std::string& machine,
                                              const std::string& usable) {
  const Topology topology = make_topology();
  const Bitmap cpus(hwloc_bitmap_alloc());
  if (topology == nullptr || cpus == nullptr ||
      hwloc_topology_set_synthetic(topology.get(), machine.c_str()) != 0 ||
      hwloc_topology_load(topology.get()) != 0) {
    return std::nullopt;
  }
  if (usable.empty()) {
    hwloc_bitmap_copy(cpus.get(), hwloc_topology_get_topology_cpuset(topology.get()));
  } else if (hwloc_bitmap_list_sscanf(cpus.get(), usable.c_str()) != 0) {
    return std::nullopt;
  }
  return counts(topology.get(), cpus.get());
}

int default_threads(const CpuTopology& topology) {
  return std::clamp(std::min(topology.cores, topology.quota.value_or(topology.cores)), 1,
                    ThreadPool::kMostThreads);
}

}  // namespace bora
