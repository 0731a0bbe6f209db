// The CPU backend: splits the rows of each op over a ThreadPool and calls the kernels of one ISA.
// Threads decide nothing about the result: each output value is computed whole by one worker.
//
// On a machine of several NUMA nodes the rows of each weight are cut by node first, then by worker,
// so that copy_weight() can bring them where they are read; keys and values lie on all nodes in
// turn, page by page. Not run on such a machine yet.
#pragma once

#include "backend/backend.h"
#include "base/cpu_topology.h"

#include <memory>
#include <optional>
#include <string>

namespace bora {

struct CpuBackendOptions {
  int threads = 0;  // 0: default_threads()
  std::optional<std::string> isa =
      std::nullopt;  // "scalar", "avx2", ...: forced; else the CPU's best
  ComputeType compute = ComputeType::kAuto;
  std::optional<CpuTopology> topology = std::nullopt;  // nullopt: this machine's
};

// Errors: kUsage for an ISA that is unknown or that this CPU lacks (names both), or a bad thread
// count.
Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuBackendOptions& options);

}  // namespace bora
