// rms_norm: root mean square layer normalisation (https://arxiv.org/abs/1910.07467).
//
//   out[t, i] = x[t, i] * (1 / sqrt(mean_i(x[t, i]^2) + epsilon)) * weight[i]
//               (+ out[t, i] where accumulate)
//
// Accumulates in f32, one vector of partial sums per row, added in a fixed shape: relative error
// at most (columns / lanes + lanes + 8) * 2^-24, since all terms are positive; where it
// accumulates, one rounding of the sum more.
#pragma once

#include "tensor/dtype.h"

#include <cstddef>

namespace bora::kernels {

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): -Wextra tells what a caller left out.
struct RmsNormArgs {
  const float* x;  // [tokens, columns]
  std::size_t tokens;
  std::size_t columns;
  const std::byte* weight;  // [columns], any alignment
  DType weight_dtype;       // f32, f16 or bf16
  float epsilon;
  float* out;  // [tokens, columns]; may be x where it does not accumulate
  bool accumulate = false;
};

namespace reference {
void rms_norm(const RmsNormArgs& args);
}  // namespace reference

}  // namespace bora::kernels
