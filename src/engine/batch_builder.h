// BatchBuilder: makes the ForwardBatch of a step and owns its arrays. Allocates in its constructor
// only. Owner: the engine's thread.
#pragma once

#include "base/ids.h"
#include "engine/scheduler.h"
#include "model/forward_batch.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bora {

class BatchBuilder {
 public:
  // The most that a step may have; `max_blocks`: of a sequence's table.
  struct Capacity {
    std::size_t tokens = 0;
    std::size_t sequences = 0;
    std::size_t rows = 0;  // of logits
    std::size_t max_blocks = 0;
  };
  BatchBuilder(const Capacity& capacity, std::size_t block_tokens);

  // Flattens the step's sequences, one after another. The result borrows from this until the next
  // build().
  ForwardBatch build(const SchedulerOutput& step);

 private:
  void append(const ScheduledSequence& scheduled);

  std::size_t block_tokens_;
  std::size_t max_blocks_;
  std::vector<TokenId> ids_;
  std::vector<std::int32_t> positions_;
  std::vector<std::int64_t> slots_;
  std::vector<std::int32_t> cu_seqlens_;
  std::vector<std::int32_t> context_lens_;
  std::vector<std::int32_t> block_tables_;
  std::vector<std::int32_t> rows_;
};

}  // namespace bora
