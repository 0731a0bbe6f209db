// The algorithm of kernels/rope.h: plain loops, which compilers turn into vectors without changing
// a bit (-ffp-contract=off).
#pragma once

#include "kernels/cpu/generic/simd.h"
#include "kernels/rope.h"

namespace bora::kernels::generic {

template <class Simd>
void rope(const RopeArgs& args) noexcept {
  const bool halves = args.style == RopeStyle::kHalves;
  const std::size_t step = halves ? 1 : 2;
  const std::size_t partner = halves ? args.pairs : 1;
  for (std::size_t t = 0; t < args.tokens; ++t) {
    const float* cosines = args.cosines + t * args.pairs;
    const float* sines = args.sines + t * args.pairs;
    for (std::size_t h = 0; h < args.heads; ++h) {
      float* first = args.x + t * args.stride + h * args.head_dim;
      float* second = first + partner;
      for (std::size_t i = 0; i < args.pairs; ++i) {
        const float a = first[i * step];
        const float b = second[i * step];
        first[i * step] = a * cosines[i] - b * sines[i];
        second[i * step] = b * cosines[i] + a * sines[i];
      }
    }
  }
}

}  // namespace bora::kernels::generic
