// Strong types for the ids that get swapped by accident.
#pragma once

#include <compare>
#include <cstdint>

namespace bora {

// An entry of a model's vocabulary; also the row of its embedding. Never negative in a valid model.
using TokenId = std::int32_t;

// A block of KV cache positions in a device's arena.
struct BlockId {
  std::int32_t value = -1;
  friend auto operator<=>(BlockId, BlockId) = default;
};

}  // namespace bora
