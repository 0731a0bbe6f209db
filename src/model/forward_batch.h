// ForwardBatch: one step's work for a model, flattened over its sequences; the only thing a model
// sees of the engine. Borrowed: the BatchBuilder (engine/) owns the arrays for the step.
//
// Shapes: T = tokens of this step over all S sequences, sequence after sequence.
#pragma once

#include "base/ids.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace bora {

struct ForwardBatch {
  std::span<const TokenId> input_ids;          // [T]
  std::span<const std::int32_t> positions;     // [T], absolute
  std::span<const std::int64_t> slot_mapping;  // [T], where each token's key and value are stored
  std::span<const std::int32_t> cu_seqlens_q;  // [S + 1], ascending from 0 to T
  std::span<const std::int32_t> context_lens;  // [S], positions stored after this step
  std::span<const std::int32_t> block_tables;  // [S, max_blocks_per_sequence], -1: none
  std::size_t max_blocks_per_sequence = 0;
  std::span<const std::int32_t> logits_rows;  // [R], indices into [0, T) whose logits are wanted

  [[nodiscard]] std::size_t tokens() const { return input_ids.size(); }
  [[nodiscard]] std::size_t sequences() const { return context_lens.size(); }
};

}  // namespace bora
