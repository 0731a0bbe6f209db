// linear() and attention() as a model calls them: through the CPU backend, on all threads, over
// weights far larger than the caches. Reports GB/s of weights (or cache) and GFLOP/s.
#include "backend/cpu/cpu_backend.h"
#include "backend/probe.h"
#include "base/check.h"
#include "base/cpu_affinity.h"
#include "tensor/buffer.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

namespace bora {
namespace {

// This machine as it is, or as if each of its CPUs were a NUMA node of its own: what cutting by
// nodes and binding cost where they gain nothing.
enum class Nodes { kAsFound, kOneEach };

CpuTopology topology_of(Nodes nodes) {
  CpuTopology topology = cpu_topology();
  if (nodes == Nodes::kAsFound) return topology;
  topology.nodes.clear();
  for (const int cpu : allowed_cpus()) topology.nodes.push_back({0, 1, {cpu}});
  return topology;
}

std::unique_ptr<Backend> make_backend(int threads, Nodes nodes = Nodes::kAsFound) {
  auto backend = make_cpu_backend({.threads = threads, .topology = topology_of(nodes)});
  CHECK(backend.has_value(), "a CPU backend");
  CHECK((*backend)->reserve(4096, 16384).has_value(), "workspace");
  return std::move(backend).value();
}

// Weights with plausible bit patterns: small scales, no NaN.
Buffer make_weights(DType dtype, std::size_t bytes) {
  auto buffer = Buffer::allocate(bytes);
  CHECK(buffer.has_value(), "memory");
  const bool plain = info(dtype).block_values == 1;
  std::size_t i = 0;
  for (std::byte& byte : buffer->bytes()) byte = std::byte(plain ? 0x3B : (i++ * 37) & 0x2F);
  return std::move(buffer).value();
}

void count(benchmark::State& state, double bytes, double operations) {
  const auto turns = static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(bytes * turns * 1e-9, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * turns * 1e-9, benchmark::Counter::kIsRate);
}

// A layer's worth of rows, out of which each turn takes the next part, so that decode always reads
// memory and never a cache.
void linear(benchmark::State& state, DType dtype, std::size_t columns, std::size_t rows,
            std::size_t tokens, int threads, Nodes nodes) {
  const auto backend = make_backend(threads, nodes);
  const std::size_t bytes = rows * row_bytes(dtype, columns);
  const std::size_t copies = std::max<std::size_t>(1, (std::size_t{600} << 20) / bytes);
  const Buffer weights = make_weights(dtype, bytes * (tokens == 1 ? copies : 1));
  std::vector<float> x(tokens * columns, 0.5F);
  std::vector<float> out(tokens * rows);
  backend->begin_step();
  std::size_t turn = 0;
  for (auto _ : state) {
    const std::size_t copy = tokens == 1 ? turn++ % copies : 0;
    const Projection projection{
        .weight = {weights.bytes().data() + copy * bytes, dtype, {rows, columns}},
        .bias = {},
        .out = {reinterpret_cast<std::byte*>(out.data()), DType::kF32, {tokens, rows}}};
    backend->linear(
        {.x = {reinterpret_cast<const std::byte*>(x.data()), DType::kF32, {tokens, columns}},
         .projections = {&projection, 1}});
  }
  backend->end_step();
  count(
      state, static_cast<double>(bytes),
      2.0 * static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(tokens));
}

// Queries of one sequence at the end of `context` positions, over keys and values of `dtype`.
void attention(benchmark::State& state, DType dtype, std::size_t queries, std::size_t context,
               int threads) {
  constexpr std::size_t kHeads = 32, kKvHeads = 8, kHeadDim = 128, kBlockTokens = 16;
  const auto backend = make_backend(threads);
  const std::size_t blocks = (context + kBlockTokens - 1) / kBlockTokens;
  const std::size_t bytes = blocks * kKvHeads * kBlockTokens * row_bytes(dtype, kHeadDim);
  Buffer cache = make_weights(DType::kBF16, 2 * bytes);
  std::vector<float> q(queries * kHeads * kHeadDim, 0.25F);
  std::vector<float> out(q.size());
  std::vector<std::int32_t> table(blocks);
  std::iota(table.begin(), table.end(), 0);
  const std::int32_t cu_seqlens[] = {0, static_cast<std::int32_t>(queries)};
  const auto length = static_cast<std::int32_t>(context);
  const Shape shape{queries, kHeads * kHeadDim};
  backend->begin_step();
  for (auto _ : state) {
    backend->attention({.q = {reinterpret_cast<const std::byte*>(q.data()), DType::kF32, shape},
                        .layer = {cache.bytes().data(), cache.bytes().data() + bytes, dtype,
                                  kBlockTokens, kKvHeads, kHeadDim},
                        .cu_seqlens_q = cu_seqlens,
                        .context_lens = {&length, 1},
                        .block_tables = table,
                        .max_blocks_per_sequence = blocks,
                        .scale = 0.088F,
                        .out = {reinterpret_cast<std::byte*>(out.data()), DType::kF32, shape}});
  }
  backend->end_step();
  const double seen = static_cast<double>(queries) *
                      (static_cast<double>(context) - static_cast<double>(queries - 1) / 2);
  count(state, 2.0 * static_cast<double>(bytes), 4.0 * seen * kHeads * kHeadDim);
}

void probe(benchmark::State& state, int threads) {
  const auto kernels =
      kernels::select_cpu_kernels(kernels::detect_cpu_features(), {}, ComputeType::kAuto);
  auto pool = ThreadPool::create(threads);
  CHECK(pool.has_value() && kernels.has_value(), "a pool and kernels");
  for (auto _ : state) {
    const auto probe = probe_cpu(**pool, **kernels);
    CHECK(probe.has_value(), "memory");
    state.counters["GB/s"] = probe->read_bandwidth_gb_s;
    state.counters["GFLOP/s"] = probe->fma_gflops;
    state.counters["int8 Gop/s"] = probe->int8_gops;
  }
}

// Decode of rows as short as a small model's and as long as Mistral's.
void register_nodes() {
  for (const auto& [nodes, name] :
       {std::pair{Nodes::kAsFound, "as found"}, std::pair{Nodes::kOneEach, "one a CPU"}}) {
    for (const DType dtype : {DType::kBF16, DType::kQ4_0}) {
      for (const std::size_t columns : {576U, 4096U}) {
        const std::string title = "nodes/" + std::string(info(dtype).name) + "/" +
                                  std::to_string(columns) + " columns/" + name;
        benchmark::RegisterBenchmark(title.c_str(), linear, dtype, columns, 1536, 1, 2, nodes)
            ->UseRealTime();
      }
    }
  }
}

void register_all() {
  register_nodes();
  for (const int threads : {1, 2}) {
    const std::string suffix = "/threads:" + std::to_string(threads);
    benchmark::RegisterBenchmark(("probe" + suffix).c_str(), probe, threads)
        ->Iterations(1)
        ->UseRealTime();
    for (const DTypeInfo& type : kDTypes) {
      for (const std::size_t tokens : {1U, 4U, 16U, 64U, 512U}) {
        const std::string name = "linear/" + std::string(type.name) +
                                 "/4096x4096/tokens:" + std::to_string(tokens) + suffix;
        benchmark::RegisterBenchmark(name.c_str(), linear, type.dtype, 4096, 4096, tokens, threads,
                                     Nodes::kAsFound)
            ->UseRealTime();
      }
      const std::string name = "linear/" + std::string(type.name) + "/576x1536/tokens:64" + suffix;
      benchmark::RegisterBenchmark(name.c_str(), linear, type.dtype, 576, 1536, 64, threads,
                                   Nodes::kAsFound)
          ->UseRealTime();
    }
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      for (const auto& [queries, context] :
           {std::pair<std::size_t, std::size_t>{1, 4096}, {512, 512}, {512, 4096}}) {
        const std::string name = "attention/" + std::string(info(dtype).name) +
                                 "/queries:" + std::to_string(queries) +
                                 "/context:" + std::to_string(context) + suffix;
        benchmark::RegisterBenchmark(name.c_str(), attention, dtype, queries, context, threads)
            ->UseRealTime();
      }
    }
  }
}

const bool kRegistered = [] {
  register_all();
  return true;
}();

}  // namespace
}  // namespace bora
