// The vector wrapper of AVX2 with FMA and F16C: eight lanes. What a wrapper must offer is said in
// generic/simd.h.
#pragma once

#include "kernels/cpu/avx2/quads.h"

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace bora::kernels::avx2 {
namespace {

struct Simd : Quads {
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kRegisters = 16;
  static constexpr bool kIsFused = true;

  using F32 = __m256;
  using I16 = __m256i;

  [[gnu::always_inline]] static F32 set(float value) { return _mm256_set1_ps(value); }
  [[gnu::always_inline]] static F32 zero() { return _mm256_setzero_ps(); }
  [[gnu::always_inline]] static F32 load(const float* from) { return _mm256_loadu_ps(from); }
  [[gnu::always_inline]] static void store(float* to, F32 v) { _mm256_storeu_ps(to, v); }

  [[gnu::always_inline]] static F32 add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
  [[gnu::always_inline]] static F32 sub(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
  [[gnu::always_inline]] static F32 mul(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
  [[gnu::always_inline]] static F32 div(F32 a, F32 b) { return _mm256_div_ps(a, b); }
  [[gnu::always_inline]] static F32 max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
  [[gnu::always_inline]] static F32 min(F32 a, F32 b) { return _mm256_min_ps(a, b); }
  [[gnu::always_inline]] static F32 sqrt(F32 v) { return _mm256_sqrt_ps(v); }
  [[gnu::always_inline]] static F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }

  // Lanes i and i + 4, then i and i + 2, then i and i + 1.
  [[gnu::always_inline]] static float reduce_add(F32 v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  [[gnu::always_inline]] static float reduce_max(F32 v) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
  // The additions of reduce_add for eight vectors at once.
  [[gnu::always_inline]] static F32 reduce_add_each(const F32 (&v)[kLanes]) {
    const F32 a = add_halves(v[0], v[4]);
    const F32 b = add_halves(v[1], v[5]);
    const F32 c = add_halves(v[2], v[6]);
    const F32 d = add_halves(v[3], v[7]);
    // Low half, by 4 lanes: a holds v[0], the high half v[4]; lanes i + (i + 2) of two at a time.
    const F32 ac = add(shuffle_low(a, c), shuffle_high(a, c));
    const F32 bd = add(shuffle_low(b, d), shuffle_high(b, d));
    const F32 even = _mm256_shuffle_ps(ac, bd, 0x88);  // a0 c0 b0 d0
    const F32 odd = _mm256_shuffle_ps(ac, bd, 0xDD);   // a1 c1 b1 d1
    return _mm256_permute_ps(add(even, odd), 0xD8);    // a b c d
  }

  [[gnu::always_inline]] static F32 power_of_two(F32 n) {
    const I32 exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }

  [[gnu::always_inline]] static F32 widen_f32(const std::byte* from) {
    return _mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  [[gnu::always_inline]] static F32 widen_bf16(const std::byte* from) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_16(from)), 16));
  }
  [[gnu::always_inline]] static F32 widen_f16(const std::byte* from) {
    return _mm256_cvtph_ps(load_16(from));
  }
  [[gnu::always_inline]] static F32 set_f16(const std::byte* from) {
    std::int16_t bits;
    __builtin_memcpy(&bits, from, sizeof(bits));
    return _mm256_cvtph_ps(_mm_set1_epi16(bits));
  }

  [[gnu::always_inline]] static void narrow_bf16(std::byte* to, F32 v) {
    const I32 bits = _mm256_castps_si256(v);
    const I32 upper = _mm256_srli_epi32(bits, 16);
    const I32 even = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    const I32 rounded = _mm256_srli_epi32(
        _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), even), 16);
    const I32 quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x0040));
    const I32 nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const I32 chosen = _mm256_blendv_epi8(rounded, quiet, nan);
    store_16(to,
             _mm_packus_epi32(_mm256_castsi256_si128(chosen), _mm256_extracti128_si256(chosen, 1)));
  }
  [[gnu::always_inline]] static void narrow_f16(std::byte* to, F32 v) {
    store_16(to, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }

  [[gnu::always_inline]] static void widen_i8(const std::byte* from, F32 scale, F32 (&out)[4]) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      const I32 quants = _mm256_cvtepi8_epi32(load_8(from + 8 * i));
      out[i] = mul(scale, _mm256_cvtepi32_ps(quants));
    }
  }
  [[gnu::always_inline]] static void widen_i4(const std::byte* from, F32 scale, F32 (&out)[4]) {
    const I32 eight = _mm256_set1_epi32(8);
#pragma GCC unroll 2
    for (std::size_t i = 0; i < 2; ++i) {
      const I32 bytes = _mm256_cvtepu8_epi32(load_8(from + 8 * i));
      const I32 low = _mm256_and_si256(bytes, _mm256_set1_epi32(15));
      const I32 high = _mm256_srli_epi32(bytes, 4);
      out[i] = mul(scale, _mm256_cvtepi32_ps(_mm256_sub_epi32(low, eight)));
      out[i + 2] = mul(scale, _mm256_cvtepi32_ps(_mm256_sub_epi32(high, eight)));
    }
  }
  [[gnu::always_inline]] static void widen_u4(const std::byte* from, F32 scale, F32 minimum,
                                              F32 (&out)[4]) {
#pragma GCC unroll 2
    for (std::size_t i = 0; i < 2; ++i) {
      const I32 bytes = _mm256_cvtepu8_epi32(load_8(from + 8 * i));
      const I32 low = _mm256_and_si256(bytes, _mm256_set1_epi32(15));
      out[i] = fma(scale, _mm256_cvtepi32_ps(low), minimum);
      out[i + 2] = fma(scale, _mm256_cvtepi32_ps(_mm256_srli_epi32(bytes, 4)), minimum);
    }
  }

  [[gnu::always_inline]] static I32 set_bits(std::int32_t bits) { return _mm256_set1_epi32(bits); }
  [[gnu::always_inline]] static std::int32_t first_lane(I32 v) {
    return _mm_cvtsi128_si32(_mm256_castsi256_si128(v));
  }
  // Pairs of products saturate at 16 bits: exact while |u8| < 128.
  [[gnu::always_inline]] static I32 dot_u8_i8(I32 sum, I32 u8, I32 i8) {
    const I32 pairs = _mm256_maddubs_epi16(u8, i8);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }

  [[gnu::always_inline]] static I16 load_i16(const std::int16_t* from) { return load_32(from); }
  [[gnu::always_inline]] static void store_i16(std::int16_t* to, F32 v) {
    const I32 rounded = _mm256_cvtps_epi32(v);
    const __m128i narrow =
        _mm_packs_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), narrow);
  }
  [[gnu::always_inline]] static I16 set_pair(const std::int16_t* from) {
    std::int32_t pair;
    __builtin_memcpy(&pair, from, sizeof(pair));
    return _mm256_set1_epi32(pair);
  }
  [[gnu::always_inline]] static I32 dot_i16(I32 sum, I16 a, I16 b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  }
  [[gnu::always_inline]] static I32 clear_i32() { return _mm256_setzero_si256(); }
  [[gnu::always_inline]] static F32 to_f32(I32 v) { return _mm256_cvtepi32_ps(v); }
  [[gnu::always_inline]] static I32 load_i32(const std::int32_t* from) { return load_32(from); }
  [[gnu::always_inline]] static void store_i32(std::int32_t* to, I32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v);
  }
  [[gnu::always_inline]] static F32 widen_half(I32 v) {
    const I32 halves = bits(v, 0xFFFF);
    return _mm256_cvtph_ps(
        _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
  }
  [[gnu::always_inline]] static I16 as_i16(I32 v) { return v; }
  [[gnu::always_inline]] static void store_even_odd(std::int16_t* to, I16 v) {
    const I32 order = _mm256_setr_epi32(0x05040100, 0x07060302, 0x0D0C0908, 0x0F0E0B0A, 0x05040100,
                                        0x07060302, 0x0D0C0908, 0x0F0E0B0A);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_shuffle_epi8(v, order));
  }
  [[gnu::always_inline]] static I32 as_i32(I16 v) { return v; }
  [[gnu::always_inline]] static void transpose(I32 (&v)[kLanes]) {
    I32 fours[kLanes];  // fours[i], fours[i + 4]: lanes i and i + 4 of v[0..3], of v[4..7]
#pragma GCC unroll 2
    for (std::size_t h = 0; h < 2; ++h) {
      const I32 ab = _mm256_unpacklo_epi32(v[4 * h], v[4 * h + 1]);
      const I32 ab_high = _mm256_unpackhi_epi32(v[4 * h], v[4 * h + 1]);
      const I32 cd = _mm256_unpacklo_epi32(v[4 * h + 2], v[4 * h + 3]);
      const I32 cd_high = _mm256_unpackhi_epi32(v[4 * h + 2], v[4 * h + 3]);
      fours[4 * h] = _mm256_unpacklo_epi64(ab, cd);
      fours[4 * h + 1] = _mm256_unpackhi_epi64(ab, cd);
      fours[4 * h + 2] = _mm256_unpacklo_epi64(ab_high, cd_high);
      fours[4 * h + 3] = _mm256_unpackhi_epi64(ab_high, cd_high);
    }
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      v[i] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
      v[i + 4] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
    }
  }

  [[gnu::always_inline]] static void widen_codes(Bytes v, I16 (&out)[2]) {
    out[0] = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(v));
    out[1] = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(v, 1));
  }
  [[gnu::always_inline]] static void scale_codes(I16 (&out)[2], std::int32_t first,
                                                 std::int32_t second) {
    out[0] = _mm256_mullo_epi16(out[0], _mm256_set1_epi32(first));
    out[1] = _mm256_mullo_epi16(out[1], _mm256_set1_epi32(second));
  }

 private:
  [[gnu::always_inline]] static __m128i load_8(const std::byte* from) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  }
  [[gnu::always_inline]] static void store_16(std::byte* to, __m128i v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v);
  }
  // The sums of a's halves below, of b's above.
  [[gnu::always_inline]] static F32 add_halves(F32 a, F32 b) {
    return add(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
  }
  // Lanes 0 1 (2 3) of each half of a, then of b.
  [[gnu::always_inline]] static F32 shuffle_low(F32 a, F32 b) {
    return _mm256_shuffle_ps(a, b, 0x44);
  }
  [[gnu::always_inline]] static F32 shuffle_high(F32 a, F32 b) {
    return _mm256_shuffle_ps(a, b, 0xEE);
  }
};

}  // namespace
}  // namespace bora::kernels::avx2
