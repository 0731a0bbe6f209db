#include "cli/machine.h"

#include "base/cpu_topology.h"
#include "base/memory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace bora {
namespace {

// Above most last-level caches, and a small part of the memory that is left.
std::size_t probe_bytes() {
  constexpr std::size_t kMost = std::size_t{512} << 20;
  constexpr std::size_t kLeast = std::size_t{1} << 20;
  return std::clamp(available_memory() / 4, kLeast, kMost);
}

// Writes every page, each worker its part, so that reading finds memory and not the zero page.
void fill(ThreadPool& pool, std::span<std::byte> bytes) {
  const std::size_t part = bytes.size() / static_cast<std::size_t>(pool.threads()) + 1;
  pool.run([&](int worker) {
    const std::size_t begin = std::min(bytes.size(), part * static_cast<std::size_t>(worker));
    const std::size_t size = std::min(part, bytes.size() - begin);
    std::memset(bytes.data() + begin, 1, size);
  });
}

// The first value of that key in /proc/cpuinfo; empty where there is none.
std::string cpuinfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace

std::string cpu_name() {
  std::string name = cpuinfo("model name");
  return name.empty() ? "unknown CPU" : name;
}

std::vector<std::string> cpu_features() {
  constexpr std::array kInteresting = {"avx2",     "fma",         "f16c",        "avx_vnni",
                                       "avx512f",  "avx512_vnni", "avx512_bf16", "avx512_fp16",
                                       "amx_tile", "amx_int8",    "amx_bf16"};
  std::istringstream flags(cpuinfo("flags"));
  const std::set<std::string> all{std::istream_iterator<std::string>(flags), {}};
  std::vector<std::string> found;
  for (const char* feature : kInteresting) {
    if (all.contains(feature)) found.emplace_back(feature);
  }
  return found;
}

bool has_amx_withheld() {
  const std::vector<std::string> features = cpu_features();
  const bool listed = std::ranges::all_of(
      std::array{"amx_tile", "amx_int8", "amx_bf16"},
      [&](const char* feature) { return std::ranges::find(features, feature) != features.end(); });
  return listed && !kernels::detect_cpu_features().amx;
}

Result<MachineProbe> MachineProbe::create(int threads, const std::optional<std::string>& isa,
                                          ComputeType compute) {
  const CpuTopology topology = cpu_topology();
  Result<std::unique_ptr<ThreadPool>> pool =
      ThreadPool::create(threads == 0 ? default_threads(topology) : threads, topology);
  if (!pool) return std::move(pool).error();
  Result<const kernels::CpuKernels*> selected =
      kernels::select_cpu_kernels(kernels::detect_cpu_features(), isa, compute);
  if (!selected) return std::move(selected).error();
  Result<Buffer> buffer = Buffer::allocate(probe_bytes());
  if (!buffer) return std::move(buffer).error();
  fill(**pool, buffer->bytes());
  return MachineProbe(*std::move(pool), *selected, *std::move(buffer));
}

double MachineProbe::read_bandwidth_gb_s() {
  return probe_read_bandwidth(*pool_, *kernels_, buffer_.bytes());
}

double MachineProbe::fma_gflops() { return probe_fma_gflops(*pool_, *kernels_); }

double MachineProbe::int8_gops() { return probe_int8_gops(*pool_, *kernels_); }

double MachineProbe::linear_gops(DType weights) {
  return probe_linear_gops(*pool_, *kernels_, weights);
}

Result<double> measure_read_bandwidth(int threads, const std::optional<std::string>& isa) {
  Result<MachineProbe> probe = MachineProbe::create(threads, isa);
  if (!probe) return std::move(probe).error();
  return probe->read_bandwidth_gb_s();
}

}  // namespace bora
