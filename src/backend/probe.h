// What this machine's memory and cores can do at best: the roofs that `bora bench` and `bora
// doctor` hold measured speeds against. Each figure takes under 0.3 s; it is the best of a few
// runs, for other load on the machine only ever makes a run slower.
#pragma once

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/cpu/cpu_kernels.h"

#include <cstddef>
#include <span>

namespace bora {

// All workers of the pool reading `buffer`, each its part of it, in one stream or in several,
// whichever is faster: GB/s (1e9 bytes). The buffer should be several times the last-level cache,
// and written before.
double probe_read_bandwidth(ThreadPool& pool, const kernels::CpuKernels& kernels,
                            std::span<const std::byte> buffer);

// All workers computing in registers: f32 GFLOP/s (a multiply-add counts two), and int8 Gop/s of
// the ISA's integer dot product, its widening to 32 bits included.
double probe_fma_gflops(ThreadPool& pool, const kernels::CpuKernels& kernels);
double probe_int8_gops(ThreadPool& pool, const kernels::CpuKernels& kernels);

// The same for the inner loop of linear() of such weights, Gop/s: what is done for a weight and an
// activation counts two.
double probe_linear_gops(ThreadPool& pool, const kernels::CpuKernels& kernels, DType weights);

struct CpuProbe {
  double read_bandwidth_gb_s = 0.0;
  double fma_gflops = 0.0;
  double int8_gops = 0.0;
};

// All of them, over a buffer of its own of at most `buffer_bytes`: 0 takes four times the
// last-level cache, but at most a quarter of the memory that is available. Errors: kDoesNotFit
// where there is no memory for the buffer.
Result<CpuProbe> probe_cpu(ThreadPool& pool, const kernels::CpuKernels& kernels,
                           std::size_t buffer_bytes = 0);

}  // namespace bora
