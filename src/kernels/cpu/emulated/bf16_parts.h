// As avx512_bf16/parts.h: linear() of bf16 weights over the emulated products of bf16 pairs.
#pragma once

#include "kernels/cpu/emulated/parts.h"

namespace bora::kernels::emulated {

struct Bf16Parts {
  static void linear_bf16(const LinearArgs& args) noexcept;

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
    Parts::linear_int16<kWeights>(args);
  }
  template <DType kCache>
  static void attention(const AttentionArgs& args) noexcept {
    Parts::attention<kCache>(args);
  }
};

}  // namespace bora::kernels::emulated
