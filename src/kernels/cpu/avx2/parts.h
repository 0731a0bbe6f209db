// What is compiled one object file a type for this ISA: cpu/linear_part.cc.in,
// linear_int16_part.cc.in, attention_part.cc.in.
#pragma once

#include "kernels/attention.h"
#include "kernels/linear.h"

namespace bora::kernels::avx2 {

struct Parts {
  template <DType kWeights>
  static void linear(const LinearArgs& args) noexcept;
  template <DType kWeights>
  static void linear_int16(const LinearArgs& args) noexcept;
  template <DType kCache>
  static void attention(const AttentionArgs& args) noexcept;
};

}  // namespace bora::kernels::avx2
