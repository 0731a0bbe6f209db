// The vector wrapper of avx512/simd.h in plain C++: the same sixteen lanes, each computed as the
// instruction would. The kernels over it run in tests on every machine, and give the bits of the
// silicon where that is there to be compared. What a wrapper must offer is said in generic/simd.h.
#pragma once

#include "kernels/cpu/emulated/instructions.h"
#include "kernels/cpu/emulated/quads.h"

#include <cstddef>

namespace bora::kernels::emulated {
namespace {

// Functions of more than one operation are not inlined: tiles repeat them hundreds of times.
struct Simd : Quads {
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kRegisters = 32;
  static constexpr bool kIsFused = true;

  using F32 = float __attribute__((vector_size(64)));
  using Bytes = std::uint8_t __attribute__((vector_size(32)));
  static constexpr std::size_t kCodes = sizeof(Bytes) / (2 * kLanes);  // vectors of a block

  static F32 set(float value) {
    F32 v;
    for (std::size_t i = 0; i < kLanes; ++i) v[i] = value;
    return v;
  }
  static F32 zero() { return F32{}; }
  static F32 load(const float* from) { return read<F32>(from); }
  static void store(float* to, F32 v) { __builtin_memcpy(to, &v, sizeof(v)); }

  static F32 add(F32 a, F32 b) { return a + b; }
  static F32 sub(F32 a, F32 b) { return a - b; }
  static F32 mul(F32 a, F32 b) { return a * b; }
  static F32 div(F32 a, F32 b) { return a / b; }
  static F32 max(F32 a, F32 b) { return a > b ? a : b; }
  static F32 min(F32 a, F32 b) { return a < b ? a : b; }
  [[gnu::noinline]] static F32 sqrt(F32 v) {
    for (std::size_t i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
    return v;
  }
  [[gnu::noinline]] static F32 fma(F32 a, F32 b, F32 c) {
    for (std::size_t i = 0; i < kLanes; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
  }

  // Lanes i and i + 8, then i and i + 4, i and i + 2, i and i + 1.
  [[gnu::noinline]] static float reduce_add(F32 v) {
    for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) v[i] = v[i] + v[i + half];
    }
    return v[0];
  }
  [[gnu::noinline]] static float reduce_max(F32 v) {
    for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) v[i] = v[i] > v[i + half] ? v[i] : v[i + half];
    }
    return v[0];
  }
  [[gnu::noinline]] static F32 reduce_add_each(const F32 (&v)[kLanes]) {
    F32 sums;
    for (std::size_t i = 0; i < kLanes; ++i) sums[i] = reduce_add(v[i]);
    return sums;
  }

