// The algorithm of kernels/silu_mul.h.
#pragma once

#include "kernels/cpu/generic/exp.h"
#include "kernels/silu_mul.h"

namespace bora::kernels::generic {

template <class Simd>
[[gnu::always_inline]] inline F32<Simd> silu_mul(F32<Simd> gate, F32<Simd> up) {
  const auto power = exp<Simd>(Simd::sub(Simd::zero(), gate));
  return Simd::mul(Simd::div(gate, Simd::add(Simd::set(1.0F), power)), up);
}

template <class Simd>
void silu_mul(const SiluMulArgs& args) noexcept {
  constexpr std::size_t kLanes = Simd::kLanes;
  std::size_t i = 0;
  for (; i + kLanes <= args.values; i += kLanes) {
    Simd::store(args.out + i, silu_mul<Simd>(Simd::load(args.gate + i), Simd::load(args.up + i)));
  }
  if (const std::size_t rest = args.values - i; rest > 0) {
    const auto v = silu_mul<Simd>(load_partial<Simd>(args.gate + i, rest),
                                  load_partial<Simd>(args.up + i, rest));
    store_partial<Simd>(args.out + i, v, rest);
  }
}

}  // namespace bora::kernels::generic
