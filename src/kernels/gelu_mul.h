// gelu_mul: the gated activation of a Gemma MLP, GELU (https://arxiv.org/abs/1606.08415) in its
// tanh approximation.
//
//   out[i] = gelu(gate[i]) * up[i]
//   gelu(x) = x / 2 * (1 + tanh(z)) = x / (1 + exp(-2 z)),  z = sqrt(2 / pi) * (x + 0.044715 x^3)
//
// The right form is computed: it takes no difference of near-equal numbers. z is a product of terms
// of one sign, within 8u relative (u = 2^-24), which moves exp(-2 z) by a factor within exp(+-16
// |z| u); exp is within 4u (cpu/generic/exp.h). With the addition, the division and the product the
// relative error is at most (8 + 16 |z|) u. exp(-2 z) overflows to infinity for z < -44.3, where
// the result is a zero of the right sign; the true value is below 1e-36 there.
#pragma once

#include <cstddef>

namespace bora::kernels {

struct GeluMulArgs {
  const float* gate;  // [values]
  const float* up;    // [values]
  std::size_t values;
  float* out;  // [values]; may be gate or up
};

namespace reference {
void gelu_mul(const GeluMulArgs& args);
}  // namespace reference

}  // namespace bora::kernels
