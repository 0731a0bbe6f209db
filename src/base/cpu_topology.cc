#include "base/cpu_topology.h"

#include "base/cpu_affinity.h"
#include "base/cpu_limit.h"
#include "base/thread_pool.h"

#include <algorithm>
#include <hwloc.h>
#include <memory>
#include <thread>
#include <utility>

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
// say.
Bitmap affinity_mask() {
  const std::vector<int> cpus = allowed_cpus();
  Bitmap mask(cpus.empty() ? nullptr : hwloc_bitmap_alloc());
  if (mask == nullptr) return nullptr;
  for (const int cpu : cpus) hwloc_bitmap_set(mask.get(), static_cast<unsigned>(cpu));
  return mask;
}

std::vector<int> numbers_of(hwloc_const_bitmap_t set) {
  std::vector<int> numbers;
  for (int i = hwloc_bitmap_first(set); i >= 0; i = hwloc_bitmap_next(set, i)) numbers.push_back(i);
  return numbers;
}

int count_cores(hwloc_topology_t topology, hwloc_const_bitmap_t usable) {
  int found = 0;
  for (hwloc_obj_t core = nullptr;
       (core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != nullptr;) {
    if (hwloc_bitmap_intersects(core->cpuset, usable) != 0) ++found;
  }
  return found > 0 ? found : std::max(1, hwloc_bitmap_weight(usable));
}

// Those that have one of the CPUs `usable`; those with the same CPUs (a node's fast memory and its
// large one) are one, the first.
std::vector<CpuNode> find_nodes(hwloc_topology_t topology, hwloc_const_bitmap_t usable) {
  std::vector<CpuNode> nodes;
  const Bitmap mine(hwloc_bitmap_alloc());
  for (hwloc_obj_t node = nullptr;
       (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
    hwloc_bitmap_and(mine.get(), node->cpuset, usable);
    std::vector<int> cpus = numbers_of(mine.get());
    if (cpus.empty() || (!nodes.empty() && nodes.back().cpus == cpus)) continue;
    nodes.push_back({.number = static_cast<int>(node->os_index),
                     .cores = count_cores(topology, mine.get()),
                     .cpus = std::move(cpus)});
  }
  return nodes;
}

CpuTopology usable_part(hwloc_topology_t topology, hwloc_const_bitmap_t usable) {
  CpuTopology found;
  found.cpus = std::max(1, hwloc_bitmap_weight(usable));
  found.cores = count_cores(topology, usable);
  found.nodes = find_nodes(topology, usable);
  int placed = 0;
  for (const CpuNode& node : found.nodes) placed += static_cast<int>(node.cpus.size());
  if (found.nodes.size() < 2 || placed != found.cpus) found.nodes.clear();
  return found;
}

CpuTopology each_a_core(int cpus) {
  return {.cores = cpus, .cpus = cpus, .nodes = {}, .quota = std::nullopt};
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
  return usable_part(topology.get(), usable.get());
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
  return usable_part(topology.get(), cpus.get());
}

int default_threads(const CpuTopology& topology) {
  return std::clamp(std::min(topology.cores, topology.quota.value_or(topology.cores)), 1,
                    ThreadPool::kMostThreads);
}

std::vector<int> threads_by_node(const CpuTopology& topology, int threads) {
  std::vector<int> counts;
  int cores = 0;
  for (const CpuNode& node : topology.nodes) cores += node.cores;
  int before = 0;
  int given = 0;
  for (const CpuNode& node : topology.nodes) {
    before += node.cores;
    const int until = (threads * before + cores - 1) / cores;
    counts.push_back(until - given);
    given = until;
  }
  if (counts.empty()) counts.push_back(threads);
  return counts;
}

std::string describe(const CpuTopology& topology) {
  const auto counted = [](std::size_t number, const std::string& thing) {
    return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
  };
  std::string text = std::to_string(topology.cores) + " with " +
                     counted(static_cast<std::size_t>(topology.cpus), "CPU") + " on " +
                     counted(topology.node_count(), "NUMA node");
  if (topology.quota) {
    text += ", quota of " + counted(static_cast<std::size_t>(*topology.quota), "CPU");
  }
  return text;
}

}  // namespace bora
