#include "plan/memory_plan.h"

#include "base/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bora {
namespace {

constexpr std::size_t kMaxChunk = 1 << 14;
constexpr std::size_t kLogitsBytes = std::size_t{64} << 20;  // at most, beyond the first row
constexpr std::size_t kLeastContext = 512;  // below it a default is refused rather than halved

void size_cache(const Model& model, MemoryPlan& plan) {
  plan.chunk = std::min(plan.chunk, plan.context_length);
  plan.kv_blocks = kv_blocks_needed(plan.context_length, model.kv_shape().sliding_window,
                                    plan.chunk, kKvBlockTokens);
  plan.kv_bytes = kv_bytes(model.kv_shape(), plan.kv_dtype, plan.kv_blocks, kKvBlockTokens);
}

Result<DType> kv_type(const MemoryOptions& options) {
  if (!options.kv_dtype) {
    return options.compute == ComputeType::kF32 ? DType::kF32 : DType::kF16;
  }
  if (info(*options.kv_dtype).block_values == 1) return *options.kv_dtype;
  return Error{
      ErrorCode::kUsage,
      fmt::format("--kv: expected f32, f16 or bf16, found {}", info(*options.kv_dtype).name),
      {}};
}

Result<void> check_options(const Model& model, const MemoryOptions& options) {
  const std::size_t longest = model.config().max_position_embeddings;
  if (options.context_length > longest) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--ctx: expected at most {}, the model's max_position_embeddings, "
                             "found {}",
                             longest, options.context_length),
                 {}};
  }
  if (options.prefill_chunk < 1 || options.prefill_chunk > kMaxChunk) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--prefill-chunk: expected 1 to {}, found {}", kMaxChunk,
                             options.prefill_chunk),
                 {}};
  }
  return {};
}

}  // namespace

Result<MemoryPlan> plan_memory(const Model& model, const MemoryOptions& options) {
  if (Result<void> checked = check_options(model, options); !checked) {
    return std::move(checked).error();
  }
  Result<DType> kv = kv_type(options);
  if (!kv) return std::move(kv).error();

  MemoryPlan plan;
  plan.kv_dtype = *kv;
  plan.chunk = options.prefill_chunk;
  plan.context_length = options.context_length;
  const std::size_t available = options.memory_limit ? *options.memory_limit : available_memory();
  // What the model converted is in memory already; what it mapped still has to come in.
  const std::size_t weights =
      model.weight_bytes() - std::min(model.weight_bytes(), model.owned_bytes());
  const std::size_t left = available - std::min(available, weights);
  if (options.context_length == 0) {
    plan.context_length = std::min(model.config().max_position_embeddings, kDefaultContext);
    size_cache(model, plan);
    while (plan.kv_bytes > left / 2 && plan.context_length / 2 >= kLeastContext) {
      plan.context_length /= 2;
      size_cache(model, plan);
    }
  }
  size_cache(model, plan);
  plan.workspace_values = model.workspace_values(plan.chunk);
  const std::size_t row_bytes = model.config().vocab_size * sizeof(float);
  plan.logits_rows = std::clamp(kLogitsBytes / row_bytes, std::size_t{1}, plan.chunk);

  const std::size_t activations =
      plan.workspace_values * sizeof(float) + plan.logits_rows * row_bytes;
  const std::size_t needed = weights + plan.kv_bytes + activations;
  if (needed > available) {
    return Error{ErrorCode::kDoesNotFit,
                 fmt::format("memory: expected {} MB (weights {}, KV cache {}, activations {}), "
                             "found {} MB available",
                             needed >> 20, weights >> 20, plan.kv_bytes >> 20, activations >> 20,
                             available >> 20),
                 {fmt::format("use a context shorter than --ctx {}", plan.context_length)}};
  }
  return plan;
}

}  // namespace bora
