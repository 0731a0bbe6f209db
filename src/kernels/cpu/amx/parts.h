// linear() of bf16 weights, and of quantized ones for kIntegerTileTokens or more, is of this ISA's
// own; the rest is AVX-512's. Exact totals are the same either way.
#pragma once

#include "kernels/activation_tiles.h"
#include "kernels/cpu/avx512/parts.h"

namespace bora::kernels::amx {

struct Parts : avx512::Parts {
  static void linear_bf16(const LinearArgs& args) noexcept;
  // One object file a type: cpu/linear_tiles_part.cc.in.
  template <DType kWeights>
  static void linear_tiles(const LinearArgs& args) noexcept;

  template <DType kWeights>
  static void linear(const LinearArgs& args) noexcept {
    if constexpr (kWeights == DType::kBF16) {
      linear_bf16(args);
    } else {
      avx512::Parts::linear<kWeights>(args);
    }
  }
  template <DType kWeights>
  static void linear_int16(const LinearArgs& args) noexcept {
    if (args.tokens < kIntegerTileTokens) return avx512::Parts::linear_int16<kWeights>(args);
    linear_tiles<kWeights>(args);
  }
};

}  // namespace bora::kernels::amx
