// What an engine will take of the memory, decided before anything is allocated.
#pragma once

#include "base/result.h"
#include "model/model.h"
#include "plan/kv_blocks.h"

#include <cstddef>
#include <optional>

namespace bora {

inline constexpr std::size_t kDefaultContext = 8192;

// What decides how much memory an engine takes; EngineOptions has the same under the same names.
struct MemoryOptions {
  std::size_t context_length = 0;  // 0: the model's max_position_embeddings, at most
                                   // kDefaultContext, halved until the cache fits
  std::size_t prefill_chunk = 512;
  std::optional<DType> kv_dtype = std::nullopt;  // nullopt: f32 with ComputeType::kF32, else f16
  ComputeType compute = ComputeType::kAuto;
  std::optional<std::size_t> memory_limit = std::nullopt;  // bytes; nullopt: available_memory()
};

struct MemoryPlan {
  std::size_t context_length = 0;
  std::size_t chunk = 0;        // tokens of a step
  std::size_t logits_rows = 0;  // of a step
  DType kv_dtype = DType::kF16;
  std::size_t kv_blocks = 0;
  std::size_t kv_bytes = 0;
  std::size_t workspace_values = 0;
};

// Checks the options against the model and the memory limit. Errors: kUsage (a context beyond
// max_position_embeddings, a chunk of 0, a KV type that cannot be); kDoesNotFit where weights,
// cache and workspace together exceed the memory limit.
Result<MemoryPlan> plan_memory(const Model& model, const MemoryOptions& options);

}  // namespace bora
