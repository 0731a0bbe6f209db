#include "backend/probe.h"

#include "backend/cpu/split.h"
#include "base/memory.h"
#include "tensor/buffer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <unistd.h>
#include <vector>

namespace bora {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBudget{150};
constexpr int kMaxRuns = 8;

// Calls run() on all workers again and again; the best operations per second, all workers together.
template <class Run>
double best_rate(ThreadPool& pool, const Run& run) {
  std::vector<double> operations(static_cast<std::size_t>(pool.threads()));
  std::vector<float> sink(operations.size());  // keeps the work from being left out
  const ThreadPool::HotScope hot(pool);
  const Clock::time_point begin = Clock::now();
  double best = 0.0;
  for (int i = 0; i < kMaxRuns; ++i) {
    const Clock::time_point start = Clock::now();
    if (i > 1 && start - begin > kBudget) break;
    pool.run([&](int worker) {
      const kernels::ProbeResult result = run(worker);
      operations[static_cast<std::size_t>(worker)] = result.operations;
      sink[static_cast<std::size_t>(worker)] = result.value;
    });
    const std::chrono::duration<double> seconds = Clock::now() - start;
    double total = 0.0;
    for (const double count : operations) total += count;
    best = std::max(best, total / seconds.count());
  }
  return best;
}

// Of a probe that computes, in turns as many as take some milliseconds: an emulated multiply-add
// takes a hundred times as long as an instruction.
template <class Probe>
double best_gops(ThreadPool& pool, const Probe& probe) {
  constexpr std::chrono::milliseconds kLongEnough{4};
  std::size_t turns = 64;
  for (Clock::duration taken{}; taken < kLongEnough;) {
    turns *= 2;
    const Clock::time_point start = Clock::now();
    probe(turns);
    taken = Clock::now() - start;
  }
  return best_rate(pool, [&](int) { return probe(turns); }) * 1e-9;
}

std::size_t bytes_to_read() {
  constexpr std::size_t kLeast = std::size_t{64} << 20;
  constexpr std::size_t kMost = std::size_t{1} << 30;
  const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const std::size_t wanted = cache > 0 ? 4 * static_cast<std::size_t>(cache) : 0;
  return std::min(std::clamp(wanted, kLeast, kMost), available_memory() / 4);
}

}  // namespace

double probe_read_bandwidth(ThreadPool& pool, const kernels::CpuKernels& kernels,
                            std::span<const std::byte> buffer) {
  constexpr std::size_t kTile = 4096;
  double best = 0.0;
  for (const std::size_t streams : {std::size_t{1}, kernels::kManyStreams}) {
    best = std::max(best, best_rate(pool, [&](int worker) {
                      const Range part =
                          part_of(buffer.size() / kTile * kTile, kTile, worker, pool.threads());
                      return kernels.probe_read(buffer.data() + part.begin, part.size(), streams);
                    }));
  }
  return best * 1e-9;
}

double probe_fma_gflops(ThreadPool& pool, const kernels::CpuKernels& kernels) {
  return best_gops(pool, kernels.probe_fma);
}

double probe_int8_gops(ThreadPool& pool, const kernels::CpuKernels& kernels) {
  return best_gops(pool, kernels.probe_int8);
}

double probe_linear_gops(ThreadPool& pool, const kernels::CpuKernels& kernels, DType weights) {
  return best_gops(pool, [&](std::size_t turns) { return kernels.probe_linear(weights, turns); });
}

Result<CpuProbe> probe_cpu(ThreadPool& pool, const kernels::CpuKernels& kernels,
                           std::size_t buffer_bytes) {
  Result<Buffer> buffer = Buffer::allocate(buffer_bytes == 0 ? bytes_to_read() : buffer_bytes);
  if (!buffer) return std::move(buffer).error();
  // Written, so that reads meet memory and not the one page of zeros.
  const std::span<std::byte> bytes = buffer->bytes();
  pool.run([&](int worker) {
    const Range part = part_of(bytes.size(), 1, worker, pool.threads());
    std::memset(bytes.data() + part.begin, 1, part.size());
  });
  return CpuProbe{.read_bandwidth_gb_s = probe_read_bandwidth(pool, kernels, bytes),
                  .fma_gflops = probe_fma_gflops(pool, kernels),
                  .int8_gops = probe_int8_gops(pool, kernels)};
}

}  // namespace bora
