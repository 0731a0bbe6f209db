// As amx/parts.h, over the emulated instructions.
#pragma once

#include "kernels/activation_tiles.h"
#include "kernels/cpu/emulated/parts.h"

namespace bora::kernels::emulated {

struct TileParts : Parts {
  static void linear_bf16(const LinearArgs& args) noexcept;
  template <DType kWeights>
  static void linear_tiles(const LinearArgs& args) noexcept;

  template <DType kWeights>
  static void linear(const LinearArgs& args) noexcept {
    if constexpr (kWeights == DType::kBF16) {
      linear_bf16(args);
    } else {
      Parts::linear<kWeights>(args);
    }
  }
  template <DType kWeights>
  static void linear_int16(const LinearArgs& args) noexcept {
    if (args.tokens < kIntegerTileTokens) return Parts::linear_int16<kWeights>(args);
    linear_tiles<kWeights>(args);
  }
};

}  // namespace bora::kernels::emulated
