// The algorithm of kernels/gelu_mul.h.
#pragma once

#include "kernels/cpu/generic/exp.h"
#include "kernels/gelu_mul.h"

namespace bora::kernels::generic {

template <class Simd>
[[gnu::always_inline]] inline F32<Simd> gelu_mul(F32<Simd> gate, F32<Simd> up) {
  constexpr float kSlope = -1.5957691216F;  // -2 sqrt(2 / pi)
  const auto bend = Simd::fma(Simd::mul(gate, gate), Simd::set(0.044715F), Simd::set(1.0F));
  const auto power = exp<Simd>(Simd::mul(Simd::mul(gate, Simd::set(kSlope)), bend));
  return Simd::mul(Simd::div(gate, Simd::add(Simd::set(1.0F), power)), up);
}

template <class Simd>
void gelu_mul(const GeluMulArgs& args) noexcept {
  constexpr std::size_t kLanes = Simd::kLanes;
  std::size_t i = 0;
  for (; i + kLanes <= args.values; i += kLanes) {
    Simd::store(args.out + i, gelu_mul<Simd>(Simd::load(args.gate + i), Simd::load(args.up + i)));
  }
  if (const std::size_t rest = args.values - i; rest > 0) {
    const auto v = gelu_mul<Simd>(load_partial<Simd>(args.gate + i, rest),
                                  load_partial<Simd>(args.up + i, rest));
    store_partial<Simd>(args.out + i, v, rest);
  }
}

}  // namespace bora::kernels::generic
