// What the generic kernels ask of a vector wrapper: cpu/<isa>/simd.h gives one per ISA.
//
// A wrapper is a struct in an unnamed namespace of bora::kernels::<isa>: everything instantiated
// from it is then local to the one object file built with the ISA's flags, and no symbol compiled
// for that ISA can be linked into code that runs without it. For the same reason nothing here or in
// a kernel calls an inline function of std or of base/.
//
//   kLanes        f32 lanes of a vector; a power of two that divides 32
//   kRegisters    vector registers, for the size of register tiles
//   kIsFused      fma rounds once
//   F32           a vector of kLanes floats
//   set, zero, load, store                   any alignment
//   add, sub, mul, div, sqrt                 IEEE, lane by lane
//   fma(a, b, c)                             a * b + c, in one rounding where the wrapper is fused
//   max(a, b), min(a, b)                     a > b ? a : b, a < b ? a : b: the second where
//   unordered reduce_add(v), reduce_max(v)             over the lanes, in a fixed shape
//   reduce_add_each(v[kLanes])               lane i = reduce_add(v[i]), the same bits
//   power_of_two(n)                          2^n for whole n in [-126, 127]
//   widen_f32, widen_f16, widen_bf16(bytes)  kLanes values, exact, any alignment
//   set_f16(bytes)                           one f16 in all lanes
//   narrow_f16, narrow_bf16(bytes, v)        to nearest even; NaN stays NaN
//   widen_i8, widen_i4, widen_u4             the 32 values of a block (tensor/blocks.h), scaled
//   I32, set_bits, first_lane, dot_u8_i8     the ISA's integer dot product: per 32-bit lane, sum +
//                                            four products of unsigned and signed bytes
#pragma once

#include <cstddef>

namespace bora::kernels::generic {

template <class Simd>
using F32 = typename Simd::F32;

// n < kLanes values; the other lanes are zero.
template <class Simd>
[[gnu::always_inline]] inline F32<Simd> load_partial(const float* from, std::size_t n) {
  float lanes[Simd::kLanes] = {};
  __builtin_memcpy(lanes, from, n * sizeof(float));
  return Simd::load(lanes);
}

template <class Simd>
[[gnu::always_inline]] inline void store_partial(float* to, F32<Simd> v, std::size_t n) {
  float lanes[Simd::kLanes];
  Simd::store(lanes, v);
  __builtin_memcpy(to, lanes, n * sizeof(float));
}

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace bora::kernels::generic
