#include "plan/kv_blocks.h"

#include "plan/byte_count.h"

#include <algorithm>
#include <limits>

namespace bora {

std::size_t kv_blocks_needed(std::size_t context, std::size_t window, std::size_t chunk,
                             std::size_t block_tokens) {
  const std::size_t all = (context + block_tokens - 1) / block_tokens;
  if (window == 0) return all;
  // The first query of a chunk sees window - 1 positions before it. That many consecutive positions
  // touch one block more than they fill when they begin at the end of one.
  const std::size_t positions = window - 1 + chunk;
  return std::min(all, (positions + block_tokens - 2) / block_tokens + 1);
}

std::uint64_t kv_bytes(const KvShape& shape, DType dtype, std::size_t blocks,
                       std::size_t block_tokens) {
  if (blocks > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return kUncountable;
  }
  std::uint64_t bytes = 2 * info(dtype).block_bytes;
  for (const std::size_t factor :
       {shape.num_layers, shape.num_kv_heads, shape.head_dim, block_tokens, blocks}) {
    bytes = multiply_bytes(bytes, factor);
  }
  return bytes;
}

}  // namespace bora
