// The algorithm of kernels/store_kv.h.
#pragma once

#include "kernels/cpu/generic/simd.h"
#include "kernels/store_kv.h"

namespace bora::kernels::generic {

// Narrows `values` floats; `Narrow` writes kLanes values of kBytes each.
template <class Simd, std::size_t kBytes, class Narrow>
[[gnu::always_inline]] inline void narrow_row(const float* x, std::size_t values, std::byte* to,
                                              const Narrow& narrow) {
  constexpr std::size_t kLanes = Simd::kLanes;
  std::size_t i = 0;
  for (; i + kLanes <= values; i += kLanes) narrow(to + i * kBytes, Simd::load(x + i));
  if (i < values) {
    std::byte lanes[kLanes * kBytes];
    narrow(lanes, load_partial<Simd>(x + i, values - i));
    __builtin_memcpy(to + i * kBytes, lanes, (values - i) * kBytes);
  }
}

template <class Simd>
[[gnu::always_inline]] inline void narrow_row(DType dtype, const float* x, std::size_t values,
                                              std::byte* to) {
  if (dtype == DType::kF16) {
    narrow_row<Simd, 2>(x, values, to, [](std::byte* at, F32<Simd> v) { Simd::narrow_f16(at, v); });
  } else if (dtype == DType::kBF16) {
    narrow_row<Simd, 2>(x, values, to,
                        [](std::byte* at, F32<Simd> v) { Simd::narrow_bf16(at, v); });
  } else {
    __builtin_memcpy(to, x, values * sizeof(float));
  }
}

template <class Simd>
void store_kv(const StoreKvArgs& args) noexcept {
  const std::size_t bytes = args.head_dim * (args.dtype == DType::kF32 ? 4 : 2);
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const auto slot = static_cast<std::size_t>(args.slots[t]);
    const std::size_t block = slot / args.block_tokens;
    for (std::size_t h = 0; h < args.heads; ++h) {
      const std::size_t row =
          (block * args.heads + h) * args.block_tokens + slot % args.block_tokens;
      narrow_row<Simd>(args.dtype, args.x + (t * args.heads + h) * args.head_dim, args.head_dim,
                       args.cache + row * bytes);
    }
  }
}

}  // namespace bora::kernels::generic
