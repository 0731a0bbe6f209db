// BatchBuilder: makes the ForwardBatch of a step and owns its arrays. Allocates in its constructor
// only. Owner: the engine's thread.
#pragma once

#include "base/ids.h"
#include "engine/block_manager.h"
#include "model/forward_batch.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bora {

// Which positions of a step the caller wants logits of.
enum class LogitsOf { kNone, kLast, kAll };

class BatchBuilder {
 public:
  explicit BatchBuilder(std::size_t max_tokens);

  // One sequence's ids at positions begin and on, which `blocks` holds. The result borrows from
  // this, ids and blocks, until the next build().
  ForwardBatch build(std::span<const TokenId> ids, std::size_t begin, LogitsOf logits,
                     const BlockTable& blocks, std::size_t block_tokens);

 private:
  std::vector<std::int32_t> positions_;
  std::vector<std::int64_t> slots_;
  std::vector<std::int32_t> rows_;
  std::array<std::int32_t, 2> cu_seqlens_{};
  std::int32_t context_len_ = 0;
};

}  // namespace bora
