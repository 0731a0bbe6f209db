// What an engine will take of the memory, decided before anything is allocated.
#pragma once

#include "base/result.h"
#include "engine/engine.h"
#include "model/model.h"

#include <cstddef>

namespace bora {

struct MemoryPlan {
  std::size_t context_length = 0;
  std::size_t chunk = 0;        // tokens of a step
  std::size_t logits_rows = 0;  // of a step
  DType kv_dtype = DType::kF16;
  std::size_t kv_blocks = 0;
  std::size_t kv_bytes = 0;
  std::size_t workspace_values = 0;
};

// Checks the options against the model and the memory limit. Errors: as Engine::create().
Result<MemoryPlan> plan_memory(const Model& model, const EngineOptions& options);

}  // namespace bora
