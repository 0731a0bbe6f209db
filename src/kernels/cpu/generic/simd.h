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
//                                            unordered
//   reduce_add(v), reduce_max(v)             over the lanes, in a fixed shape
//   reduce_add_each(v[kLanes])               lane i = reduce_add(v[i]), the same bits
//   power_of_two(n)                          2^n for whole n in [-126, 127]
//   widen_f32, widen_f16, widen_bf16(bytes)  kLanes values, exact, any alignment
//   set_f16(bytes)                           one f16 in all lanes
//   narrow_f16, narrow_bf16(bytes, v)        to nearest even; NaN stays NaN
//   widen_i8, widen_i4, widen_u4             the 32 values of a block (tensor/blocks.h), scaled
//   I32, set_bits, first_lane, dot_u8_i8     the ISA's integer dot product: per 32-bit lane, sum +
//                                            four products of unsigned and signed bytes
//
// For products of integers (linear_int16.h), all of them exact:
//   I16                                      a vector of 2 * kLanes int16
//   load_i16(from), store_i16(to, v)         any alignment; store_i16 of an F32: each lane, in
//                                            [-2^15, 2^15), to nearest even, kLanes int16
//   set_pair(from)                           two int16 in every pair of lanes
//   dot_i16(sum, a, b)                       per 32-bit lane, sum + two products
//   dot_pair(sum, a, from)                   may be missing: dot_i16(sum, a, set_pair(from))
//   clear_i32(), to_f32(I32)                 zeros; each lane as f32, to nearest even
//   load_i32, store_i32, as_i32(I16)         the same bits
//   load_quads(first, stride, out)           lane r of out[i]: bytes [4i, 4i + 4) of the sixteen at
//                                            first + r * stride
//   store_quads(first, stride, v)            its inverse
//   bits(v, mask), flip(v, mask)             and, exclusive or with an int32 in every lane
//   either(a, b)                             or
//   add_i32, mul_i32                         modulo 2^32
//   right_u32<n>, right_i32<n>, left_i32<n>  shifts of each lane; right_by(v, n) for an n that is
//                                            known at run time; right_u16 of each half of it
//   widen_half(I32)                          the f16 in the lower half of each lane
//   as_i16(I32)                              the same bits
//   store_even_odd(to, v)                    of every four int16 the second and the third swapped
//   transpose(v[kLanes])                     lane j of v[i] and lane i of v[j] change places
//   Bytes                                    32 bytes
//   load_bytes, load_nibbles(bytes)          32 bytes; the low halves of 16 bytes, then the high
//   part_of(v, shift, mask)                  of each byte its bits from `shift` on, masked
//   add_high(low, high)                      low + 16 * high, of bytes below 16
//   subtract(v, number)                      from each byte, signed
//   widen_codes(v, out)                      signed bytes to int16
//   scale_codes(out, first, second)          the first 16 of them, and the others, times an int16
//                                            that lies in both halves of an int32
#pragma once

#include <cstddef>

namespace bora::kernels::generic {

template <class Simd>
using F32 = typename Simd::F32;

// Vectors wider than the registers that this file is compiled for are emulated, in memory.
#if defined(__AVX512F__)
inline constexpr std::size_t kRegisterBytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t kRegisterBytes = 32;
#else
inline constexpr std::size_t kRegisterBytes = 16;
#endif

// Keeps the compiler from knowing what a vector holds, and so from computing it elsewhere, later or
// anew: a sum in the order of its additions, a load once and not in each instruction that uses it.
template <class V>
[[gnu::always_inline]] inline void hide(V& v) {
  if constexpr (sizeof(V) <= kRegisterBytes) {
    asm volatile("" : "+v"(v));
  } else {
    asm volatile("" : "+m"(v));
  }
}

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
