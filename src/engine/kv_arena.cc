#include "engine/kv_arena.h"

#include "plan/kv_blocks.h"

#include <utility>

namespace bora {

Result<KvArena> KvArena::create(Backend& backend, const KvShape& shape, DType dtype,
                                std::size_t blocks, std::size_t block_tokens) {
  const std::size_t total = kv_bytes(shape, dtype, blocks, block_tokens);
  const std::size_t half_layer = total / (2 * shape.num_layers);
  // The first block of each half layer would take a huge page: SmolLM2's 60 are 120 MB, 30 ms of
  // zeroing before its first token. Long caches are read whole for every token and earn theirs.
  constexpr std::size_t kLong = std::size_t{8} << 20;
  Result<Buffer> buffer =
      backend.allocate(total, half_layer < kLong ? Fill::kSparse : Fill::kWhole);
  if (!buffer) return std::move(buffer).error();
  std::byte* data = buffer->bytes().data();
  std::vector<KvLayer> layers;
  for (std::size_t i = 0; i < shape.num_layers; ++i) {
    layers.push_back({.keys = data + 2 * i * half_layer,
                      .values = data + (2 * i + 1) * half_layer,
                      .dtype = dtype,
                      .block_tokens = block_tokens,
                      .num_kv_heads = shape.num_kv_heads,
                      .head_dim = shape.head_dim});
  }
  return KvArena(std::move(buffer).value(), std::move(layers));
}

}  // namespace bora
