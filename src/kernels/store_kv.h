// store_kv: writes keys (or values) of a step into their slots of a paged cache
// (https://arxiv.org/abs/2309.06180).
//
//   cache[block, head, slot % block_tokens, :] = x[t, head, :],  slot = slots[t],
//   block = slot / block_tokens
//
// Rounds to nearest, ties to even; exact for f32. NaN stays NaN.
#pragma once

#include "tensor/dtype.h"

#include <cstddef>
#include <cstdint>

namespace bora::kernels {

struct StoreKvArgs {
  const float* x;             // [tokens, heads * head_dim]
  std::size_t tokens;         //
  std::size_t heads;          // of keys and values
  std::size_t head_dim;       //
  const std::int64_t* slots;  // [tokens]
  std::byte* cache;           // [blocks, heads, block_tokens, head_dim]
  DType dtype;                // f32, f16 or bf16
  std::size_t block_tokens;
};

namespace reference {
void store_kv(const StoreKvArgs& args);
}  // namespace reference

}  // namespace bora::kernels
