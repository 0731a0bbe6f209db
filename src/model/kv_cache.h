// KvCache: the keys and values a model reads and writes, one KvLayer per layer. Borrowed: the
// engine owns the memory and decides which block belongs to whom.
#pragma once

#include "backend/backend.h"

#include <cstddef>
#include <span>

namespace bora {

// What a cache for this model must hold.
struct KvShape {
  std::size_t num_layers = 0;
  std::size_t num_kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t sliding_window = 0;  // positions that any layer still needs; 0: all of them

  // Values of keys and values together that one position takes in all layers.
  [[nodiscard]] std::size_t values_per_token() const {
    return 2 * num_layers * num_kv_heads * head_dim;
  }
};

struct KvCache {
  std::span<const KvLayer> layers;
};

}  // namespace bora
