// linear() of bf16 weights is of this ISA's own; the other types and attention are AVX-512's.
#pragma once

#include "kernels/cpu/avx512/parts.h"

namespace bora::kernels::avx512_bf16 {

struct Parts : avx512::Parts {
  static void linear_bf16(const LinearArgs& args) noexcept;

  template <DType kWeights>
  static void linear(const LinearArgs& args) noexcept {
    if constexpr (kWeights == DType::kBF16) {
      linear_bf16(args);
    } else {
      avx512::Parts::linear<kWeights>(args);
    }
  }
};

}  // namespace bora::kernels::avx512_bf16
