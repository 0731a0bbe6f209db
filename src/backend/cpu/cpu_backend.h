// The CPU backend: splits the rows of each op over a ThreadPool and calls the kernels of one ISA.
// Threads decide nothing about the result: each output value is computed whole by one worker.
#pragma once

#include "backend/backend.h"

#include <memory>
#include <optional>
#include <string>

namespace bora {

struct CpuBackendOptions {
  int threads = 0;  // 0: default_threads()
  std::optional<std::string> isa =
      std::nullopt;  // "scalar", "avx2", ...: forced; else the CPU's best
  ComputeType compute = ComputeType::kAuto;
};

// Errors: kUsage for an ISA that is unknown or that this CPU lacks (names both), or a bad thread
// count.
Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuBackendOptions& options);

}  // namespace bora
