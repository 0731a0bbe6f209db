// The algorithm of kernels/softcap.h.
#pragma once

#include "kernels/cpu/generic/exp.h"
#include "kernels/softcap.h"

namespace bora::kernels::generic {

template <class Simd>
void softcap(const SoftcapArgs& args) noexcept {
  constexpr std::size_t kLanes = Simd::kLanes;
  const auto cap = Simd::set(args.cap);
  const auto capped = [cap](F32<Simd> x) __attribute__((always_inline)) {
    return Simd::mul(cap, tanh<Simd>(Simd::div(x, cap)));
  };
  std::size_t i = 0;
  for (; i + kLanes <= args.values; i += kLanes) {
    Simd::store(args.x + i, capped(Simd::load(args.x + i)));
  }
  if (const std::size_t rest = args.values - i; rest > 0) {
    store_partial<Simd>(args.x + i, capped(load_partial<Simd>(args.x + i, rest)), rest);
  }
}

}  // namespace bora::kernels::generic
