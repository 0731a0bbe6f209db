// What this machine is and can do, for bench, doctor and the report of run.
#pragma once

#include "backend/probe.h"
#include "base/result.h"
#include "tensor/buffer.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bora {

// The CPU's name as the system tells it; "unknown CPU" where it does not.
std::string cpu_name();

// Of the instruction sets that matter to inference, those the system says this CPU has, as
// /proc/cpuinfo names them.
std::vector<std::string> cpu_features();
// Whether /proc/cpuinfo lists AMX that this process may not use.
bool has_amx_withheld();

// Measures one machine's limits with the kernels and threads that a model would run on. Holds its
// buffer, so that bench can probe between its runs. Owner: one thread.
class MachineProbe {
 public:
  // Errors: kUsage for an ISA or a thread count that cannot be; kDoesNotFit.
  static Result<MachineProbe> create(int threads, const std::optional<std::string>& isa,
                                     ComputeType compute = ComputeType::kAuto);

  [[nodiscard]] std::string isa() const { return std::string(kernels_->isa); }
  [[nodiscard]] int threads() const { return pool_->threads(); }

  double read_bandwidth_gb_s();
  double fma_gflops();
  double int8_gops();
  // Of the inner loop of linear() of such weights.
  double linear_gops(DType weights);

 private:
  MachineProbe(std::unique_ptr<ThreadPool> pool, const kernels::CpuKernels* kernels, Buffer buffer)
      : pool_(std::move(pool)), kernels_(kernels), buffer_(std::move(buffer)) {}

  std::unique_ptr<ThreadPool> pool_;
  const kernels::CpuKernels* kernels_;
  Buffer buffer_;
};

Result<double> measure_read_bandwidth(int threads, const std::optional<std::string>& isa);

}  // namespace bora
