#include "backend/cpu/cpu_backend.h"

#include "backend/cpu/attention_tasks.h"
#include "backend/cpu/prepared_activations.h"
#include "backend/cpu/rope_table.h"
#include "backend/cpu/split.h"
#include "backend/cpu/workers.h"
#include "base/check.h"
#include "base/cpu_affinity.h"
#include "base/cpu_topology.h"
#include "base/thread_pool.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/route.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace bora {
namespace {

constexpr std::size_t kUsualPairs = 64;  // head_dim 128; the rope table grows where there are more

constexpr std::size_t kUsualColumns = 256;  // the widest usual head; reserve() raises it

// Of one worker.
std::size_t worker_bytes(std::size_t max_columns) {
  return whole_pages(
      std::max(kernels::kLinearWorkspaceBytes,
               kernels::attention_workspace_bytes(std::max(max_columns, kUsualColumns))));
}

const float* floats(const TensorView& view) {
  CHECK(view.dtype == DType::kF32, "activations are f32");
  return reinterpret_cast<const float*>(view.data);
}

float* floats(const MutableTensorView& view) {
  CHECK(view.dtype == DType::kF32, "activations are f32");
  return reinterpret_cast<float*>(view.data);
}

class CpuBackend final : public Backend {
 public:
  CpuBackend(std::unique_ptr<ThreadPool> pool, const kernels::CpuKernels& kernels,
             std::size_t streams)
      : workers_(std::move(pool), kernels.row_tile), kernels_(kernels), streams_(streams) {}

  [[nodiscard]] std::string_view device() const override { return "cpu"; }
  [[nodiscard]] std::string_view isa() const override { return kernels_.isa; }
  [[nodiscard]] int threads() const override { return workers_.count(); }
  [[nodiscard]] int nodes() const override { return workers_.nodes(); }

  void adopt_thread() override { allow_cpus(workers_.pool().group_of(0).cpus); }
  Result<Buffer> allocate(std::size_t bytes, Fill fill) override {
    return workers_.allocate(bytes, fill);
  }
  TensorView copy_weight(TensorView weight, std::byte* to) override;
  Result<void> reserve(std::size_t max_tokens, std::size_t max_columns) override;
  [[nodiscard]] std::size_t reserve_bytes(std::size_t max_tokens,
                                          std::size_t max_columns) const override;

  void embed(const EmbedParams& params) override;
  void rms_norm(const RmsNormParams& params) override;
  void linear(const LinearParams& params) override;
  void rope(const RopeParams& params) override;
  void store_kv(const StoreKvParams& params) override;
  void copy_kv(const CopyKvParams& params) override;
  void attention(const AttentionParams& params) override;
  void silu_mul(const SiluMulParams& params) override;
  void gelu_mul(const GeluMulParams& params) override;
  void softcap(const SoftcapParams& params) override;
  void route(const RouteParams& params) override;
  void add_rows(const AddRowsParams& params) override;

  void begin_step() override { hot_.emplace(workers_.pool()); }
  void end_step() override { hot_.reset(); }
  void synchronize() override {}

 private:
  // Rows of all projections, of some tokens whose activations are prepared.
  void multiply(const LinearParams& params, Range tokens);
  // `rows` of one of them.
  void multiply_rows(const LinearParams& params, const Projection& projection, Range tokens,
                     Range rows, std::byte* workspace);

  std::byte* workspace(int worker) {
    return workspaces_.bytes().data() + static_cast<std::size_t>(worker) * workspace_bytes_;
  }

