// What an engine will take of the memory, decided before anything is allocated.
//
// A plan is arithmetic on a model's config and the sizes of its weights: nothing is read, converted
// or allocated. The model may be an outline (model/registry.h), so that what does not fit is
// refused before its weights are converted. The engine allocates exactly what the plan says.
#pragma once

#include "base/result.h"
#include "model/model.h"
#include "plan/byte_count.h"
#include "plan/draft_plan.h"
#include "plan/kv_blocks.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace bora {

inline constexpr std::size_t kDefaultContext = 8192;

// What decides how much memory an engine takes; EngineOptions has the same under the same names.
struct MemoryOptions {
  // 0: the model's usual_context(), at most kDefaultContext, halved until the cache takes
  // half of what the weights leave.
  std::size_t context_length = 0;
  std::size_t prefill_chunk = 512;
  std::size_t max_sequences = 1;  // computed at a time
  // Blocks that all sequences together may hold. 0: as many as max_sequences may need, fewer where
  // half the memory beside the weights holds fewer, but enough for one whole context.
  std::size_t kv_blocks = 0;
  std::optional<DType> kv_dtype = std::nullopt;  // nullopt: f32 with ComputeType::kF32, else f16
  ComputeType compute = ComputeType::kAuto;
  // Bytes for all that a plan counts. nullopt: available_memory() (base/memory.h) and what the
  // model has converted already.
  std::optional<std::size_t> memory_limit = std::nullopt;
  // What the weights will take where the caller writes them anew before they are bound; nullopt: as
  // the model has them.
  std::optional<WeightBytes> weights = std::nullopt;
  // A model that drafts for it, an outline or not; null: none. Borrowed by a MemoryPlanner. Its
  // weights as those above.
  const Model* draft = nullptr;
  std::optional<WeightBytes> draft_weights = std::nullopt;
};

// Weights of another type that the caller could make: what it offers where the wanted ones do not
// fit. A name as --weights takes it ("int8").
struct WeightChoice {
  std::string name;
  WeightBytes bytes;
};

// Bytes by what they are for. On the CPU all of them are host memory.
struct MemoryBytes {
  WeightBytes weights;
  std::uint64_t kv = 0;
  std::uint64_t workspace = 0;  // activations of a step
  std::uint64_t logits = 0;
  std::uint64_t scratch = 0;  // the backend's own (Backend::reserve_bytes)
  std::uint64_t tables = 0;   // at most: samplers, tokens, who holds which block
  std::uint64_t draft = 0;    // the draft model with all its own (MemoryPlan::draft)

  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] std::uint64_t activations() const;  // workspace, logits, scratch and tables
};

struct MemoryPlan {
  std::size_t context_length = 0;
  std::size_t chunk = 0;  // tokens of one sequence in a step
  std::size_t max_sequences = 0;
  std::size_t step_tokens = 0;  // of all sequences
  std::size_t logits_rows = 0;  // of a step
  DType kv_dtype = DType::kF16;
  std::size_t kv_blocks = 0;
  std::size_t workspace_values = 0;
  std::size_t max_columns = 0;  // the widest row of activations (Backend::reserve)
  DraftPlan draft;
  MemoryBytes bytes;
  std::uint64_t limit = 0;

  [[nodiscard]] bool fits() const;
};

// What the options ask for. `choices`: other weights that the caller could make, in the order of
// their loss. Errors: kUsage (a context beyond max_position_embeddings, a chunk or max_sequences of
// 0, a KV type that cannot be); kDoesNotFit, with what would fit, the least loss first.
Result<MemoryPlan> plan_memory(const Model& model, const Backend& backend,
                               const MemoryOptions& options,
                               std::span<const WeightChoice> choices = {});

}  // namespace bora