  [[gnu::noinline]] static F32 power_of_two(F32 n) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      n[i] = float_of((static_cast<std::uint32_t>(round_to_int(n[i])) + 127U) << 23);
    }
    return n;
  }

  static F32 widen_f32(const std::byte* from) { return read<F32>(from); }
  [[gnu::noinline]] static F32 widen_bf16(const std::byte* from) {
    F32 v;
    for (std::size_t i = 0; i < kLanes; ++i) v[i] = emulated::widen_bf16(half_at(from, i));
    return v;
  }
  [[gnu::noinline]] static F32 widen_f16(const std::byte* from) {
    F32 v;
    for (std::size_t i = 0; i < kLanes; ++i) v[i] = emulated::widen_f16(half_at(from, i));
    return v;
  }
  [[gnu::noinline]] static F32 set_f16(const std::byte* from) {
    return set(emulated::widen_f16(half_at(from, 0)));
  }

  [[gnu::noinline]] static void narrow_bf16(std::byte* to, F32 v) {
    for (std::size_t i = 0; i < kLanes; ++i) put_half(to, i, emulated::narrow_bf16(v[i]));
  }
  [[gnu::noinline]] static void narrow_f16(std::byte* to, F32 v) {
    for (std::size_t i = 0; i < kLanes; ++i) put_half(to, i, emulated::narrow_f16(v[i]));
  }

  [[gnu::noinline]] static void widen_i8(const std::byte* from, F32 scale, F32 (&out)[2]) {
    for (std::size_t i = 0; i < 2 * kLanes; ++i) {
      out[i / kLanes][i % kLanes] =
          scale[i % kLanes] * static_cast<float>(static_cast<std::int8_t>(from[i]));
    }
  }
  [[gnu::noinline]] static void widen_i4(const std::byte* from, F32 scale, F32 (&out)[2]) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const auto pair = static_cast<int>(from[i]);
      out[0][i] = scale[i] * static_cast<float>(pair % 16 - 8);
      out[1][i] = scale[i] * static_cast<float>((pair >> 4) - 8);
    }
  }
  [[gnu::noinline]] static void widen_u4(const std::byte* from, F32 scale, F32 minimum,
                                         F32 (&out)[2]) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const auto pair = static_cast<int>(from[i]);
      out[0][i] = __builtin_fmaf(scale[i], static_cast<float>(pair % 16), minimum[i]);
      out[1][i] = __builtin_fmaf(scale[i], static_cast<float>(pair >> 4), minimum[i]);
    }
  }

  static I32 set_bits(std::int32_t bits) { return I32{} + bits; }
  static std::int32_t first_lane(I32 v) { return v[0]; }
  [[gnu::noinline]] static I32 dot_u8_i8(I32 sum, I32 u8, I32 i8) {
    for (std::size_t i = 0; i < kLanes; ++i) sum[i] = emulated::dot_u8_i8(sum[i], u8[i], i8[i]);
    return sum;
  }

  static I16 load_i16(const std::int16_t* from) { return read<I16>(from); }
  [[gnu::noinline]] static void store_i16(std::int16_t* to, F32 v) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      to[i] = static_cast<std::int16_t>(round_to_int(v[i]));
    }
  }
  static I16 set_pair(const std::int16_t* from) {
    I16 v;
    for (std::size_t i = 0; i < 2 * kLanes; ++i) v[i] = from[i % 2];
    return v;
  }
  [[gnu::noinline]] static I32 dot_i16(I32 sum, I16 a, I16 b) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      sum[i] = emulated::dot_i16(sum[i], a[2 * i] * b[2 * i], a[2 * i + 1] * b[2 * i + 1]);
    }
    return sum;
  }
  static I32 clear_i32() { return I32{}; }
  static F32 to_f32(I32 v) { return __builtin_convertvector(v, F32); }
  static I32 load_i32(const std::int32_t* from) { return read<I32>(from); }
  static void store_i32(std::int32_t* to, I32 v) { __builtin_memcpy(to, &v, sizeof(v)); }
  [[gnu::noinline]] static void load_quads(const std::byte* first, std::size_t stride,
                                           I32 (&out)[4]) {
    for (std::size_t r = 0; r < kLanes; ++r) {
      for (std::size_t i = 0; i < 4; ++i)
        out[i][r] = read<std::int32_t>(first + r * stride + 4 * i);
    }
  }
  [[gnu::noinline]] static void store_quads(std::byte* first, std::size_t stride,
                                            const I32 (&v)[4]) {
    for (std::size_t r = 0; r < kLanes; ++r) {
      for (std::size_t i = 0; i < 4; ++i) {
        const std::int32_t word = v[i][r];
        __builtin_memcpy(first + r * stride + 4 * i, &word, sizeof(word));
      }
    }
  }
  [[gnu::noinline]] static F32 widen_half(I32 v) {
    F32 to;
    for (std::size_t i = 0; i < kLanes; ++i) {
      to[i] = emulated::widen_f16(static_cast<std::uint16_t>(v[i]));
    }
    return to;
  }
  static I16 as_i16(I32 v) { return as<I16>(v); }
  [[gnu::noinline]] static void store_even_odd(std::int16_t* to, I16 v) {
    for (std::size_t i = 0; i < 2 * kLanes; i += 4) {
      to[i] = v[i];
      to[i + 1] = v[i + 2];
      to[i + 2] = v[i + 1];
      to[i + 3] = v[i + 3];
    }
  }
  static I32 as_i32(I16 v) { return reinterpret_cast<I32>(v); }
  [[gnu::noinline]] static void transpose(I32 (&v)[kLanes]) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const std::int32_t value = v[i][j];
        v[i][j] = v[j][i];
        v[j][i] = value;
      }
    }
  }

  static Bytes load_bytes(const std::byte* from) { return read<Bytes>(from); }
  [[gnu::noinline]] static Bytes load_nibbles(const std::byte* from) {
    Bytes v;
    for (std::size_t i = 0; i < 16; ++i) {
      const auto pair = static_cast<unsigned>(from[i]);
      v[i] = static_cast<std::uint8_t>(pair % 16);
      v[i + 16] = static_cast<std::uint8_t>(pair / 16);
    }
    return v;
  }
  static Bytes part_of(Bytes v, int shift, int mask) {
    return v >> static_cast<std::uint8_t>(shift) & static_cast<std::uint8_t>(mask);
  }
  static Bytes add_high(Bytes low, Bytes high) { return low | high << 4; }
  static Bytes subtract(Bytes v, int number) { return v - static_cast<std::uint8_t>(number); }
  [[gnu::noinline]] static void widen_codes(Bytes v, I16 (&out)[kCodes]) {
    for (std::size_t i = 0; i < sizeof(Bytes); ++i) {
      out[i / (2 * kLanes)][i % (2 * kLanes)] = static_cast<std::int8_t>(v[i]);
    }
  }
  [[gnu::noinline]] static void scale_codes(I16 (&out)[kCodes], std::int32_t first,
                                            std::int32_t second) {
    for (std::size_t i = 0; i < sizeof(Bytes); ++i) {
      std::int16_t code = out[i / (2 * kLanes)][i % (2 * kLanes)];
      code = static_cast<std::int16_t>(code * static_cast<std::int16_t>(i < 16 ? first : second));
      out[i / (2 * kLanes)][i % (2 * kLanes)] = code;
    }
  }

 private:
  template <class V>
  static V read(const void* from) {
    V v;
    __builtin_memcpy(&v, from, sizeof(V));
    return v;
  }
  static std::uint16_t half_at(const std::byte* from, std::size_t index) {
    return read<std::uint16_t>(from + 2 * index);
  }
  static void put_half(std::byte* to, std::size_t index, std::uint16_t half) {
    __builtin_memcpy(to + 2 * index, &half, sizeof(half));
  }
};

}  // namespace
}  // namespace bora::kernels::emulated
