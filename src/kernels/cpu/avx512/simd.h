// The vector wrapper of AVX-512 F, BW, DQ, VL and VNNI: sixteen lanes. What a wrapper must offer is
// said in generic/simd.h.
#pragma once

#include "kernels/cpu/avx512/quads.h"

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace bora::kernels::avx512 {
namespace {

struct Simd : Quads {
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kRegisters = 32;
  static constexpr bool kIsFused = true;

  using F32 = __m512;
  using I16 = __m512i;

  [[gnu::always_inline]] static F32 set(float value) { return _mm512_set1_ps(value); }
  [[gnu::always_inline]] static F32 zero() { return _mm512_setzero_ps(); }
  [[gnu::always_inline]] static F32 load(const float* from) { return _mm512_loadu_ps(from); }
  [[gnu::always_inline]] static void store(float* to, F32 v) { _mm512_storeu_ps(to, v); }

  [[gnu::always_inline]] static F32 add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  [[gnu::always_inline]] static F32 sub(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  [[gnu::always_inline]] static F32 mul(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
  [[gnu::always_inline]] static F32 div(F32 a, F32 b) { return _mm512_div_ps(a, b); }
  [[gnu::always_inline]] static F32 max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  [[gnu::always_inline]] static F32 min(F32 a, F32 b) { return _mm512_min_ps(a, b); }
  [[gnu::always_inline]] static F32 sqrt(F32 v) { return _mm512_sqrt_ps(v); }
  [[gnu::always_inline]] static F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }

  // Lanes i and i + 8, then i and i + 4, i and i + 2, i and i + 1.
  [[gnu::always_inline]] static float reduce_add(F32 v) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), upper_half(v));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  [[gnu::always_inline]] static float reduce_max(F32 v) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), upper_half(v));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
  // The additions of reduce_add for sixteen vectors at once. "Quads" are the four 128-bit parts.
  [[gnu::always_inline]] static F32 reduce_add_each(const F32 (&v)[kLanes]) {
    F32 halves[8];  // sums of v[j] below, of v[j + 8] above
#pragma GCC unroll 8
    for (std::size_t j = 0; j < 8; ++j) halves[j] = add_halves(v[j], v[j + 8]);
    F32 quads[4];  // sums of v[j], v[j + 8], v[j + 4], v[j + 12]
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) quads[j] = add_quads(halves[j], halves[j + 4]);
    const F32 ac = add(shuffle<0x44>(quads[0], quads[2]), shuffle<0xEE>(quads[0], quads[2]));
    const F32 bd = add(shuffle<0x44>(quads[1], quads[3]), shuffle<0xEE>(quads[1], quads[3]));
    const F32 sums = add(shuffle<0x88>(ac, bd), shuffle<0xDD>(ac, bd));  // a c b d in each quad
    const I32 order = _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15);
    return _mm512_permutexvar_ps(order, sums);
  }

  [[gnu::always_inline]] static F32 power_of_two(F32 n) {
    const I32 exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
  }

  [[gnu::always_inline]] static F32 widen_f32(const std::byte* from) {
    return _mm512_castsi512_ps(_mm512_loadu_si512(from));
  }
  [[gnu::always_inline]] static F32 widen_bf16(const std::byte* from) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_32(from)), 16));
  }
  [[gnu::always_inline]] static F32 widen_f16(const std::byte* from) {
    return _mm512_cvtph_ps(load_32(from));
  }
  [[gnu::always_inline]] static F32 set_f16(const std::byte* from) {
    std::int16_t bits;
    __builtin_memcpy(&bits, from, sizeof(bits));
    return _mm512_cvtph_ps(_mm256_set1_epi16(bits));
  }

  [[gnu::always_inline]] static void narrow_bf16(std::byte* to, F32 v) {
    const I32 bits = _mm512_castps_si512(v);
    const I32 upper = _mm512_srli_epi32(bits, 16);
    const I32 even = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    const I32 rounded = _mm512_srli_epi32(
        _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), even), 16);
    const I32 quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x0040));
    const auto nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    store_32(to, _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, quiet)));
  }
  [[gnu::always_inline]] static void narrow_f16(std::byte* to, F32 v) {
    store_32(to, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }

  [[gnu::always_inline]] static void widen_i8(const std::byte* from, F32 scale, F32 (&out)[2]) {
#pragma GCC unroll 2
    for (std::size_t i = 0; i < 2; ++i) {
      const I32 quants = _mm512_cvtepi8_epi32(load_16(from + 16 * i));
      out[i] = mul(scale, _mm512_cvtepi32_ps(quants));
    }
  }
  // The 16 values that a nibble can mean are computed once and looked up; the look-up reads the low
  // four bits of its index.
  [[gnu::always_inline]] static void widen_i4(const std::byte* from, F32 scale, F32 (&out)[2]) {
    const F32 values = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    look_up(from, mul(scale, values), out);
  }
  [[gnu::always_inline]] static void widen_u4(const std::byte* from, F32 scale, F32 minimum,
                                              F32 (&out)[2]) {
    const F32 values = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    look_up(from, fma(scale, values, minimum), out);
  }

  [[gnu::always_inline]] static I32 set_bits(std::int32_t bits) { return _mm512_set1_epi32(bits); }
  [[gnu::always_inline]] static std::int32_t first_lane(I32 v) {
    return _mm_cvtsi128_si32(_mm512_castsi512_si128(v));
  }
  [[gnu::always_inline]] static I32 dot_u8_i8(I32 sum, I32 u8, I32 i8) {
    return _mm512_dpbusd_epi32(sum, u8, i8);
  }

  [[gnu::always_inline]] static I16 load_i16(const std::int16_t* from) {
    return _mm512_loadu_si512(from);
  }
  [[gnu::always_inline]] static void store_i16(std::int16_t* to, F32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(v)));
  }
  [[gnu::always_inline]] static I16 set_pair(const std::int16_t* from) {
    std::int32_t pair;
    __builtin_memcpy(&pair, from, sizeof(pair));
    return _mm512_set1_epi32(pair);
  }
  [[gnu::always_inline]] static I32 dot_i16(I32 sum, I16 a, I16 b) {
    return _mm512_dpwssd_epi32(sum, a, b);
  }
  [[gnu::always_inline]] static I32 dot_pair(I32 sum, I16 a, const std::int16_t* pair) {
#if defined(__AVX512VNNI__)
    // GCC 12 would broadcast the pair in an instruction of its own.
    struct Pair {
      std::int16_t of[2];
    };
    asm("vpdpwssd %2%{1to16%}, %1, %0"
        : "+v"(sum)
        : "v"(a), "m"(*reinterpret_cast<const Pair*>(pair)));
    return sum;
#else
    return dot_i16(sum, a, set_pair(pair));
#endif
  }
  [[gnu::always_inline]] static I32 clear_i32() { return _mm512_setzero_si512(); }
  [[gnu::always_inline]] static F32 to_f32(I32 v) { return _mm512_cvtepi32_ps(v); }
  [[gnu::always_inline]] static I32 load_i32(const std::int32_t* from) {
    return _mm512_loadu_si512(from);
  }
  [[gnu::always_inline]] static void store_i32(std::int32_t* to, I32 v) {
    _mm512_storeu_si512(to, v);
  }
  [[gnu::always_inline]] static F32 widen_half(I32 v) {
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
  }
  [[gnu::always_inline]] static I16 as_i16(I32 v) { return v; }
  [[gnu::always_inline]] static void store_even_odd(std::int16_t* to, I16 v) {
    const I32 order = _mm512_set4_epi32(0x0F0E0B0A, 0x0D0C0908, 0x07060302, 0x05040100);
    _mm512_storeu_si512(to, _mm512_shuffle_epi8(v, order));
  }
  [[gnu::always_inline]] static I32 as_i32(I16 v) { return v; }
  [[gnu::always_inline]] static void transpose(I32 (&v)[kLanes]) {
    I32 fours[kLanes];  // four by four within the quads; then the quads
#pragma GCC unroll 4
    for (std::size_t h = 0; h < kLanes; h += 4) {
      const I32 ab = _mm512_unpacklo_epi32(v[h], v[h + 1]);
      const I32 ab_high = _mm512_unpackhi_epi32(v[h], v[h + 1]);
      const I32 cd = _mm512_unpacklo_epi32(v[h + 2], v[h + 3]);
      const I32 cd_high = _mm512_unpackhi_epi32(v[h + 2], v[h + 3]);
      fours[h] = _mm512_unpacklo_epi64(ab, cd);
      fours[h + 1] = _mm512_unpackhi_epi64(ab, cd);
      fours[h + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
      fours[h + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
    }
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      const I32 ab = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0x88);
      const I32 ab_odd = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0xDD);
      const I32 cd = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0x88);
      const I32 cd_odd = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0xDD);
      v[i] = _mm512_shuffle_i32x4(ab, cd, 0x88);
      v[i + 4] = _mm512_shuffle_i32x4(ab_odd, cd_odd, 0x88);
      v[i + 8] = _mm512_shuffle_i32x4(ab, cd, 0xDD);
      v[i + 12] = _mm512_shuffle_i32x4(ab_odd, cd_odd, 0xDD);
    }
  }
  [[gnu::always_inline]] static void widen_codes(Bytes v, I16 (&out)[1]) {
    out[0] = _mm512_cvtepi8_epi16(v);
  }
  [[gnu::always_inline]] static void scale_codes(I16 (&out)[1], std::int32_t first,
                                                 std::int32_t second) {
    const I16 by = _mm512_inserti64x4(_mm512_set1_epi32(first), _mm256_set1_epi32(second), 1);
    out[0] = _mm512_mullo_epi16(out[0], by);
  }

 private:
  [[gnu::always_inline]] static void store_32(std::byte* to, __m256i v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v);
  }
  [[gnu::always_inline]] static __m256 upper_half(F32 v) { return _mm512_extractf32x8_ps(v, 1); }
  // The sums of a's halves below, of b's above.
  [[gnu::always_inline]] static F32 add_halves(F32 a, F32 b) {
    return add(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
  }
  // Quads 0 + 1 and 2 + 3 of a below, of b above.
  [[gnu::always_inline]] static F32 add_quads(F32 a, F32 b) {
    return add(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
  }
  // In each quad, two lanes of a and two of b.
  template <int kLanesChosen>
  [[gnu::always_inline]] static F32 shuffle(F32 a, F32 b) {
    return _mm512_shuffle_ps(a, b, kLanesChosen);
  }
  // table[nibble] for the low nibbles of 16 bytes, then for the high ones.
  [[gnu::always_inline]] static void look_up(const std::byte* from, F32 table, F32 (&out)[2]) {
    const I32 bytes = _mm512_cvtepu8_epi32(load_16(from));
    out[0] = _mm512_permutexvar_ps(bytes, table);
    out[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), table);
  }
};

}  // namespace
}  // namespace bora::kernels::avx512