  Workers workers_;
  const kernels::CpuKernels& kernels_;
  std::size_t streams_;  // LinearArgs::streams
  std::optional<ThreadPool::HotScope> hot_;
  Buffer workspaces_;  // [threads, workspace_bytes_]
  std::size_t workspace_bytes_ = 0;
  PreparedActivations prepared_{kernels_};
  RopeTable rope_table_;
};

Result<void> CpuBackend::reserve(std::size_t max_tokens, std::size_t max_columns) {
  rope_table_.reserve(max_tokens, kUsualPairs);
  Result<void> reserved = prepared_.reserve(max_tokens, std::max(max_columns, kUsualColumns));
  if (!reserved) return reserved;
  const std::size_t bytes = worker_bytes(max_columns);
  if (bytes <= workspace_bytes_) return {};
  Result<Buffer> buffer = Buffer::allocate(bytes * static_cast<std::size_t>(threads()));
  if (!buffer) return std::move(buffer).error();
  workspaces_ = std::move(buffer).value();
  workspace_bytes_ = bytes;
  return {};
}

std::size_t CpuBackend::reserve_bytes(std::size_t max_tokens, std::size_t max_columns) const {
  return worker_bytes(max_columns) * static_cast<std::size_t>(threads()) +
         prepared_.bytes(max_tokens, std::max(max_columns, kUsualColumns)) +
         RopeTable::bytes_for(max_tokens, kUsualPairs);
}

TensorView CpuBackend::copy_weight(TensorView weight, std::byte* to) {
  const bool interleave = kernels_.int16_activations && info(weight.dtype).block_values > 1 &&
                          weight.shape.rows() % kernels_.lanes == 0;
  const TensorView copy{to, weight.dtype, weight.shape, interleave ? kernels_.lanes : 1};
  workers_.copy_rows(weight, copy.interleaved, to);
  return copy;
}

void CpuBackend::embed(const EmbedParams& params) {
  const std::size_t columns = params.table.shape.columns();
  float* out = floats(params.out);
  CHECK(params.out.shape.values() == params.ids.size() * columns, "embed: out is [T, H]");
  workers_.share(params.ids.size(), columns, [&](Range tokens) {
    kernels_.embed({.table = params.table.data,
                    .row_stride = params.table.row_bytes(),
                    .dtype = params.table.dtype,
                    .ids = params.ids.data() + tokens.begin,
                    .tokens = tokens.size(),
                    .columns = columns,
                    .out = out + tokens.begin * columns,
                    .scale = params.scale,
                    .interleaved = params.table.interleaved});
  });
}

void CpuBackend::rms_norm(const RmsNormParams& params) {
  const std::size_t columns = params.x.shape.columns();
  const float* x = floats(params.x);
  float* out = floats(params.out);
  CHECK(params.weight.shape.values() == columns, "rms_norm: weight is [H]");
  CHECK(params.out.shape.values() == params.x.shape.values(), "rms_norm: out is like x");
  workers_.share(params.x.shape.rows(), columns, [&](Range tokens) {
    kernels_.rms_norm({.x = x + tokens.begin * columns,
                       .tokens = tokens.size(),
                       .columns = columns,
                       .weight = params.weight.data,
                       .weight_dtype = params.weight.dtype,
                       .epsilon = params.epsilon,
                       .out = out + tokens.begin * columns,
                       .accumulate = params.accumulate});
  });
}

void CpuBackend::linear(const LinearParams& params) {
  const std::size_t tokens = params.x.shape.rows();
  const std::size_t in_features = params.x.shape.columns();
  std::size_t at_once = tokens;
  for (const Projection& projection : params.projections) {
    const std::size_t rows = projection.weight.shape.rows();
    CHECK(projection.weight.shape.columns() == in_features, "linear: weight is [out, in]");
    CHECK(projection.out.shape.values() == tokens * rows, "linear: out is [T, out]");
    CHECK(projection.bias.empty() || projection.bias.shape.values() == rows, "linear: bias");
    if (prepared_.are_wanted(projection.weight.dtype)) {
      CHECK(in_features <= prepared_.max_columns(), "linear: reserve() was called for its rows");
      at_once = prepared_.max_tokens();
    }
  }
  if (!prepared_.share_tiles(params)) {
    for (const Projection& projection : params.projections) {
      linear({.x = params.x, .projections = {&projection, 1}});
    }
    return;
  }
  for (std::size_t begin = 0; begin < tokens; begin += at_once) {
    const Range some{begin, std::min(tokens, begin + at_once)};
    prepared_.prepare(params, floats(params.x) + begin * in_features, some.size(),
                      [this](std::size_t items, std::size_t values_per_item, const auto& work) {
                        workers_.share(items, values_per_item, work);
                      });
    multiply(params, some);
  }
}

void CpuBackend::multiply(const LinearParams& params, Range tokens) {
  // A group's parts of the projections follow each other in one sequence of rows, each padded to
  // whole tiles, so that every worker reads one contiguous part of it and there is one wait at the
  // end.
  const std::size_t tile = workers_.row_tile();
  const auto padded = [tile](Range rows) { return (rows.size() + tile - 1) / tile * tile; };
  ThreadPool& pool = workers_.pool();
  pool.run([&](int worker) {
    const WorkerGroup& group = pool.group_of(worker);
    const auto of_group = [&](const Projection& projection) {
      return workers_.rows_of(group, projection.weight.shape.rows());
    };
    std::size_t total = 0;
    for (const Projection& each : params.projections) total += padded(of_group(each));
    const Range part = part_of(total, tile, worker - group.first, group.count);
    std::size_t begin = 0;
    for (const Projection& projection : params.projections) {
      const Range rows = of_group(projection);
      const Range mine = intersect(part, {begin, begin + rows.size()});
      if (!mine.empty()) {
        const std::size_t first = rows.begin + mine.begin - begin;
        multiply_rows(params, projection, tokens, {first, first + mine.size()}, workspace(worker));
      }
      begin += padded(rows);
    }
  });
}

void CpuBackend::multiply_rows(const LinearParams& params, const Projection& projection,
                               Range tokens, Range rows, std::byte* workspace) {
  const std::size_t in_features = params.x.shape.columns();
  const TensorView& weight = projection.weight;
  const TensorView& bias = projection.bias;
  const std::size_t out_stride = weight.shape.rows();
  kernels_.linear({.x = floats(params.x) + tokens.begin * in_features,
                   .tokens = tokens.size(),
                   .in_features = in_features,
                   .weight = weight.row(rows.begin),
                   .weight_stride = weight.row_bytes(),
                   .weight_dtype = weight.dtype,
                   .rows = rows.size(),
                   .bias = bias.empty() ? nullptr : bias.data + row_bytes(bias.dtype, rows.begin),
                   .bias_dtype = bias.dtype,
                   .out = floats(projection.out) + tokens.begin * out_stride + rows.begin,
                   .out_stride = out_stride,
                   .accumulate = projection.accumulate,
                   .workspace = workspace,
                   .interleaved = weight.interleaved,
                   .streams = streams_,
                   .rounded = prepared_.rounded(weight.dtype),
                   .pairs = prepared_.pairs(weight.dtype),
                   .tiles = prepared_.tiles(weight.dtype)});
}

void CpuBackend::rope(const RopeParams& params) {
  const std::size_t columns = params.x.shape.columns();
  const std::size_t pairs = params.inverse_frequencies.size();
  float* x = floats(params.x);
  CHECK(params.x.shape.rows() == params.positions.size(), "rope: a position per row");
  CHECK(columns % params.head_dim == 0 && 2 * pairs <= params.head_dim, "rope: whole heads");
  rope_table_.prepare(params.positions, params.inverse_frequencies, params.attention_factor);
  workers_.share(params.positions.size(), columns, [&](Range tokens) {
    kernels_.rope({.x = x + tokens.begin * columns,
                   .stride = columns,
                   .tokens = tokens.size(),
                   .heads = columns / params.head_dim,
                   .head_dim = params.head_dim,
                   .pairs = pairs,
                   .cosines = rope_table_.cosines() + tokens.begin * pairs,
                   .sines = rope_table_.sines() + tokens.begin * pairs,
                   .style = params.style});
  });
}

void CpuBackend::store_kv(const StoreKvParams& params) {
  const KvLayer& layer = params.layer;
  const std::size_t columns = layer.num_kv_heads * layer.head_dim;
  const std::size_t tokens = params.slot_mapping.size();
  CHECK(params.keys.shape.values() == tokens * columns, "store_kv: keys are [T, Nkv * D]");
  CHECK(params.values.shape.values() == tokens * columns, "store_kv: values are [T, Nkv * D]");
  const float* keys = floats(params.keys);
  const float* values = floats(params.values);
  workers_.share(tokens, 2 * columns, [&](Range range) {
    kernels::StoreKvArgs args{.x = keys + range.begin * columns,
                              .tokens = range.size(),
                              .heads = layer.num_kv_heads,
                              .head_dim = layer.head_dim,
                              .slots = params.slot_mapping.data() + range.begin,
                              .cache = layer.keys,
                              .dtype = layer.dtype,
                              .block_tokens = layer.block_tokens};
    kernels_.store_kv(args);
    args.x = values + range.begin * columns;
    args.cache = layer.values;
    kernels_.store_kv(args);
  });
}

// Rare and short, the beginning of a fork: not worth a second worker.
void CpuBackend::copy_kv(const CopyKvParams& params) {
  const KvLayer& layer = params.layer;
  CHECK(params.from.value >= 0 && params.to.value >= 0, "copy_kv: two blocks");
  const std::size_t block_bytes =
      row_bytes(layer.dtype, layer.num_kv_heads * layer.block_tokens * layer.head_dim);
  for (std::byte* half : {layer.keys, layer.values}) {
    std::memcpy(half + static_cast<std::size_t>(params.to.value) * block_bytes,
                half + static_cast<std::size_t>(params.from.value) * block_bytes, block_bytes);
  }
}

void CpuBackend::attention(const AttentionParams& params) {
  const KvLayer& layer = params.layer;
  const std::size_t columns = params.q.shape.columns();
  const float* q = floats(params.q);
  float* out = floats(params.out);
  CHECK(columns % (layer.head_dim * layer.num_kv_heads) == 0, "attention: whole groups of heads");
  CHECK(params.cu_seqlens_q.size() == params.context_lens.size() + 1, "attention: cu_seqlens_q");
  CHECK(layer.block_tokens > 0 && kAttentionSpan % layer.block_tokens == 0,
        "attention: block_tokens divides the span");
  CHECK(kernels::attention_workspace_bytes(layer.head_dim) <= workspace_bytes_,
        "attention: reserve() was called for the widest row");
  const AttentionTasks tasks(params);
  const std::size_t row_bytes = bora::row_bytes(layer.dtype, layer.head_dim);
  const std::size_t head_bytes = layer.block_tokens * row_bytes;

  const auto attend = [&](const AttentionTask& task, int worker) {
    const std::size_t s = task.sequence;
    const auto token = static_cast<std::size_t>(params.cu_seqlens_q[s]);
    const std::size_t offset = token * columns + task.kv_head * tasks.group() * layer.head_dim;
    kernels_.attention(
        {.q = q + offset,
         .out = out + offset,
         .token_stride = columns,
         .group = tasks.group(),
         .row_begin = task.rows.begin,
         .row_end = task.rows.end,
         .first_position = static_cast<std::size_t>(params.context_lens[s]) - tasks.query_length(s),
         .keys = layer.keys + task.kv_head * head_bytes,
         .values = layer.values + task.kv_head * head_bytes,
         .block_stride = layer.num_kv_heads * head_bytes,
         .dtype = layer.dtype,
         .block_tokens = layer.block_tokens,
         .block_table = params.block_tables.data() + s * params.max_blocks_per_sequence,
         .head_dim = layer.head_dim,
         .scale = params.scale,
         .softcap = params.logit_softcap,
         .window = params.sliding_window,
         .workspace = workspace(worker)});
  };
  std::atomic<std::size_t> next{0};
  workers_.pool().run([&](int worker) {
    for (std::size_t i = next.fetch_add(1); i < tasks.count(); i = next.fetch_add(1)) {
      attend(tasks[i], worker);
    }
  });
}

void CpuBackend::silu_mul(const SiluMulParams& params) {
  const std::size_t values = params.gate.shape.values();
  const float* gate = floats(params.gate);
  const float* up = floats(params.up);
  float* out = floats(params.out);
  CHECK(params.up.shape.values() == values && params.out.shape.values() == values,
        "silu_mul: up and out are like gate");
  workers_.share(values, 1, [&](Range range) {
    kernels_.silu_mul({.gate = gate + range.begin,
                       .up = up + range.begin,
                       .values = range.size(),
                       .out = out + range.begin});
  });
}

void CpuBackend::gelu_mul(const GeluMulParams& params) {
  const std::size_t values = params.gate.shape.values();
  const float* gate = floats(params.gate);
  const float* up = floats(params.up);
  float* out = floats(params.out);
  CHECK(params.up.shape.values() == values && params.out.shape.values() == values,
        "gelu_mul: up and out are like gate");
  workers_.share(values, 1, [&](Range range) {
    kernels_.gelu_mul({.gate = gate + range.begin,
                       .up = up + range.begin,
                       .values = range.size(),
                       .out = out + range.begin});
  });
}

void CpuBackend::softcap(const SoftcapParams& params) {
  float* x = floats(params.x);
  CHECK(params.cap > 0.0F, "softcap: a cap");
  workers_.share(params.x.shape.values(), 1, [&](Range range) {
    kernels_.softcap({.x = x + range.begin, .values = range.size(), .cap = params.cap});
  });
}

void CpuBackend::route(const RouteParams& params) {
  const std::size_t tokens = params.logits.shape.rows();
  const std::size_t experts = params.logits.shape.columns();
  const float* logits = floats(params.logits);
  float* weights = floats(params.weights);
  CHECK(params.chosen > 0 && params.chosen <= experts, "route: some of the experts");
  CHECK(params.experts.size() == tokens * params.chosen, "route: experts are [T, K]");
  CHECK(params.weights.shape.values() == params.experts.size(), "route: weights are [T, K]");
  workers_.share(tokens, experts * params.chosen, [&](Range range) {
    kernels::route({.logits = logits + range.begin * experts,
                    .tokens = range.size(),
                    .experts = experts,
                    .chosen = params.chosen,
                    .routes = params.experts.data() + range.begin * params.chosen,
                    .weights = weights + range.begin * params.chosen});
  });
}

void CpuBackend::add_rows(const AddRowsParams& params) {
  const std::size_t count = params.rows.size();
  const std::size_t columns = params.x.shape.columns();
  const float* x = floats(params.x);
  const float* weights = floats(params.weights);
  float* out = floats(params.out);
  CHECK(params.x.shape.rows() == count && params.weights.shape.values() == count,
        "add_rows: a row of out and a weight for each of x");
  CHECK(params.out.shape.columns() == columns, "add_rows: out is as wide as x");
  workers_.share(count, columns, [&](Range range) {
    kernels_.add_rows({.x = x + range.begin * columns,
                       .count = range.size(),
                       .columns = columns,
                       .rows = params.rows.data() + range.begin,
                       .weights = weights + range.begin,
                       .out = out});
  });
}

}  // namespace

Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuBackendOptions& options) {
  const kernels::CpuFeatures features = kernels::detect_cpu_features();
  Result<const kernels::CpuKernels*> kernels =
      kernels::select_cpu_kernels(features, options.isa, options.compute);
  if (!kernels) return std::move(kernels).error();
  const CpuTopology topology = options.topology ? *options.topology : cpu_topology();
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(
      options.threads == 0 ? default_threads(topology) : options.threads, topology);
  if (!pool) return std::move(pool).error();
  auto backend = std::make_unique<CpuBackend>(std::move(pool).value(), **kernels, features.streams);
  if (Result<void> reserved = backend->reserve(1, kUsualColumns); !reserved) {
    return std::move(reserved).error();
  }
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace bora
