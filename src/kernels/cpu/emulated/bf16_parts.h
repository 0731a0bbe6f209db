// As avx512_bf16/parts.h: linear() of bf16 weights over the emulated products of bf16 pairs.
#pragma once

#include "kernels/cpu/emulated/parts.h"

namespace bora::kernels::emulated {

struct Bf16Parts : Parts {
  static void linear_bf16(const LinearArgs& args) noexcept;

  template <DType kWeights>
  static void linear(const LinearArgs& args) noexcept {
    if constexpr (kWeights == DType::kBF16) {
      linear_bf16(args);
    } else {
      Parts::linear<kWeights>(args);
    }
  }
};

}  // namespace bora::kernels::emulated
