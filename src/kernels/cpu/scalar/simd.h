// The vector wrapper of the portable kernels: four lanes of the compilers' own vector types, which
// become SSE2 on x86-64 and NEON on ARM64. What a wrapper must offer is said in generic/simd.h.
//
// kFused: multiply-add rounds once, through the C library where the CPU has no such instruction:
// slow, and the same arithmetic as the ISAs that have one. Not kFused: two roundings, fast.
#pragma once

#include "kernels/cpu/scalar/quads.h"

#include <cstddef>
#include <cstdint>

namespace bora::kernels::scalar {
namespace {

template <bool kFused>
struct Simd : Quads {
  static constexpr std::size_t kLanes = 4;
  static constexpr std::size_t kRegisters = 16;
  static constexpr bool kIsFused = kFused;

  using F32 = float __attribute__((vector_size(16)));
  struct Bytes {
    U8 half[2];
  };
  static constexpr std::size_t kCodes = sizeof(Bytes) / (2 * kLanes);  // vectors of a block

  [[gnu::always_inline]] static F32 set(float value) { return F32{value, value, value, value}; }
  [[gnu::always_inline]] static F32 zero() { return F32{}; }
  [[gnu::always_inline]] static F32 load(const float* from) { return read<F32>(from); }
  [[gnu::always_inline]] static void store(float* to, F32 v) { write(to, v); }

