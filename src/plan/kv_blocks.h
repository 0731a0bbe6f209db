// How many blocks of keys and values a sequence needs, and their bytes.
#pragma once

#include "model/kv_cache.h"
#include "tensor/dtype.h"

#include <cstddef>
#include <cstdint>

namespace bora {

inline constexpr std::size_t kKvBlockTokens = 64;

// Blocks that suffice for any sequence of up to `context` positions computed in chunks of up to
// `chunk`, where queries see `window` positions (0: all).
std::size_t kv_blocks_needed(std::size_t context, std::size_t window, std::size_t chunk,
                             std::size_t block_tokens);

// Bytes of that many blocks, keys and values of all layers; kUncountable (byte_count.h) where no 64
// bits hold them, or no 32 bits the number of a block.
std::uint64_t kv_bytes(const KvShape& shape, DType dtype, std::size_t blocks,
                       std::size_t block_tokens);

}  // namespace bora
