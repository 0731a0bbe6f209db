// silu_mul: the gated activation of a Llama MLP (https://arxiv.org/abs/2002.05202).
//
//   out[i] = silu(gate[i]) * up[i],  silu(x) = x / (1 + exp(-x))
//
// exp is within 4u relative (cpu/generic/exp.h), u = 2^-24; with the addition, the division and the
// product the relative error is at most 8u. exp(-x) overflows to infinity for x < -88.7, where the
// result is a zero of the right sign; the true value is below 1e-36 there.
#pragma once

#include <cstddef>

namespace bora::kernels {

struct SiluMulArgs {
  const float* gate;  // [values]
  const float* up;    // [values]
  std::size_t values;
  float* out;  // [values]; may be gate or up
};

namespace reference {
void silu_mul(const SiluMulArgs& args);
}  // namespace reference

}  // namespace bora::kernels
