#include "kernels/store_kv.h"

#include "base/float16.h"

#include <cstring>

namespace bora::kernels::reference {
namespace {

template <class T>
void store(std::byte* cache, std::size_t index, T value) {
  std::memcpy(cache + index * sizeof(T), &value, sizeof(T));
}

}  // namespace

void store_kv(const StoreKvArgs& args) {
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const auto slot = static_cast<std::size_t>(args.slots[t]);
    const std::size_t block = slot / args.block_tokens;
    for (std::size_t h = 0; h < args.heads; ++h) {
      const float* x = args.x + (t * args.heads + h) * args.head_dim;
      const std::size_t row =
          (block * args.heads + h) * args.block_tokens + slot % args.block_tokens;
      for (std::size_t i = 0; i < args.head_dim; ++i) {
        const std::size_t index = row * args.head_dim + i;
        if (args.dtype == DType::kF16) {
          store(args.cache, index, to_f16(x[i]));
        } else if (args.dtype == DType::kBF16) {
          store(args.cache, index, to_bf16(x[i]));
        } else {
          store(args.cache, index, x[i]);
        }
      }
    }
  }
}

}  // namespace bora::kernels::reference
