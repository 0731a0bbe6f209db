// The cores that this process may run on, as hwloc finds them
// (https://www.open-mpi.org/projects/hwloc/doc/), and how many threads they are worth.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace bora {

// What the process may use of a NUMA node: memory, and the CPUs that are nearest to it.
struct CpuNode {
  int number = 0;         // the kernel's
  int cores = 0;          // with one of `cpus`
  std::vector<int> cpus;  // the kernel's numbers, ascending
};

struct CpuTopology {
  int cores = 1;               // physical cores of which the process may use a CPU
  int cpus = 1;                // CPUs (hardware threads) that it may use
  std::vector<CpuNode> nodes;  // that have one of them; none where there is but one, or it is not
                               // known of each CPU which is its own
  std::optional<int> quota;    // CPUs that its control groups allow, rounded up

  [[nodiscard]] std::size_t node_count() const { return nodes.empty() ? 1 : nodes.size(); }
};

// Of this machine: the affinity mask of the calling thread and the quota of its control groups.
// Where the system shows no cores, each CPU counts as one. Never fails.
CpuTopology cpu_topology();

// Of a machine in hwloc's synthetic notation, such as "numa:2 core:8 pu:2", and of a process that
// may use the CPUs `usable` of it, such as "0-3,8" (empty: all); nullopt where hwloc takes neither.
std::optional<CpuTopology> synthetic_topology(const std::string& machine,
                                              const std::string& usable);

// One thread for each physical core: a second one would share its arithmetic units. No more than
// the quota; 1 to 1024.
int default_threads(const CpuTopology& topology);
inline int default_threads() { return default_threads(cpu_topology()); }

// How many of `threads` threads run on each of topology.nodes: as many as its share of the cores,
// rounded up or down. One number, of them all, where there are no nodes.
std::vector<int> threads_by_node(const CpuTopology& topology, int threads);

// "16 with 32 CPUs on 2 NUMA nodes, quota of 8 CPUs"
std::string describe(const CpuTopology& topology);

}  // namespace bora
