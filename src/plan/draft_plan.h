// What a draft model takes beside the model it drafts for (docs/speculation.md), and the bounds of
// all drafts.
#pragma once

#include "model/model.h"
#include "plan/byte_count.h"
#include "tensor/dtype.h"

#include <cstddef>
#include <cstdint>

namespace bora {

// A step with more sequences has no drafts.
inline constexpr std::size_t kMostDraftedSequences = 4;
// Tokens of all drafts of a step.
inline constexpr std::size_t kMostDraftedTokens = 16;

// The weights in one of the types they may have.
struct WeightBytes {
  std::uint64_t mapped = 0;     // they lie in files and have to come in
  std::uint64_t converted = 0;  // they lie in memory of the model's own, in another type
  std::uint64_t copied = 0;     // the same, as they are stored
  std::uint64_t copyable = 0;   // of `mapped`: what could be copied

  [[nodiscard]] std::uint64_t total() const {
    return add_bytes(add_bytes(mapped, converted), copied);
  }
  // The same weights, copied.
  [[nodiscard]] WeightBytes copy() const;
};

WeightBytes weight_bytes_of(const Model& model);

// All 0: there is no draft model. Its steps use the scratch of the other model's backend.
struct DraftPlan {
  std::size_t context_length = 0;  // drafts end there
  std::size_t chunk = 0;           // tokens of a text computed together
  std::size_t lanes = 0;           // texts kept at a time
  std::size_t lane_blocks = 0;     // of keys and values, of each
  DType kv_dtype = DType::kF16;
  std::size_t workspace_values = 0;
  WeightBytes weights;
  std::uint64_t kv = 0;
  std::uint64_t workspace = 0;  // activations and a row of logits
  std::uint64_t tables = 0;     // at most

  [[nodiscard]] std::uint64_t total() const;
};

// What the model is planned with that `draft` drafts for.
struct DraftedModel {
  std::size_t context_length = 0;
  std::size_t chunk = 0;
  std::size_t max_sequences = 0;
  DType kv_dtype = DType::kF16;
};

// `weights`: of the draft model.
DraftPlan plan_draft(const Model& draft, const WeightBytes& weights, const DraftedModel& drafted);

}  // namespace bora