  [[gnu::always_inline]] static F32 add(F32 a, F32 b) { return a + b; }
  [[gnu::always_inline]] static F32 sub(F32 a, F32 b) { return a - b; }
  [[gnu::always_inline]] static F32 mul(F32 a, F32 b) { return a * b; }
  [[gnu::always_inline]] static F32 div(F32 a, F32 b) { return a / b; }
  [[gnu::always_inline]] static F32 max(F32 a, F32 b) { return a > b ? a : b; }
  [[gnu::always_inline]] static F32 min(F32 a, F32 b) { return a < b ? a : b; }
  [[gnu::always_inline]] static F32 sqrt(F32 v) {
    for (std::size_t i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
    return v;
  }
  [[gnu::always_inline]] static F32 fma(F32 a, F32 b, F32 c) {
    if constexpr (kFused) {
      for (std::size_t i = 0; i < kLanes; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
      return c;
    } else {
      return a * b + c;
    }
  }

  [[gnu::always_inline]] static float reduce_add(F32 v) { return (v[0] + v[2]) + (v[1] + v[3]); }
  [[gnu::always_inline]] static float reduce_max(F32 v) {
    const float a = v[0] > v[2] ? v[0] : v[2];
    const float b = v[1] > v[3] ? v[1] : v[3];
    return a > b ? a : b;
  }
  [[gnu::always_inline]] static F32 reduce_add_each(const F32 (&v)[kLanes]) {
    return F32{reduce_add(v[0]), reduce_add(v[1]), reduce_add(v[2]), reduce_add(v[3])};
  }

  [[gnu::always_inline]] static F32 power_of_two(F32 n) {
    return as<F32>((__builtin_convertvector(n, I32) + 127) << 23);
  }

  [[gnu::always_inline]] static F32 widen_f32(const std::byte* from) { return read<F32>(from); }
  [[gnu::always_inline]] static F32 widen_bf16(const std::byte* from) {
    return as<F32>(widen_u16(from) << 16);
  }
  // The exponent is rebased by a product, which is exact and gets subnormals right too.
  [[gnu::always_inline]] static F32 widen_f16(const std::byte* from) {
    const U32 half = widen_u16(from);
    const U32 magnitude = (half & 0x7FFFU) << 13;
    const U32 finite = as<U32>(as<F32>(magnitude) * 0x1p112F);
    const U32 special = as<U32>(magnitude >= 0x0F800000U) & 0x7F800000U;  // infinity, NaN
    return as<F32>(finite | special | ((half & 0x8000U) << 16));
  }
  [[gnu::always_inline]] static F32 set_f16(const std::byte* from) {
    std::byte repeated[8];
    for (std::size_t i = 0; i < 8; ++i) repeated[i] = from[i % 2];
    return widen_f16(repeated);
  }

  [[gnu::always_inline]] static void narrow_bf16(std::byte* to, F32 v) {
    const U32 bits = as<U32>(v);
    const U32 rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
    const U32 nan = (bits >> 16) | 0x0040U;
    narrow_u16(to, (bits & 0x7FFFFFFFU) > 0x7F800000U ? nan : rounded);
  }
  [[gnu::always_inline]] static void narrow_f16(std::byte* to, F32 v) {
    const U32 sign = (as<U32>(v) >> 16) & 0x8000U;
    const U32 magnitude = as<U32>(v) & 0x7FFFFFFFU;
    const U32 normal = (magnitude + 0x0FFFU + ((magnitude >> 13) & 1U) - (112U << 23)) >> 13;
    // Adding 0.5 lets the FPU round a subnormal to even.
    const U32 subnormal = as<U32>(as<F32>(magnitude) + 0.5F) & 0x07FFU;
    U32 half = magnitude < 0x38800000U ? subnormal : normal;
    half = magnitude >= 0x477FF000U ? U32{} + 0x7C00U : half;
    half = magnitude > 0x7F800000U ? U32{} + 0x7E00U : half;
    narrow_u16(to, half | sign);
  }

  // 32 values of a block whose bytes start at `from`, scaled.
  [[gnu::always_inline]] static void widen_i8(const std::byte* from, F32 scale, F32 (&out)[8]) {
    for (std::size_t i = 0; i < 8; ++i) {
      out[i] = scale * as_f32(as<I32>(widen_u8(from + 4 * i) << 24) >> 24);
    }
  }
  [[gnu::always_inline]] static void widen_i4(const std::byte* from, F32 scale, F32 (&out)[8]) {
    for (std::size_t i = 0; i < 4; ++i) {
      const U32 bytes = widen_u8(from + 4 * i);
      out[i] = scale * as_f32(as<I32>(bytes & 15U) - 8);
      out[i + 4] = scale * as_f32(as<I32>(bytes >> 4) - 8);
    }
  }
  [[gnu::always_inline]] static void widen_u4(const std::byte* from, F32 scale, F32 minimum,
                                              F32 (&out)[8]) {
    for (std::size_t i = 0; i < 4; ++i) {
      const U32 bytes = widen_u8(from + 4 * i);
      out[i] = fma(scale, as_f32(as<I32>(bytes & 15U)), minimum);
      out[i + 4] = fma(scale, as_f32(as<I32>(bytes >> 4)), minimum);
    }
  }

  [[gnu::always_inline]] static I32 set_bits(std::int32_t bits) { return I32{} + bits; }
  [[gnu::always_inline]] static std::int32_t first_lane(I32 v) { return v[0]; }
  [[gnu::always_inline]] static I32 dot_u8_i8(I32 sum, I32 u8, I32 i8) {
    for (int shift = 0; shift < 32; shift += 8) {
      sum += ((u8 >> shift) & 0xFF) * ((i8 << (24 - shift)) >> 24);
    }
    return sum;
  }

  [[gnu::always_inline]] static I16 load_i16(const std::int16_t* from) { return read<I16>(from); }
  [[gnu::always_inline]] static void store_i16(std::int16_t* to, F32 v) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      to[i] = static_cast<std::int16_t>(__builtin_rintf(v[i]));
    }
  }
  [[gnu::always_inline]] static I16 set_pair(const std::int16_t* from) {
    I16 v;
    for (std::size_t i = 0; i < 2 * kLanes; ++i) v[i] = from[i % 2];
    return v;
  }
  [[gnu::always_inline]] static I32 dot_i16(I32 sum, I16 a, I16 b) {
    U32 products = as<U32>(low_halves(a) * low_halves(b));
    products += as<U32>((as<I32>(a) >> 16) * (as<I32>(b) >> 16));
    return as<I32>(as<U32>(sum) + products);
  }
  [[gnu::always_inline]] static I32 clear_i32() { return I32{}; }
  [[gnu::always_inline]] static F32 to_f32(I32 v) { return __builtin_convertvector(v, F32); }
  [[gnu::always_inline]] static I32 load_i32(const std::int32_t* from) { return read<I32>(from); }
  [[gnu::always_inline]] static void store_i32(std::int32_t* to, I32 v) {
    __builtin_memcpy(to, &v, sizeof(v));
  }
  [[gnu::always_inline]] static void load_quads(const std::byte* first, std::size_t stride,
                                                I32 (&out)[4]) {
    for (std::size_t r = 0; r < kLanes; ++r) out[r] = read<I32>(first + r * stride);
    transpose(out);
  }
  [[gnu::always_inline]] static F32 widen_half(I32 v) {
    std::byte halves[8];
    for (std::size_t i = 0; i < kLanes; ++i) {
      const auto half = static_cast<std::uint16_t>(v[i]);
      __builtin_memcpy(halves + 2 * i, &half, sizeof(half));
    }
    return widen_f16(halves);
  }
  [[gnu::always_inline]] static I16 as_i16(I32 v) { return as<I16>(v); }
  [[gnu::always_inline]] static void store_even_odd(std::int16_t* to, I16 v) {
    write(to, I16{v[0], v[2], v[1], v[3], v[4], v[6], v[5], v[7]});
  }
  [[gnu::always_inline]] static I32 as_i32(I16 v) { return reinterpret_cast<I32>(v); }
  [[gnu::always_inline]] static void transpose(I32 (&v)[kLanes]) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const std::int32_t value = v[i][j];
        v[i][j] = v[j][i];
        v[j][i] = value;
      }
    }
  }

  [[gnu::always_inline]] static Bytes load_bytes(const std::byte* from) {
    return {{read<U8>(from), read<U8>(from + 16)}};
  }
  [[gnu::always_inline]] static Bytes load_nibbles(const std::byte* from) {
    const U8 pairs = read<U8>(from);
    return {{pairs & 15, pairs >> 4}};
  }
  [[gnu::always_inline]] static Bytes part_of(Bytes v, int shift, int mask) {
    for (U8& half : v.half) {
      half = half >> static_cast<std::uint8_t>(shift) & static_cast<std::uint8_t>(mask);
    }
    return v;
  }
  [[gnu::always_inline]] static Bytes add_high(Bytes low, Bytes high) {
    for (std::size_t i = 0; i < 2; ++i) low.half[i] |= high.half[i] << 4;
    return low;
  }
  [[gnu::always_inline]] static Bytes subtract(Bytes v, int number) {
    for (U8& half : v.half) half -= static_cast<std::uint8_t>(number);
    return v;
  }
  [[gnu::always_inline]] static void widen_codes(Bytes v, I16 (&out)[kCodes]) {
    using I8 = std::int8_t __attribute__((vector_size(8)));
    for (std::size_t i = 0; i < kCodes; ++i) {
      I8 codes;
      __builtin_memcpy(&codes, reinterpret_cast<const std::byte*>(&v) + 8 * i, sizeof(codes));
      out[i] = __builtin_convertvector(codes, I16);
    }
  }
  [[gnu::always_inline]] static void scale_codes(I16 (&out)[kCodes], std::int32_t first,
                                                 std::int32_t second) {
    using Wrapping = std::uint16_t __attribute__((vector_size(16)));
    for (std::size_t i = 0; i < kCodes; ++i) {
      out[i] = as<I16>(as<Wrapping>(out[i]) * as<Wrapping>(I32{} + (i < 2 ? first : second)));
    }
  }

 private:
  [[gnu::always_inline]] static I32 low_halves(I16 v) { return as<I32>(as<U32>(v) << 16) >> 16; }
  [[gnu::always_inline]] static F32 as_f32(I32 v) { return __builtin_convertvector(v, F32); }

  template <class V>
  [[gnu::always_inline]] static V read(const void* from) {
    V v;
    __builtin_memcpy(&v, from, sizeof(V));
    return v;
  }
  template <class V>
  [[gnu::always_inline]] static void write(void* to, V v) {
    __builtin_memcpy(to, &v, sizeof(V));
  }

  [[gnu::always_inline]] static U32 widen_u16(const std::byte* from) {
    using U16 = std::uint16_t __attribute__((vector_size(8)));
    return __builtin_convertvector(read<U16>(from), U32);
  }
  [[gnu::always_inline]] static U32 widen_u8(const std::byte* from) {
    using U8 = std::uint8_t __attribute__((vector_size(4)));
    return __builtin_convertvector(read<U8>(from), U32);
  }
  [[gnu::always_inline]] static void narrow_u16(std::byte* to, U32 v) {
    using U16 = std::uint16_t __attribute__((vector_size(8)));
    write(to, __builtin_convertvector(v, U16));
  }
};

}  // namespace
}  // namespace bora::kernels::scalar
