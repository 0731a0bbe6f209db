// softcap: keeps values within (-cap, cap), smoothly (https://arxiv.org/abs/2408.00118), in place.
//
//   x[i] = cap * tanh(x[i] / cap)
//
// tanh is within 4u absolute (cpu/generic/exp.h, u = 2^-24), the division and the product round
// once each: |error| <= 6u cap.
#pragma once

#include <cstddef>

namespace bora::kernels {

struct SoftcapArgs {
  float* x;  // [values]
  std::size_t values;
  float cap;  // more than 0
};

namespace reference {
void softcap(const SoftcapArgs& args);
}  // namespace reference

}  // namespace bora::kernels
