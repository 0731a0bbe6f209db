// KvArena: the memory of the KV cache, one allocation for all layers. Move-only. Pages are taken
// from the system when first written, so an unused context costs nothing.
#pragma once

#include "backend/backend.h"
#include "base/result.h"
#include "model/kv_cache.h"
#include "tensor/buffer.h"

#include <cstddef>
#include <vector>

namespace bora {

class KvArena {
 public:
  // Errors: kDoesNotFit.
  static Result<KvArena> create(Backend& backend, const KvShape& shape, DType dtype,
                                std::size_t blocks, std::size_t block_tokens);

  [[nodiscard]] KvCache cache() const { return {layers_}; }

 private:
  KvArena(Buffer buffer, std::vector<KvLayer> layers)
      : buffer_(std::move(buffer)), layers_(std::move(layers)) {}
  Buffer buffer_;
  std::vector<KvLayer> layers_;
};

}  // namespace bora
