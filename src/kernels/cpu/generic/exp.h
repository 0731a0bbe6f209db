// exp and tanh over vectors.
#pragma once

#include "kernels/cpu/generic/simd.h"

namespace bora::kernels::generic {

// e^x within 4u relative (u = 2^-24), NaN for NaN, infinity above 88.73, subnormals down to zero
// below -87.34, exactly zero for -infinity.
//
// x = n ln2 + r with |r| <= ln2 / 2, and e^r by its Taylor series to r^7 / 7!, which leaves
// 0.35^8 / 8! < 0.1u. ln2 is split so that n times its high part is exact without a fused
// multiply-add; 2^n is applied in two halves, since n reaches 128 and the subnormals.
template <class Simd>
[[gnu::always_inline]] inline F32<Simd> exp(F32<Simd> x) {
  constexpr float kRound = 0x1.8p23F;  // adding and subtracting it rounds to a whole number
  const auto round = [](F32<Simd> v) __attribute__((always_inline)) {
    return Simd::sub(Simd::add(v, Simd::set(kRound)), Simd::set(kRound));
  };
  x = Simd::min(Simd::set(89.0F), Simd::max(Simd::set(-105.0F), x));
  const auto n = round(Simd::mul(x, Simd::set(0x1.715476p+0F)));
  auto r = Simd::fma(n, Simd::set(-0x1.63p-1F), x);
  r = Simd::fma(n, Simd::set(0x1.bd0106p-13F), r);

  auto tail = Simd::set(1.0F / 5040);
  tail = Simd::fma(tail, r, Simd::set(1.0F / 720));
  tail = Simd::fma(tail, r, Simd::set(1.0F / 120));
  tail = Simd::fma(tail, r, Simd::set(1.0F / 24));
  tail = Simd::fma(tail, r, Simd::set(1.0F / 6));
  tail = Simd::fma(tail, r, Simd::set(0.5F));
  const auto power = Simd::add(Simd::fma(tail, Simd::mul(r, r), r), Simd::set(1.0F));

  const auto half = round(Simd::mul(n, Simd::set(0.5F)));
  return Simd::mul(Simd::mul(power, Simd::power_of_two(half)),
                   Simd::power_of_two(Simd::sub(n, half)));
}

// tanh x = 1 - 2 / (e^2x + 1), within 4u absolute.
template <class Simd>
[[gnu::always_inline]] inline F32<Simd> tanh(F32<Simd> x) {
  const auto power = exp<Simd>(Simd::add(x, x));
  return Simd::sub(Simd::set(1.0F), Simd::div(Simd::set(2.0F), Simd::add(power, Simd::set(1.0F))));
}

}  // namespace bora::kernels::generic
